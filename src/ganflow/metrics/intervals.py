"""Intervals of evaluations, where a plain bootstrap is wrong: means, shares, and measures of whole sets.

Results are (value, half the width of its 95 % interval): the two numbers around ±.
"""

import math

import numpy as np
from scipy.special import ndtri, stdtrit
from scipy.stats import binomtest

from ganflow.metrics.bootstrap import LEVEL

GROUPS = 50  # of a jackknife, left out one at a time
HALVES = 100


def mean(values: np.ndarray, pictures: np.ndarray | None = None) -> tuple[float, float]:
    """The mean of one number per image, [N], with Student's t interval; nan of a single picture, which shows no noise.

    `pictures`: the number of the picture that each image is a tile of, from 0; None: each is a picture of its own. The
    error is then that of the pictures' sums (Liang and Zeger 1986, for clusters).
    """
    errors = values - values.mean()
    if pictures is not None:
        errors = np.bincount(pictures, weights=errors)
    count = len(errors)
    if count < 2:
        return float(values.mean()), math.nan
    error = np.sqrt(np.square(errors).sum() / (count - 1) / count) * (count / len(values))
    return float(values.mean()), float(stdtrit(count - 1, (1 + LEVEL) / 2) * error)


def in_text(noise: float | None, digits: int) -> str:
    """Half the width of an interval as the text after ±; a dash where it is not known (nan, in JSON null)."""
    return "–" if noise is None or math.isnan(noise) else f"{noise:.{digits}f}"


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
    """Weights [1 + groups, images] of a grouped jackknife: 1, but 0 for a random group in each row after the first.

    Of a single group, which cannot be left out, only the first row.
    """
    if groups < 2:
        return np.ones((1, images))
    group = np.random.default_rng(seed).permutation(images) % groups
    return np.vstack([np.ones(images), group != np.arange(groups)[:, None]]).astype(np.float64)


def jackknifed(values: np.ndarray) -> tuple[float, float]:
    """A measure with its jackknife interval, from its values by the weights of `whole_and_deletions`, [1 + G].

    The interval is nan where nothing could be left out.

    Efron and Tibshirani 1993, chapter 11, for groups. With groups left out of two sets at once, the interval includes
    the noise of both. For a squared measure, such as a Fréchet distance, a bootstrap adds its own noise to that of the
    samples: near 0 its interval is twice too wide, and three times for two sets of paired images.
    """
    left_out = values[1:]
    groups = len(left_out)
    if not groups:
        return float(values[0]), math.nan
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
