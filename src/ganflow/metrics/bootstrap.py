"""Bootstrap intervals over images: how much a measure varies with the choice of test images."""

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95


def multiplicities(images: int, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each of `images` images is in each resample: float32 [resamples, images], rows summing to `images`.

    For a measure that is a function of sums over images, one matrix product gives all resamples.
    """
    counts = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=resamples)
    return counts.astype(np.float32)


def whole_and_resamples(images: int, seed: int, resamples: int) -> np.ndarray:
    """`multiplicities` below a row of ones (all images): one pass gives the value and its resamples."""
    return np.vstack([np.ones((1, images)), multiplicities(images, seed, resamples)])


def plus_minus(resampled: np.ndarray) -> float:
    """Half the width of the central 95 % of a measure's values on resamples, [R]: the number after ±.

    Only the width is used, not the two ends: a Frechet distance is larger on every resample (repeated images look like
    less variety), so the interval between its quantiles may not contain the value itself. Resamples on which the
    measure is nan (they contain no image of a rare class) are ignored. With few resamples the usual quantiles give a
    too narrow interval; Weibull's plotting positions keep the level for any number.
    """
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="weibull")
    return float(high - low) / 2


def value_and_plus_minus(values: np.ndarray) -> tuple[float, float]:
    """(value, half the width of its 95 % interval), from the values by `whole_and_resamples`, [1 + R]."""
    return float(values[0]), plus_minus(values[1:])


def flat(pairs: dict[str, tuple[float, float]]) -> dict[str, float]:
    """{key: (value, plus-minus)} as {key: value, key_pm: plus-minus}, as in metrics/*.json."""
    return {name: number for key, pair in pairs.items() for name, number in zip((key, f"{key}_pm"), pair, strict=True)}
