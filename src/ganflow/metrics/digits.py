"""All measures of a set of generated digits that look through the classifier, each with its noise."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ganflow.metrics.bootstrap import measured
from ganflow.metrics.distribution import (
    class_histogram,
    classifier_score,
    divergence_from_uniform,
    frechet_distance,
    kernel_distance,
)
from ganflow.metrics.intervals import GROUPS, jackknifed, share, whole_and_deletions, whole_and_halves, wilson
from ganflow.metrics.manifold import Neighbours, manifold, neighbours

FEWEST = 3  # digits of a class: without one of them there is still a covariance


@dataclass(frozen=True)
class Classified:
    """Digits as the classifier sees them: float64 features [N, D] and class probabilities [N, 10]."""

    features: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def neighbours(self) -> Neighbours:
        """Found once, though many sets are measured against the same real digits."""
        return neighbours(self.features)


def digit_measures(digits: Classified, reference: Classified, seed: int) -> dict[str, tuple[float, float]]:
    """Every measure of `digits` against real ones, as (value, half the width of its 95 % interval)."""
    weights = _deletions(digits.features, reference.features, seed)
    sets = digits.features, reference.features, weights
    found = {
        "frechet_classifier": frechet_distance(*sets),
        "kernel_classifier": kernel_distance(*sets),
        "score": classifier_score(digits.probabilities, weights[0]),
        "kl_uniform": divergence_from_uniform(class_histogram(digits.probabilities.argmax(1), weights[0])),
    }
    return {key: jackknifed(values) for key, values in found.items()} | _neighbourhood(digits, reference, seed)


def _deletions(a: np.ndarray, b: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    groups = min(GROUPS, len(a), len(b))
    return whole_and_deletions(len(a), groups, seed), whole_and_deletions(len(b), groups, seed + 1)


def _neighbourhood(digits: Classified, reference: Classified, seed: int) -> dict[str, tuple[float, float]]:
    """precision, recall, density and coverage: their intervals from halves of both sets, with the balls drawn anew."""
    counts = len(digits.features), len(reference.features)
    halves = whole_and_halves(counts[0], seed), whole_and_halves(counts[1], seed + 1)
    found = {key: measured(values) for key, values in manifold(digits.neighbours, reference.neighbours, halves).items()}
    # A share of which no half differs (all of them, or none) is no surer than that of independent digits.
    for key, count in zip(("precision", "recall", "coverage"), (*counts, counts[1]), strict=True):
        value, noise = found[key]
        found[key] = value, max(noise, wilson(value, count))
    return found


def by_class(
    digits: Classified, asked: np.ndarray, reference: Classified, labels: np.ndarray, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """How well each class was met: digits asked for as the classes `asked` [N] against real ones with `labels` [M].

    By class ("0" to "9", those with three digits or more on both sides) and over "all" digits,
    each as (value, half the width of its 95 % interval): `class_accuracy`, the share read as the digit asked for, and
    `frechet_by_class`, the Fréchet distance to the real digits of that class, whose mean over classes stands under
    "all".
    """
    right = digits.probabilities.argmax(1) == asked
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for label in np.unique(asked):
        ours, theirs = digits.features[asked == label], reference.features[labels == label]
        if min(len(ours), len(theirs)) >= FEWEST:
            distances = frechet_distance(ours, theirs, _deletions(ours, theirs, seed))
            found[str(label)] = {
                "class_accuracy": share(right[asked == label]),
                "frechet_by_class": jackknifed(distances),
            }
    values, noise = np.array([of_class["frechet_by_class"] for of_class in found.values()]).T
    over_classes = float(values.mean()), float(np.linalg.norm(noise) / len(noise))  # their samples are different ones
    return found | {"all": {"class_accuracy": share(right), "frechet_by_class": over_classes}}


def quick_measures(digits: Classified, reference: Classified) -> dict[str, float]:
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
