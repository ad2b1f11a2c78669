"""All measures of a set of generated digits that look through the classifier, each with its noise."""

from dataclasses import dataclass

import numpy as np

from ganflow.metrics.bootstrap import mean, measured, whole_and_resamples
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
    drawn = whole_and_resamples(len(digits.features), seed, RESAMPLES)
    drawn_of_reference = whole_and_resamples(len(reference.features), seed + 1, RESAMPLES)
    sets = digits.features, reference.features, (drawn, drawn_of_reference)
    found = {
        "frechet_classifier": frechet_distance(*sets),
        "kernel_classifier": kernel_distance(*sets),
        "score": classifier_score(digits.probabilities, drawn),
        "kl_uniform": divergence_from_uniform(class_histogram(digits.probabilities.argmax(1), drawn)),
    }
    neighbours = manifold(digits.features, reference.features)
    return {key: measured(values) for key, values in found.items()} | {
        key: mean(values) for key, values in vars(neighbours).items()
    }


def by_class(
    digits: Seen, asked: np.ndarray, reference: Seen, labels: np.ndarray, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """How well each class was met: digits asked for as the classes `asked` [N] against real ones with `labels` [M].

    By class ("0" to "9", those that were asked for) and over "all" digits, each as (value, half the width of its 95 %
    interval): `class_accuracy`, the share read as the digit asked for, and `frechet_by_class`, the Fréchet distance
    to the real digits of that class, whose mean over classes stands under "all".
    """
    right = digits.probabilities.argmax(1) == asked
    found: dict[str, dict[str, tuple[float, float]]] = {}
    resampled = []
    for label in np.unique(asked):
        ours, theirs = digits.features[asked == label], reference.features[labels == label]
        drawn = whole_and_resamples(len(ours), seed, RESAMPLES // 2)
        drawn_of_theirs = whole_and_resamples(len(theirs), seed + 1, RESAMPLES // 2)
        distances = frechet_distance(ours, theirs, (drawn, drawn_of_theirs))
        found[str(label)] = {
            "class_accuracy": mean(right[asked == label]),
            "frechet_by_class": measured(distances),
        }
        resampled.append(distances)
    found["all"] = {"class_accuracy": mean(right), "frechet_by_class": measured(np.mean(resampled, axis=0))}
    return found


def quick_measures(digits: Seen, reference: Seen) -> dict[str, float]:
    """Of the above, those that take no pass over all pairs: for sets drawn anew, to see the noise of drawing."""
    return {
        "frechet_classifier": float(frechet_distance(digits.features, reference.features)[0]),
        "score": float(classifier_score(digits.probabilities)[0]),
        "kl_uniform": float(divergence_from_uniform(class_histogram(digits.probabilities.argmax(1)))[0]),
    }


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
