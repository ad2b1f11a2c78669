"""Several answers to one question: how different they are, and what the best of them is worth."""

import math

import numpy as np

from ganflow.metrics.bootstrap import LEVEL, RESAMPLES, whole_and_resamples

USED = 0.05  # nats: a latent dimension below it has collapsed onto the prior and says nothing


def best_of_n(errors: np.ndarray) -> np.ndarray:
    """The expected error of the best of k answers, k = 1..n: [n], from `errors` [N, n] of n answers to N questions.

    The mean over every choice of k from the n, not only the first k: of sorted errors the i-th is the least of k with
    probability C(n - i, k - 1) / C(n, k).
    """
    ordered = np.sort(errors, axis=1).mean(0)
    n = len(ordered)
    weights = [[math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)] for k in range(1, n + 1)]
    return np.array(weights) @ ordered


def diversity(samples: np.ndarray) -> np.ndarray:
    """Mean absolute difference of two different answers to each question: uint8 [N, n, H, W, 3] to [N], 0..255."""
    count = samples.shape[1]
    pairs = [(a, b) for a in range(count) for b in range(a)]
    return np.mean([apart(samples[:, a], samples[:, b]) for a, b in pairs], axis=0)


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean absolute difference of images two by two, uint8 [N, H, W, 3]: [N], 0..255."""
    return np.array([np.abs(one.astype(np.int16) - other).mean() for one, other in zip(a, b, strict=True)])


def used_dimensions(kl: np.ndarray, seed: int) -> tuple[float, float]:
    """How many latent dimensions say more than USED nats about an image, of the KL of N images by dimension, [N, Z].

    With the distance to the farther end of its 95 % interval over resampled images: a count has no fractions.
    """
    drawn = whole_and_resamples(len(kl), seed, RESAMPLES)
    value, *resampled = (drawn @ kl / len(kl) > USED).sum(1)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return float(value), float(max(value - low, high - value))


def spread(samples: np.ndarray) -> np.ndarray:
    """Standard deviation of n answers at each pixel, averaged over channels: uint8 [n, H, W, 3] to [H, W], levels."""
    return np.sqrt(samples.astype(np.float32).var(0).mean(-1))
