"""Bootstrap intervals over images: how much a measure varies with the choice of test images."""

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri, stdtrit

RESAMPLES = 1000
LEVEL = 0.95
FEW = 20  # pictures, of which a bootstrap interval is clearly too narrow: of the mean of 10 it covers about 90 %


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


def widening(pictures: int) -> float:
    """What the half width of a bootstrap interval over this many pictures is multiplied by; nan: one shows no noise.

    Of few pictures a bootstrap is too narrow: it takes their variance for known, and 1 / n of it too small. Student's t
    mends both (Hesterberg 2015, "What Teachers Should Know About the Bootstrap"). From FEW on both are small: 1.
    """
    if pictures < 2:
        return math.nan
    if pictures >= FEW:
        return 1.0
    student = float(stdtrit(pictures - 1, (1 + LEVEL) / 2) / ndtri((1 + LEVEL) / 2))
    return student * math.sqrt(pictures / (pictures - 1))


def value_and_plus_minus(values: np.ndarray) -> tuple[float, float]:
    """(value, half the width of its 95 % interval), from the values by `whole_and_resamples`, [1 + R]."""
    return float(values[0]), plus_minus(values[1:])


def flat(pairs: Mapping[str, tuple[float, float | None]]) -> dict[str, float | None]:
    """{key: (value, plus-minus)} as {key: value, key_pm: plus-minus}, as in metrics/*.json."""
    return {name: number for key, pair in pairs.items() for name, number in zip((key, f"{key}_pm"), pair, strict=True)}


def less(row: str) -> str:
    """The name of the row that holds the model's measures less those of `row`, with the noise of that difference."""
    return f"model less {row}"
