import numpy as np
import pytest

from ganflow.metrics import manifold as module

RNG = np.random.default_rng(0)


def manifold(generated: np.ndarray, real: np.ndarray) -> dict[str, float]:
    found = module.manifold(module.neighbours(generated), module.neighbours(real))
    return {name: float(value[0]) for name, value in found.items()}


def by_loop(generated: np.ndarray, real: np.ndarray) -> dict[str, float]:
    def reach(samples: np.ndarray, k: int) -> list[float]:
        return [sorted(np.linalg.norm(samples - one, axis=1))[k] for one in samples]

    distance = np.linalg.norm(generated[:, None] - real, axis=2)
    real_3, real_5, generated_3 = reach(real, 3), reach(real, 5), reach(generated, 3)
    g, r = range(len(generated)), range(len(real))
    return {
        "precision": float(np.mean([any(distance[i, j] <= real_3[j] for j in r) for i in g])),
        "recall": float(np.mean([any(distance[i, j] <= generated_3[i] for i in g) for j in r])),
        "density": float(np.mean([sum(distance[i, j] <= real_5[j] for j in r) / 5 for i in g])),
        "coverage": float(np.mean([any(distance[i, j] <= real_5[j] for i in g) for j in r])),
    }


def test_by_hand() -> None:
    """Real samples at 0, 1, ... 7: their balls reach 3 (to the third neighbour) or more at the ends."""
    real = np.arange(8.0)[:, None]
    found = manifold(np.array([[3.5], [9.5], [100.0], [101.0], [102.0], [103.0]]), real)
    # To the third neighbour: 3 at 0 and 7, 2 elsewhere; to the fifth: 5, 4, 3, 3, 3, 3, 4, 5.
    assert found["precision"] == pytest.approx(2 / 6)  # 3.5, and 9.5, which is 2.5 from 7
    # 3.5 lies in the balls of 0 (5) to 7 (5), all eight; 9.5 in those of 6 (4) and 7 (5).
    assert found["density"] == pytest.approx((8 / 5 + 2 / 5) / 6)
    assert found["coverage"] == 1
    assert found["recall"] == 1  # 3.5 reaches 97.5 to its third neighbour, and holds all


def test_it_is_what_a_plain_loop_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 7)
    generated, real = RNG.normal(size=(30, 3)) + 0.5, RNG.normal(size=(25, 3))
    assert manifold(generated, real) == pytest.approx(by_loop(generated, real))


def test_parts_are_measured_as_the_samples_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """With balls that reach to the neighbours within the part."""
    monkeypatch.setattr(module, "CHUNK", 7)
    generated, real = RNG.normal(size=(40, 3)) + 0.5, RNG.normal(size=(30, 3))
    kept = RNG.random((4, 40)) < 0.5, RNG.random((4, 30)) < 0.6
    found = module.manifold(module.neighbours(generated), module.neighbours(real), kept)
    for part in range(4):
        expected = by_loop(generated[kept[0][part]], real[kept[1][part]])
        assert {name: value[part] for name, value in found.items()} == pytest.approx(expected)


def test_equal_distributions_have_a_density_near_one_and_the_rest_near_one() -> None:
    found = manifold(RNG.normal(size=(1500, 4)), RNG.normal(size=(1500, 4)))
    assert found.pop("density") == pytest.approx(1, abs=0.1)
    assert min(found.values()) > 0.9


def test_a_dropped_mode_costs_recall_and_coverage_and_not_precision() -> None:
    modes = RNG.normal(size=(2, 1000, 4)) * 0.1 + np.array([0, 5])[:, None, None]
    found = manifold(RNG.normal(size=(1000, 4)) * 0.1, modes.reshape(-1, 4))
    assert found["precision"] > 0.9
    assert found["recall"] == pytest.approx(0.5, abs=0.05)
    assert found["coverage"] == pytest.approx(0.5, abs=0.05)


def test_samples_from_nowhere_cost_precision_and_density() -> None:
    real = RNG.normal(size=(400, 4))
    found = manifold(np.concatenate([RNG.normal(size=(200, 4)), RNG.normal(size=(200, 4)) + 50]), real)
    assert found["precision"] == pytest.approx(0.5, abs=0.05)
    assert manifold(RNG.normal(size=(200, 4)) + 50, real)["density"] == 0


def test_a_real_outlier_flatters_precision_and_hardly_density() -> None:
    """Naeem et al.'s reason for density."""
    real = np.concatenate([RNG.normal(size=(300, 4)) * 0.1, np.full((1, 4), 30.0)])
    between = np.full((50, 4), 15.0) + RNG.normal(size=(50, 4))
    found = manifold(between, real)
    assert found["precision"] == 1
    assert found["density"] <= 0.2


def test_coverage_alone_is_the_coverage_of_all_four() -> None:
    generated, real = RNG.normal(size=(30, 3)) + 0.5, RNG.normal(size=(25, 3))
    assert module.coverage(generated, real) == pytest.approx(by_loop(generated, real)["coverage"])
    assert module.coverage(generated[:0], real) == 0
