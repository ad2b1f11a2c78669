import numpy as np
import pytest

from ganflow.metrics.bootstrap import interval, multiplicities


def test_each_resample_holds_as_many_images_and_the_same_ones_for_a_seed() -> None:
    drawn = multiplicities(images=30, seed=1, resamples=200)
    assert drawn.shape == (200, 30)
    assert (drawn.sum(1) == 30).all()
    assert drawn.std() > 0
    np.testing.assert_array_equal(drawn, multiplicities(30, 1, 200))
    assert (drawn != multiplicities(30, 2, 200)).any()


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = interval(values.mean(), multiplicities(400, 0) @ values / 400)
    standard_error = values.std() / 400**0.5
    assert low == pytest.approx(values.mean() - 1.96 * standard_error, abs=0.2 * standard_error)
    assert high == pytest.approx(values.mean() + 1.96 * standard_error, abs=0.2 * standard_error)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(300):
        values = rng.normal(0, 1, 60)
        low, high = interval(values.mean(), multiplicities(60, trial, 300) @ values / 60)
        covered += low <= 0 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_a_bias_of_the_resampled_values_does_not_move_the_interval_off_the_value() -> None:
    assert interval(1.0, np.array([3.0, 4.0, 5.0])) == pytest.approx((0.05, 1.95))
