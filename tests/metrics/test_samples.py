from itertools import combinations

import numpy as np
import pytest

from ganflow.metrics.samples import best_of_n, diversity, mean_absolute_difference, spread, used_dimensions


def test_the_best_of_k_is_the_mean_over_every_choice_of_k() -> None:
    errors = np.random.default_rng(0).random((7, 5))
    found = best_of_n(errors)
    for k in range(1, 6):
        by_choice = [errors[:, list(choice)].min(1).mean() for choice in combinations(range(5), k)]
        assert found[k - 1] == pytest.approx(np.mean(by_choice))
    assert found[0] == pytest.approx(errors.mean())
    assert found[-1] == pytest.approx(errors.min(1).mean())


def test_equal_answers_have_no_diversity_and_no_spread() -> None:
    image = np.random.default_rng(1).integers(0, 256, (2, 1, 8, 8, 3), np.uint8)
    same = image.repeat(4, axis=1)
    assert diversity(same).tolist() == [0, 0]
    assert not spread(same[0]).any()


def test_diversity_is_the_mean_over_pairs_and_spread_the_deviation() -> None:
    levels = np.array([0, 10, 40], np.uint8)
    answers = np.broadcast_to(levels[None, :, None, None, None], (1, 3, 4, 4, 3))
    assert diversity(answers) == pytest.approx([(10 + 30 + 40) / 3])
    assert spread(answers[0]) == pytest.approx(np.full((4, 4), levels.std()))


def test_unsigned_bytes_do_not_wrap() -> None:
    low, high = np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)
    assert mean_absolute_difference(low, high).tolist() == mean_absolute_difference(high, low).tolist() == [255]


def test_latent_dimensions_in_use_with_those_that_other_images_would_show() -> None:
    sure = np.tile([2.0, 0.5, 0.01, 0.0], (50, 1))
    assert used_dimensions(sure, seed=0) == (2, 0)
    now_and_then = sure + np.where(np.arange(50) % 10 == 0, 0.45, 0)[:, None] * np.array([0, 0, 1, 0])  # 0.055 nats
    assert used_dimensions(now_and_then, seed=0) == (3, 1)
