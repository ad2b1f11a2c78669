"""Several samples for one input: how much they differ, and how good the best of n is."""

import math

import numpy as np

from ganflow.metrics.bootstrap import LEVEL, RESAMPLES, whole_and_resamples

USED = 0.05  # nats: a latent dimension below it has collapsed onto the prior


def best_of_n(errors: np.ndarray) -> np.ndarray:
    """The expected error of the best of k samples, k = 1..n: [n], from `errors` [N, n] of n samples for N inputs.

    The mean over every choice of k from the n, not only the first k: of sorted errors the i-th is the least of k with
    probability C(n - i, k - 1) / C(n, k).
    """
    ordered = np.sort(errors, axis=1).mean(0)
    n = len(ordered)
    weights = [[math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)] for k in range(1, n + 1)]
    return np.array(weights) @ ordered


def diversity(samples: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    """Mean absolute difference of two samples for each input: uint8 [N, n, H, W, 3] to [N], 0..255.

    `counted`: as of `mean_absolute_difference`.
    """
    count = samples.shape[1]
    pairs = [(a, b) for a in range(count) for b in range(a)]
    return np.mean([mean_absolute_difference(samples[:, a], samples[:, b], counted) for a, b in pairs], axis=0)


def mean_absolute_difference(a: np.ndarray, b: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    """Of each pair of images, both [N, H, W, C]: [N], 0..255. `counted`: the pixels, bool [N, H, W]; None: all."""
    differences = (absolute_difference(one, other) for one, other in zip(a, b, strict=True))
    return np.array(
        [one.mean() if counted is None else one[counted[number]].mean() for number, one in enumerate(differences)]
    )


def absolute_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of images in levels, uint8 or float32, value by value; exact for uint8."""
    wide = np.int16 if a.dtype == b.dtype == np.uint8 else np.float32
    return np.abs(a.astype(wide) - b)


def used_dimensions(kl: np.ndarray, seed: int, pictures: np.ndarray | None = None) -> tuple[float, float]:
    """Number of latent dimensions whose mean KL exceeds USED nats, from the KL of N images by dimension, [N, Z].

    With the distance to the farther end of its 95 % bootstrap interval over images, a whole number. `pictures` [N]: the
    number, from 0, of the picture that each is a tile of; the interval is then over pictures, and nan of a single one.
    """
    count = len(kl) if pictures is None else int(pictures.max()) + 1
    weights = whole_and_resamples(count, seed, RESAMPLES)
    weights = weights if pictures is None else weights[:, pictures]
    value, *resampled = (weights @ kl / weights.sum(1, keepdims=True) > USED).sum(1)
    if count < 2:
        return float(value), math.nan
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return float(value), float(max(value - low, high - value))


def spread(samples: np.ndarray) -> np.ndarray:
    """Standard deviation of n samples at each pixel, averaged over channels: uint8 [n, H, W, 3] to [H, W], levels."""
    return np.sqrt(samples.astype(np.float32).var(0).mean(-1))
