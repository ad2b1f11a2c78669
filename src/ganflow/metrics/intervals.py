"""Intervals with a formula: of a mean over images, and of a share of images."""

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binomtest

from ganflow.metrics.bootstrap import LEVEL


def mean(values: np.ndarray) -> tuple[float, float]:
    """The mean of one number per image, [N], and half the width of its 95 % interval (Student's t)."""
    degrees = max(1, len(values) - 1)  # a single image tells of no spread
    error = np.sqrt(np.square(values - values.mean()).sum() / degrees / len(values))
    return float(values.mean()), float(stdtrit(degrees, (1 + LEVEL) / 2) * error)


def share(chosen: np.ndarray) -> tuple[float, float]:
    """The share of images that were `chosen`, [N] of 0 and 1, and half the width of its 95 % interval.

    Wilson 1927 ("Probable inference"): 0 of 2000 is 0 with an upper end of 0.0019. The interval is not even around the
    share, and a single half width stands for it: the larger of the two, so that share +- half width holds all of it.
    """
    value = float(np.mean(chosen))
    return value, wilson(value, len(chosen))


def wilson(value: float, count: int) -> float:
    """The larger half width of Wilson's 95 % interval of a share `value` of `count` independent images."""
    ends = binomtest(round(value * count), count).proportion_ci(LEVEL, method="wilson")
    return float(max(value - ends.low, ends.high - value))
