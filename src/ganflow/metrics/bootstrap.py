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


def whole_and_resamples(images: int, seed: int, resamples: int) -> np.ndarray:
    """The same under a first row of ones: the value itself comes out of one pass with its resamples (`measured`)."""
    return np.vstack([np.ones((1, images)), multiplicities(images, seed, resamples)])


def plus_minus(resampled: np.ndarray) -> float:
    """Half the width of the central 95 % of a measure's values on resamples, [R]: what stands behind a +-.

    The width alone, and not the two ends: a Frechet distance is larger on every resample (repeated images look like
    less variety), and the interval between its quantiles need not even hold the value itself. Resamples on which the
    measure does not exist (nan: of a rare class they hold nothing) are left out. Of few resamples the usual quantiles
    lie too far inwards (Weibull's plotting positions hold their level for any number).
    """
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="weibull")
    return float(high - low) / 2


def measured(values: np.ndarray) -> tuple[float, float]:
    """(value, half the width of its 95 % interval) of a measure by the weights of `whole_and_resamples`, [1 + R]."""
    return float(values[0]), plus_minus(values[1:])


def flat(pairs: dict[str, tuple[float, float]]) -> dict[str, float]:
    """{key: (value, plus-minus)} as {key: value, key_pm: plus-minus}, as metrics/*.json have it."""
    return {name: number for key, pair in pairs.items() for name, number in zip((key, f"{key}_pm"), pair, strict=True)}
