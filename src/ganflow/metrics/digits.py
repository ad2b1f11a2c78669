"""All measures of a set of generated digits that look through the classifier, each with its noise."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ganflow.metrics.bootstrap import measured, whole_and_halves, whole_and_resamples
from ganflow.metrics.distribution import (
    RESAMPLES,
    class_histogram,
    classifier_score,
    divergence_from_uniform,
    frechet_distance,
    kernel_distance,
)
from ganflow.metrics.intervals import share, wilson
from ganflow.metrics.manifold import Neighbours, manifold, neighbours


@dataclass(frozen=True)
class Seen:
    """Digits as the classifier sees them: float64 features [N, D] and class probabilities [N, 10]."""

    features: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def neighbours(self) -> Neighbours:
        """Found once, though many sets are measured against the same real digits."""
        return neighbours(self.features)


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
    return {key: measured(values) for key, values in found.items()} | _neighbourhood(digits, reference, seed)


def _neighbourhood(digits: Seen, reference: Seen, seed: int) -> dict[str, tuple[float, float]]:
    """precision, recall, density and coverage: their intervals from halves of both sets, with the balls drawn anew."""
    counts = len(digits.features), len(reference.features)
    halves = whole_and_halves(counts[0], seed, RESAMPLES), whole_and_halves(counts[1], seed + 1, RESAMPLES)
    found = {key: measured(values) for key, values in manifold(digits.neighbours, reference.neighbours, halves).items()}
    # A share of which no half differs (all of them, or none) is no surer than that of independent digits.
    for key, count in zip(("precision", "recall", "coverage"), (*counts, counts[1]), strict=True):
        value, noise = found[key]
        found[key] = value, max(noise, wilson(value, count))
    return found


def by_class(
    digits: Seen, asked: np.ndarray, reference: Seen, labels: np.ndarray, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """How well each class was met: digits asked for as the classes `asked` [N] against real ones with `labels` [M].

    By class ("0" to "9", those with two digits or more on both sides: fewer have no covariance) and over "all" digits, each as (value, half the width of its 95 %
    interval): `class_accuracy`, the share read as the digit asked for, and `frechet_by_class`, the Fréchet distance
    to the real digits of that class, whose mean over classes stands under "all".
    """
    right = digits.probabilities.argmax(1) == asked
    found: dict[str, dict[str, tuple[float, float]]] = {}
    resampled = []
    for label in np.unique(asked):
        ours, theirs = digits.features[asked == label], reference.features[labels == label]
        if min(len(ours), len(theirs)) < 2:
            continue
        own_seed = seed + 2 * int(label)  # equal draws would make the classes' noise alike, and that of the mean wrong
        drawn = whole_and_resamples(len(ours), own_seed, RESAMPLES // 2)
        drawn_of_theirs = whole_and_resamples(len(theirs), own_seed + 1, RESAMPLES // 2)
        distances = frechet_distance(ours, theirs, (drawn, drawn_of_theirs))
        found[str(label)] = {
            "class_accuracy": share(right[asked == label]),
            "frechet_by_class": measured(distances),
        }
        resampled.append(distances)
    found["all"] = {"class_accuracy": share(right), "frechet_by_class": measured(np.mean(resampled, axis=0))}
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
