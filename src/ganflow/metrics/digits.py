"""All measures of a set of generated digits that look through the classifier, each with its noise."""

from dataclasses import dataclass

import numpy as np

from ganflow.metrics.bootstrap import multiplicities, plus_minus
from ganflow.metrics.distribution import (
    class_histogram,
    classifier_score,
    divergence_from_uniform,
    frechet_distance,
    kernel_distance,
)
from ganflow.metrics.manifold import manifold

RESAMPLES = 100  # of whole sets: each costs a covariance, or a pass over all pairs


@dataclass(frozen=True)
class Seen:
    """Digits as the classifier sees them: float64 features [N, D] and class probabilities [N, 10]."""

    features: np.ndarray
    probabilities: np.ndarray


def measures(digits: Seen, reference: Seen, seed: int) -> dict[str, tuple[float, float]]:
    """Every measure of `digits` against real ones, as (value, half the width of its 95 % interval)."""
    # The first row counts each digit once: the value itself comes out of the same pass as its resamples.
    drawn, drawn_of_reference = (
        np.vstack([np.ones((1, len(these.features))), multiplicities(len(these.features), own_seed, RESAMPLES)])
        for these, own_seed in ((digits, seed), (reference, seed + 1))
    )
    sets = digits.features, reference.features, (drawn, drawn_of_reference)
    found = {
        "frechet_classifier": frechet_distance(*sets),
        "kernel_classifier": kernel_distance(*sets),
        "score": classifier_score(digits.probabilities, drawn),
        "kl_uniform": divergence_from_uniform(class_histogram(digits.probabilities.argmax(1), drawn)),
    }
    with_noise = {key: (float(values[0]), plus_minus(values[1:])) for key, values in found.items()}
    neighbours = manifold(digits.features, reference.features)
    return with_noise | {key: mean(values) for key, values in vars(neighbours).items()}


def quick_measures(digits: Seen, reference: Seen) -> dict[str, float]:
    """Of the above, those that take no pass over all pairs: for sets drawn anew, to see the noise of drawing."""
    return {
        "frechet_classifier": float(frechet_distance(digits.features, reference.features)[0]),
        "score": float(classifier_score(digits.probabilities)[0]),
        "kl_uniform": float(divergence_from_uniform(class_histogram(digits.probabilities.argmax(1)))[0]),
    }


def mean(values: np.ndarray) -> tuple[float, float]:
    """The mean of one number per digit, [N], and half the width of its 95 % interval (normal: N is large)."""
    return float(values.mean()), float(1.96 * values.std() / np.sqrt(len(values)))


def pixel_gaussian(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """uint8 [count, 28, 28] drawn from the normal distribution with the mean and covariance of `images`' pixels.

    The ceiling of the distances: a generator above it has learned nothing worth a network.
    """
    flat = images.reshape(len(images), -1).astype(np.float32)
    # In the data's own eigenvectors: a Cholesky factor fails on the border pixels, which never vary.
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    normal = np.random.default_rng(seed).standard_normal((count, len(values)))
    drawn = normal * np.sqrt(values.clip(0)) @ vectors.T + flat.mean(0)
    return drawn.round().clip(0, 255).astype(np.uint8).reshape(-1, *images.shape[1:])
