"""Intervals of evaluations, where a plain bootstrap is wrong: means, shares, and measures of whole sets.

Results are (value, half the width of its 95 % interval): the two numbers around ±.
"""

import numpy as np
from scipy.special import ndtri, stdtrit
from scipy.stats import binomtest

from ganflow.metrics.bootstrap import LEVEL

GROUPS = 50  # of a jackknife, left out one at a time
HALVES = 100


def mean(values: np.ndarray) -> tuple[float, float]:
    """The mean of one number per image, [N], with Student's t interval."""
    degrees = max(1, len(values) - 1)  # a single image: the interval is 0
    error = np.sqrt(np.square(values - values.mean()).sum() / degrees / len(values))
    return float(values.mean()), float(stdtrit(degrees, (1 + LEVEL) / 2) * error)


def share(chosen: np.ndarray) -> tuple[float, float]:
    """The share of ones in `chosen`, [N] of 0 and 1, with Wilson's interval.

    Wilson 1927 ("Probable inference"): 0 of 2000 is 0 with an upper end of 0.0019. The interval is not symmetric
    about the share; the larger of its two halves is returned, so that share ± half width contains all of it.
    """
    value = float(np.mean(chosen))
    return value, wilson(value, len(chosen))


def wilson(value: float, count: int) -> float:
    """The larger half width of Wilson's 95 % interval of a share `value` of `count` independent images."""
    ends = binomtest(round(value * count), count).proportion_ci(LEVEL, method="wilson")
    return float(max(value - ends.low, ends.high - value))


def bonferroni(comparisons: int) -> float:
    """By how much 95 % intervals must be wider so that `comparisons` of them hold together in 95 % of cases.

    Bonferroni's inequality, on normal errors: the far quantiles of a thousand resamples are themselves noise.
    """
    return float(ndtri(1 - (1 - LEVEL) / 2 / comparisons) / ndtri((1 + LEVEL) / 2))


def whole_and_deletions(images: int, groups: int, seed: int) -> np.ndarray:
    """Weights [1 + groups, images] of a grouped jackknife: 1, but 0 for a random group in each row after the first."""
    group = np.random.default_rng(seed).permutation(images) % groups
    return np.vstack([np.ones(images), group != np.arange(groups)[:, None]]).astype(np.float64)


def jackknifed(values: np.ndarray) -> tuple[float, float]:
    """A measure with its jackknife interval, from its values by the weights of `whole_and_deletions`, [1 + G].

    Efron and Tibshirani 1993, chapter 11, for groups. With groups left out of two sets at once, the interval includes
    the noise of both. For a squared measure, such as a Fréchet distance, a bootstrap adds its own noise to that of the
    samples: near 0 its interval is twice too wide, and three times for two sets of paired images.
    """
    left_out = values[1:]
    groups = len(left_out)
    error = np.sqrt((groups - 1) * np.var(left_out))
    return float(values[0]), float(stdtrit(groups - 1, (1 + LEVEL) / 2) * error)


def whole_and_halves(images: int, seed: int) -> np.ndarray:
    """Masks of random halves of `images` images, below a first row of all: bool [1 + HALVES, images].

    For measures of nearest neighbours, where an image drawn twice would be its own neighbour. The mean over half of a
    set varies about the mean over the set as much as that varies about the true mean, so no scaling is needed.
    Politis, Romano and Wolf 1999, "Subsampling", section 2.2.
    """
    ranks = np.random.default_rng(seed).random((HALVES, images)).argsort(axis=1)
    return np.vstack([np.ones((1, images), bool), ranks < images // 2])
