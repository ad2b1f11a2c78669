import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.image.kid import poly_mmd

from ganflow.metrics import distribution
from ganflow.metrics.bootstrap import multiplicities, plus_minus

RNG = np.random.default_rng(0)


def test_frechet_distance_of_diagonal_gaussians_in_closed_form() -> None:
    """|m|^2 + sum (s_a - s_b)^2, with the sample moments made exact."""
    base = RNG.normal(size=(500, 4))
    base = (base - base.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(base, rowvar=False))).T
    scale, shift = np.array([1.0, 2.0, 3.0, 0.0]), np.array([1.0, 0.0, -2.0, 0.5])
    expected = (shift**2).sum() + ((scale - 1) ** 2).sum()
    assert distribution.frechet_distance(base, base * scale + shift) == pytest.approx(expected)


def test_frechet_distance_agrees_with_scipy() -> None:
    a, b = RNG.normal(size=(300, 8)) @ RNG.normal(size=(8, 8)), RNG.normal(size=(200, 8)) @ RNG.normal(size=(8, 8))
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    other = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * scipy.linalg.sqrtm(cov_a @ cov_b).real)
    assert distribution.frechet_distance(a, b) == pytest.approx(other)


def test_frechet_distance_is_zero_on_itself_symmetric_and_grows_with_a_shift() -> None:
    a, b = RNG.normal(size=(100, 5)), RNG.normal(size=(100, 5))
    assert distribution.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert distribution.frechet_distance(a, b) == pytest.approx(distribution.frechet_distance(b, a))
    distances = [distribution.frechet_distance(a, a + shift) for shift in (0.5, 1, 2)]
    assert distances == sorted(distances)


@pytest.mark.parametrize(("n", "m"), [(5, 6), (5, 300), (300, 6)])
def test_frechet_distance_of_fewer_samples_than_features_agrees_with_scipy(n: int, m: int) -> None:
    a, b = RNG.normal(size=(n, 20)), RNG.normal(size=(m, 20)) * 2
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values = scipy.linalg.eigvals(cov_a @ cov_b).real.clip(0)  # sqrtm is at a loss with singular matrices
    other = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * np.sqrt(values).sum()
    assert distribution.frechet_distance(a, b) == pytest.approx(other, rel=1e-6)


def test_kernel_distance_by_hand() -> None:
    """One feature: kernels (xy + 1)^3. Within (0, 1): 1. Within (1, 2): 27. Across: 1, 1, 8, 27 on average 37 / 4."""
    found = distribution.kernel_distance(np.array([[0], [1]]), np.array([[1], [2]]))
    assert found == pytest.approx(1 + 27 - 2 * 37 / 4)


def test_kernel_distance_agrees_with_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = RNG.normal(size=(60, 8)), RNG.normal(size=(45, 8)) + 0.3
    other = poly_mmd(torch.tensor(a[:45]), torch.tensor(b))  # theirs takes equal numbers only
    assert distribution.kernel_distance(a[:45], b) == pytest.approx(float(other))
    whole = distribution.kernel_distance(a, b)
    monkeypatch.setattr(distribution, "CHUNK", 7)
    assert distribution.kernel_distance(a, b) == pytest.approx(whole)


def test_kernel_distance_is_unbiased_symmetric_and_grows_with_a_shift() -> None:
    draws = RNG.normal(size=(200, 2, 20, 4))
    same = [distribution.kernel_distance(a, b)[0] for a, b in draws]
    assert abs(np.mean(same)) < 3 * np.std(same) / math.sqrt(len(same))
    assert min(same) < 0
    a, b = draws[0]
    assert distribution.kernel_distance(a, b) == pytest.approx(distribution.kernel_distance(b, a))
    distances = [distribution.kernel_distance(a, b + shift) for shift in (0.5, 1, 2)]
    assert distances == sorted(distances)


