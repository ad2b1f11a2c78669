import numpy as np
import pytest

from ganflow.data.generated_digits import digits
from ganflow.metrics.memorisation import copied, nearest

TRAIN, _, TEST, _ = digits(60000, 10000, seed=0)


def test_the_nearest_is_what_a_plain_search_finds() -> None:
    queries, library = TEST[:20], TRAIN[:200]
    distances = np.linalg.norm((queries[:, None].astype(float) - library[None]) / 255, axis=(2, 3))
    found, distance = nearest(queries, library)
    assert found.tolist() == distances.argmin(1).tolist()
    assert distance == pytest.approx(distances.min(1), rel=1e-5)


def test_an_exact_copy_is_at_distance_zero() -> None:
    found, distance = nearest(TRAIN[[5, 77]], TRAIN[:100])
    assert found.tolist() == [5, 77]
    assert distance.tolist() == [0, 0]


def test_new_digits_are_no_copies_and_copies_are_exposed() -> None:
    new, train = TRAIN[:400], TRAIN[400:]
    assert copied(new, train, TEST).mean() < 0.02
    noisy = (train[:400] + np.random.default_rng(0).normal(0, 15, (400, 28, 28))).clip(0, 255).astype(np.uint8)
    assert copied(noisy, train, TEST).mean() > 0.8
    assert (nearest(noisy, train)[0] == np.arange(400)).mean() > 0.98


def test_as_near_to_both_is_no_copy() -> None:
    assert copied(TRAIN[:3], TRAIN[:50], TRAIN[:50]).tolist() == [0, 0, 0]
