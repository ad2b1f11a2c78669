import numpy as np
import pytest

from ganflow.metrics.bootstrap import multiplicities, plus_minus


def test_each_resample_holds_as_many_images_and_the_same_ones_for_a_seed() -> None:
    drawn = multiplicities(images=30, seed=1, resamples=200)
    assert drawn.shape == (200, 30)
    assert (drawn.sum(1) == 30).all()
    assert drawn.std() > 0
    np.testing.assert_array_equal(drawn, multiplicities(30, 1, 200))
    assert (drawn != multiplicities(30, 2, 200)).any()


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    expected = 1.96 * values.std() / 400**0.5
    assert plus_minus(multiplicities(400, 0) @ values / 400) == pytest.approx(expected, rel=0.1)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(300):
        values = rng.normal(0, 1, 60)
        covered += abs(values.mean()) <= plus_minus(multiplicities(60, trial, 300) @ values / 60)
    assert 0.90 <= covered / 300 <= 0.98


def test_a_bias_of_the_resampled_values_does_not_widen_it() -> None:
    around_four = np.array([3.0, 4.0, 5.0])
    assert plus_minus(around_four) == pytest.approx(1)
    assert plus_minus(around_four + 100) == pytest.approx(1)


def test_resamples_without_a_value_are_left_out() -> None:
    assert plus_minus(np.array([3.0, np.nan, 4.0, 5.0])) == pytest.approx(1)
