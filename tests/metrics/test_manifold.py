import numpy as np
import pytest

from ganflow.metrics import manifold as module
from ganflow.metrics.manifold import manifold

RNG = np.random.default_rng(0)


def test_by_hand() -> None:
    """Real samples at 0, 1, ... 7: their balls reach 3 (to the third neighbour) or more at the ends."""
    real = np.arange(8.0)[:, None]
    found = manifold(np.array([[3.5], [9.5], [100.0], [101.0], [102.0], [103.0]]), real)
    # To the third neighbour: 3 at 0 and 7, 2 elsewhere; to the fifth: 5, 4, 3, 3, 3, 3, 4, 5.
    assert found.precision.tolist() == [1, 1, 0, 0, 0, 0]  # 9.5 is 2.5 from 7
    # 3.5 lies in the balls of 0 (5) to 7 (5), all eight; 9.5 in those of 6 (4) and 7 (5).
    assert found.density.tolist() == [8 / 5, 2 / 5, 0, 0, 0, 0]
    assert found.coverage.tolist() == [1] * 8
    # Balls of generated samples: 3.5 reaches 97.5 to its third neighbour, and holds all.
    assert found.recall.tolist() == [1] * 8


def test_it_is_what_a_plain_loop_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 7)
    generated, real = RNG.normal(size=(30, 3)) + 0.5, RNG.normal(size=(25, 3))

    def reach(samples: np.ndarray, k: int) -> list[float]:
        return [sorted(np.linalg.norm(samples - one, axis=1))[k] for one in samples]

    def distance(i: int, j: int) -> float:
        return float(np.linalg.norm(generated[i] - real[j]))

    found = manifold(generated, real)
    real_3, real_5, generated_3 = reach(real, 3), reach(real, 5), reach(generated, 3)
    g, r = range(30), range(25)
    assert found.precision.tolist() == [any(distance(i, j) <= real_3[j] for j in r) for i in g]
    assert found.recall.tolist() == [any(distance(i, j) <= generated_3[i] for i in g) for j in r]
    assert found.density == pytest.approx([sum(distance(i, j) <= real_5[j] for j in r) / 5 for i in g])
    assert found.coverage.tolist() == [any(distance(i, j) <= real_5[j] for i in g) for j in r]


def test_equal_distributions_have_a_density_near_one_and_the_rest_near_one() -> None:
    found = manifold(RNG.normal(size=(1500, 4)), RNG.normal(size=(1500, 4)))
    assert found.density.mean() == pytest.approx(1, abs=0.1)
    for measure in (found.precision, found.recall, found.coverage):
        assert measure.mean() > 0.9


def test_a_dropped_mode_costs_recall_and_coverage_and_not_precision() -> None:
    modes = RNG.normal(size=(2, 300, 4)) * 0.1 + np.array([0, 5])[:, None, None]
    found = manifold(RNG.normal(size=(300, 4)) * 0.1, modes.reshape(-1, 4))
    assert found.precision.mean() > 0.9
    assert found.recall.mean() == pytest.approx(0.5, abs=0.05)
    assert found.coverage.mean() == pytest.approx(0.5, abs=0.05)


def test_samples_from_nowhere_cost_precision_and_density() -> None:
    far = np.concatenate([RNG.normal(size=(200, 4)), RNG.normal(size=(200, 4)) + 50])
    found = manifold(far, RNG.normal(size=(400, 4)))
    assert found.precision.mean() == pytest.approx(0.5, abs=0.05)
    assert found.density[200:].max() == 0


def test_a_real_outlier_flatters_precision_and_hardly_density() -> None:
    """Naeem et al.'s reason for density."""
    real = np.concatenate([RNG.normal(size=(300, 4)) * 0.1, np.full((1, 4), 30.0)])
    between = np.full((50, 4), 15.0) + RNG.normal(size=(50, 4))
    found = manifold(between, real)
    assert found.precision.mean() == 1
    assert found.density.mean() <= 0.2
