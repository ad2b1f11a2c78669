"""All measures of generated digits that use the classifier's features, each with its 95 % interval."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ganflow.metrics.bootstrap import value_and_plus_minus
from ganflow.metrics.distribution import (
    class_histogram,
    classifier_score,
    divergence_from_uniform,
    frechet_distance,
    kernel_distance,
)
from ganflow.metrics.intervals import GROUPS, jackknifed, share, whole_and_deletions, whole_and_halves, wilson
from ganflow.metrics.manifold import K_DENSITY, Neighbours, coverage, manifold, neighbours

MIN_PER_CLASS = 3  # digits: the jackknife leaves one out, and a covariance needs two


@dataclass(frozen=True)
class Classified:
    """The classifier's outputs for N digits: float64 features [N, D] and class probabilities [N, classes]."""

    features: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def neighbours(self) -> Neighbours:
        """Cached: many sets are measured against the same real digits."""
        return neighbours(self.features)

    def class_shares(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Share of the digits that are read as each class, by resample: [R, classes]."""
        return class_histogram(self.probabilities.argmax(1), weights, self.probabilities.shape[1])


def digit_measures(digits: Classified, reference: Classified, seed: int) -> dict[str, tuple[float, float]]:
    """Every measure of `digits` against real ones, as (value, half the width of its 95 % interval)."""
    weights = _deletions(digits.features, reference.features, seed)
    features = digits.features, reference.features, weights
    found = {
        "frechet_classifier": frechet_distance(*features),
        "kernel_classifier": kernel_distance(*features),
        "score": classifier_score(digits.probabilities, weights[0]),
        "kl_uniform": divergence_from_uniform(digits.class_shares(weights[0])),
    }
    return {key: jackknifed(values) for key, values in found.items()} | _manifold_measures(digits, reference, seed)


def _deletions(a: np.ndarray, b: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    groups = min(GROUPS, len(a), len(b))
    return whole_and_deletions(len(a), groups, seed), whole_and_deletions(len(b), groups, seed + 1)


def _manifold_measures(digits: Classified, reference: Classified, seed: int) -> dict[str, tuple[float, float]]:
    """precision, recall, density and coverage: their intervals come from random halves of both sets."""
    counts = len(digits.features), len(reference.features)
    halves = whole_and_halves(counts[0], seed), whole_and_halves(counts[1], seed + 1)
    found = {
        key: value_and_plus_minus(values)
        for key, values in manifold(digits.neighbours, reference.neighbours, halves).items()
    }
    # Where all halves agree (a share of 0 or 1), the interval is not 0: Wilson's for independent digits is the least.
    for key, count in zip(("precision", "recall", "coverage"), (*counts, counts[1]), strict=True):
        value, noise = found[key]
        found[key] = value, max(noise, wilson(value, count))
    return found


def by_class(
    digits: Classified, labels: np.ndarray, reference: Classified, reference_labels: np.ndarray, seed: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """Measures of class-conditional digits, generated for `labels` [N], against real ones with `reference_labels` [M].

    For each class ("0" to "9", if both sets have three digits of it or more) and for "all" digits, each as (value,
    half the width of its 95 % interval): `class_accuracy`, the share that the classifier reads as the requested digit,
    and `frechet_by_class`, the Fréchet distance to the real digits of that class (under "all", the mean over these
    classes; absent if there is none).
    """
    correct = digits.probabilities.argmax(1) == labels
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for label in np.unique(labels):
        generated, real = digits.features[labels == label], reference.features[reference_labels == label]
        if min(len(generated), len(real)) >= MIN_PER_CLASS:
            distances = frechet_distance(generated, real, _deletions(generated, real, seed))
            found[str(label)] = {
                "class_accuracy": share(correct[labels == label]),
                "frechet_by_class": jackknifed(distances),
            }
    of_all = {"class_accuracy": share(correct)}
    if found:
        values, noise = np.array([of_class["frechet_by_class"] for of_class in found.values()]).T
        # Classes share no samples: their errors are independent.
        of_all["frechet_by_class"] = float(values.mean()), float(np.linalg.norm(noise) / len(noise))
    return found | {"all": of_all}


def coverage_by_class(
    digits: Classified, labels: np.ndarray, reference: Classified, reference_labels: np.ndarray
) -> dict[str, float]:
    """Of each class ("0" to "9", with more than five real digits): the share of its real digits that its digits cover.

    `labels` [N] are what was asked for or, of a generator that nobody asks, what the classifier reads.
    """
    counts = np.bincount(reference_labels)
    return {
        str(label): coverage(digits.features[labels == label], reference.features[reference_labels == label])
        for label in np.flatnonzero(counts > K_DENSITY)
    }


def quick_measures(digits: Classified, reference: Classified) -> dict[str, float]:
    """The measures that need no pass over all pairs, for repeated samples (`evaluate.repeats`): value by key."""
    return {
        "frechet_classifier": float(frechet_distance(digits.features, reference.features)[0]),
        "score": float(classifier_score(digits.probabilities)[0]),
        "kl_uniform": float(divergence_from_uniform(digits.class_shares())[0]),
    }


def pixel_gaussian(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """uint8 [count, 28, 28] sampled from the normal distribution with the mean and covariance of `images`' pixels.

    The trivial baseline: a generator with larger distances than these is worse than no network at all.
    """
    flat = images.reshape(len(images), -1).astype(np.float32)
    # In the data's own eigenvectors: a Cholesky factor fails on the border pixels, which never vary.
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    normal = np.random.default_rng(seed).standard_normal((count, len(values)))
    pixels = normal * np.sqrt(values.clip(0)) @ vectors.T + flat.mean(0)
    return pixels.round().clip(0, 255).astype(np.uint8).reshape(-1, *images.shape[1:])
