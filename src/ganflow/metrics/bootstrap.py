"""Bootstrap intervals over images: how much of a number is the luck of which images were measured."""

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95


def multiplicities(images: int, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each of `images` images is in each resample: float32 [resamples, images], rows summing to `images`.

    A measure that is a function of sums over images is one matrix product away from all its resamples.
    """
    drawn = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=resamples)
    return drawn.astype(np.float32)


def interval(value: float, resampled: np.ndarray) -> tuple[float, float]:
    """The 95 % interval (low, high) around `value`, from its values [R] on resamples.

    The quantiles of the resampled values are moved so that their mean is `value`. That changes nothing for a mean,
    but a Frechet distance is larger on every resample (repeated images look like less variety), and its plain
    percentile interval need not even hold the value itself.
    """
    deviations = resampled - resampled.mean()
    low, high = np.quantile(deviations, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(value + low), float(value + high)