@pytest.mark.parametrize("measure", [distribution.frechet_distance, distribution.kernel_distance])
def test_a_resample_is_measured_as_the_samples_it_holds(measure: Callable[..., np.ndarray]) -> None:
    a, b = RNG.normal(size=(40, 3)), RNG.normal(size=(30, 3)) + 0.2
    weights = multiplicities(40, 1, resamples=4), multiplicities(30, 2, resamples=4)
    found = measure(a, b, weights)
    assert found.shape == (4,)
    for row in range(4):
        drawn = [np.repeat(x, w[row].astype(int), axis=0) for x, w in zip((a, b), weights, strict=True)]
        if measure is distribution.frechet_distance:
            assert found[row] == pytest.approx(measure(*drawn)[0])
        else:  # the same, but without the pairs that repeat a sample
            assert found[row] < measure(*drawn)[0]
            assert found[row] == pytest.approx(measure(*drawn)[0], abs=2)


def test_classifier_score_and_histogram_of_resamples() -> None:
    probabilities = RNG.dirichlet(np.ones(10), 50)
    weights = multiplicities(50, 1, resamples=3)
    for row, (score, shares) in enumerate(
        zip(
            distribution.classifier_score(probabilities, weights),
            distribution.class_histogram(probabilities.argmax(1), weights),
            strict=True,
        )
    ):
        drawn = np.repeat(probabilities, weights[row].astype(int), axis=0)
        assert score == pytest.approx(distribution.classifier_score(drawn)[0])
        assert shares == pytest.approx(distribution.class_histogram(drawn.argmax(1))[0])


@pytest.mark.parametrize("measure", [distribution.frechet_distance, distribution.kernel_distance])
def test_the_noise_of_resamples_is_that_of_new_samples(measure: Callable[..., np.ndarray]) -> None:
    """What a bootstrap interval claims, tried: it is as wide as the spread over sets drawn anew."""

    def draw() -> tuple[np.ndarray, np.ndarray]:
        return RNG.normal(size=(300, 4)), RNG.normal(size=(300, 4)) * 1.2 + 0.3

    anew = np.array([measure(*draw())[0] for _ in range(150)])
    widths = [
        plus_minus(measure(*draw(), (multiplicities(300, seed, 150), multiplicities(300, seed + 99, 150))))
        for seed in range(12)
    ]
    assert np.mean(widths) == pytest.approx(plus_minus(anew), rel=0.25)


def test_one_sample_or_features_of_two_widths_are_refused() -> None:
    for measure in (distribution.frechet_distance, distribution.kernel_distance):
        with pytest.raises(ValueError, match="N, M >= 2"):
            measure(np.ones((1, 3)), np.ones((5, 3)))
        with pytest.raises(ValueError, match="N, M >= 2"):
            measure(np.ones((5, 3)), np.ones((5, 4)))


def test_classifier_score_by_hand() -> None:
    assert distribution.classifier_score(np.full((7, 10), 0.1)) == pytest.approx(1)
    assert distribution.classifier_score(np.tile(np.eye(10), (3, 1))) == pytest.approx(10)
    assert distribution.classifier_score(np.eye(10)[[3, 3, 3]]) == pytest.approx(1)  # sure, but one class only
    # Two images, (1, 0) and (1/2, 1/2): marginal (3/4, 1/4); KLs log(4/3) and log(2/3)/2 + log(2)/2.
    expected = math.exp((math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)) / 2)
    assert distribution.classifier_score(np.array([[1, 0], [0.5, 0.5]])) == pytest.approx(expected)


def test_histogram_and_its_divergence() -> None:
    histogram = distribution.class_histogram(np.array([0, 0, 1, 9]))
    assert histogram.tolist() == [[0.5, 0.25, 0, 0, 0, 0, 0, 0, 0, 0.25]]
    expected = 0.5 * math.log(5) + 2 * 0.25 * math.log(2.5)
    assert distribution.divergence_from_uniform(histogram) == pytest.approx(expected)
    assert distribution.divergence_from_uniform(np.full(10, 0.1)) == pytest.approx(0, abs=1e-12)
    assert distribution.divergence_from_uniform(np.eye(10)[0]) == pytest.approx(math.log(10))
