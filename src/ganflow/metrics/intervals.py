"""Intervals of evaluations, where a plain bootstrap is wrong: means, shares, and measures of whole sets.

All are a value with half the width of its 95 % interval, as it stands behind +-.
"""

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binomtest

from ganflow.metrics.bootstrap import LEVEL

GROUPS = 50  # that a jackknife leaves out in turn
HALVES = 100


def mean(values: np.ndarray) -> tuple[float, float]:
    """Of one number per image, [N]: Student's t."""
    degrees = max(1, len(values) - 1)  # a single image tells of no spread
    error = np.sqrt(np.square(values - values.mean()).sum() / degrees / len(values))
    return float(values.mean()), float(stdtrit(degrees, (1 + LEVEL) / 2) * error)


def share(chosen: np.ndarray) -> tuple[float, float]:
    """The share of images that were `chosen`, [N] of 0 and 1.

    Wilson 1927 ("Probable inference"): 0 of 2000 is 0 with an upper end of 0.0019. The interval is not even around the
    share, and a single half width stands for it: the larger of the two, so that share +- half width holds all of it.
    """
    value = float(np.mean(chosen))
    return value, wilson(value, len(chosen))


def wilson(value: float, count: int) -> float:
    """The larger half width of Wilson's 95 % interval of a share `value` of `count` independent images."""
    ends = binomtest(round(value * count), count).proportion_ci(LEVEL, method="wilson")
    return float(max(value - ends.low, ends.high - value))


def whole_and_deletions(images: int, groups: int, seed: int) -> np.ndarray:
    """Weights [1 + groups, images] of a grouped jackknife: 1, but 0 for a random group in each row after the first."""
    group = np.random.default_rng(seed).permutation(images) % groups
    return np.vstack([np.ones(images), group != np.arange(groups)[:, None]]).astype(np.float64)


def jackknifed(values: np.ndarray) -> tuple[float, float]:
    """Of a measure by the weights of `whole_and_deletions`, [1 + G]. Of two sets at once, their noise adds up.

    Efron and Tibshirani 1993, chapter 11, for groups. Where a measure is a square, as a Fréchet distance is, a
    bootstrap adds its own noise to that of the samples: near 0 it is twice too wide, and of two sets whose images
    belong together three times.
    """
    left_out = values[1:]
    groups = len(left_out)
    error = np.sqrt((groups - 1) * np.var(left_out))
    return float(values[0]), float(stdtrit(groups - 1, (1 + LEVEL) / 2) * error)


def whole_and_halves(images: int, seed: int) -> np.ndarray:
    """Which of `images` images are in each random half of them, none twice, under a first row of all: bool [1 + H, N].

    For measures that look at nearest neighbours, where an image drawn twice would be its own neighbour. A mean over
    half of a set varies around that of the whole set as this does around the truth, so the spread needs no scaling.
    Politis, Romano and Wolf 1999, "Subsampling", section 2.2.
    """
    ranks = np.random.default_rng(seed).random((HALVES, images)).argsort(axis=1)
    return np.vstack([np.ones((1, images), bool), ranks < images // 2])
