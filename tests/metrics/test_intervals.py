"""What +- promises, tried for every measure by name: sets are drawn anew from a known population, again and again.

The interval around the value of a set has to hold the truth in 95 % of the sets. The truth is the value on the whole
population, or, for a measure that depends on the number of samples (a Fréchet distance), its mean over many sets.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from ganflow.data.towns import towns
from ganflow.metrics import classes, perceptual, texture, translation
from ganflow.metrics.bootstrap import FEW, multiplicities, plus_minus, widening
from ganflow.metrics.digits import Classified, by_class, digit_measures
from ganflow.metrics.hallucination import RARE
from ganflow.metrics.intervals import in_text, jackknifed, mean, share, whole_and_deletions, whole_and_halves
from ganflow.metrics.measures import BY_TASK, PER_CLASS
from ganflow.metrics.memorisation import copied
from ganflow.metrics.samples import diversity, used_dimensions

Found = dict[str, tuple[float, float]]
NAMES = sorted({measure.key for measures_of_task in BY_TASK.values() for measure in measures_of_task + PER_CLASS})
LEAST = 0.87  # covered of 60 sets, where 95 % are to be: three standard deviations fewer
# Times as wide as the sets say: an interval that says nothing covers always. A Fréchet distance of fewer images than
# features is the exception that docs/metrics.md names.
MOST_TOO_WIDE = {"fid": 2.2}


def _digits(rng: np.random.Generator, count: int, shift: float) -> Classified:
    """Ten classes, not even, around places of their own; read by a classifier that is right most of the time."""
    labels = rng.choice(10, count, p=np.linspace(1, 2 - 0.5 * shift, 10) / np.linspace(1, 2 - 0.5 * shift, 10).sum())
    features = 3 * np.eye(10)[labels, :6] + rng.standard_normal((count, 6)) * (1 - 0.3 * shift) + shift / 3
    logits = 4 * np.eye(10)[labels] + rng.standard_normal((count, 10)) * 1.5
    return Classified(features, np.exp(logits) / np.exp(logits).sum(1, keepdims=True))


def digits(rng: np.random.Generator) -> Found:
    return digit_measures(_digits(rng, 300, 1), _digits(rng, 400, 0), int(rng.integers(1 << 30)))


def digits_to_order(rng: np.random.Generator) -> Found:
    asked, labels = np.arange(400) % 4, np.arange(600) % 4

    def seen(of: np.ndarray, spread: float) -> Classified:
        read = np.where(rng.random(len(of)) < 0.01, (of + 1) % 4, of)
        return Classified(5 * np.eye(4)[of] + spread * rng.standard_normal((len(of), 4)), np.eye(10)[read])

    return by_class(seen(asked, 1.2), asked, seen(labels, 1), labels, int(rng.integers(1 << 30)))["all"]


def shares_of_digits(rng: np.random.Generator) -> Found:
    """One in fifty is a copy; a classifier that learned from samples reads 97 % of the real digits rightly."""
    train, test = RNG_OF_PICTURES.integers(0, 256, (2, 60, 4, 4), np.uint8)
    drawn = rng.integers(0, 256, (250, 4, 4), np.uint8)
    is_copy = rng.random(250) < 0.02
    drawn[is_copy] = train[rng.integers(60, size=is_copy.sum())]
    value, noise = share(rng.random(1000) < 0.97)
    return {"copied": share(copied(drawn, train, test)), "train_on_samples": (100 * value, 100 * noise)}


RNG_OF_PICTURES = np.random.default_rng(5)


@cache
def _population() -> pd.DataFrame:
    """Pairs of maps, the generated ones shifted and noisy; now and then one that shows another place altogether."""
    real = towns(160, 176, seed=1)[:, 1]
    rng = np.random.default_rng(2)
    for name in RARE:  # as few parks and lakes as the real maps have
        gone = (classes.segment(real) == classes.CLASSES.index(name)) & (rng.random(len(real)) < 0.4)[:, None, None]
        real[gone] = classes.PROTOTYPES["land"][0]
    generated = np.roll(real, 1, axis=2).astype(np.int16)
    elsewhere = rng.random(len(real)) < 0.3
    generated[elsewhere] = np.roll(real, 7, axis=0)[elsewhere]
    noise = rng.normal(size=real.shape) * rng.uniform(1, 5, (len(real), 1, 1, 1))
    return translation.per_image((generated + noise).clip(0, 255).astype(np.uint8), real, legend=classes.MAPS)


def maps(rng: np.random.Generator) -> Found:
    population = _population()
    frame = population.iloc[rng.integers(len(population), size=200)]
    return translation.with_noise(frame, multiplicities(200, int(rng.integers(1 << 30)), 200))


def through_networks(rng: np.random.Generator) -> Found:
    """Fewer images than features, and each generated image akin to its real one, as a translation's are."""
    real = rng.standard_normal((60, 80)) * np.linspace(2, 0.1, 80)
    generated = 0.8 * real + 0.7 * rng.standard_normal((60, 80)) * np.linspace(2, 0.1, 80) + 0.2
    return perceptual.summary(generated, real, rng.gamma(4, 0.1, 60), int(rng.integers(1 << 30)))


def samples(rng: np.random.Generator) -> Found:
    """Three dimensions in plain use, one about the bound, four collapsed."""
    kl = rng.gamma(2, 0.5, (40, 8)) * np.array([2, 1, 0.5, 0.06, 0.001, 0.001, 0.001, 0.001])
    levels = rng.gamma(3, 20, (40, 1, 1, 1, 1))
    answers = (128 + levels * rng.standard_normal((40, 3, 4, 4, 3))).clip(0, 255).astype(np.uint8)
    return {
        "diversity": mean(diversity(answers)),
        "kl": mean(kl.sum(1)),
        "used_dimensions": used_dimensions(kl, int(rng.integers(1 << 30))),
    }


def sets_without_pairs(rng: np.random.Generator) -> Found:
    """Tiles of pictures of much and of little contrast, the generated ones with less: 40 from 20, and 20 from 10.

    On fewer patches, for the test's time.
    """
    pictures = np.repeat(np.arange(20), 2), np.repeat(np.arange(10), 2)
    generated, real = (
        rng.gamma(4, scale, 20)[of, None, None, None] * rng.standard_normal((len(of), 28, 28, 1))
        for of, scale in zip(pictures, (8, 6), strict=True)
    )
    with mock.patch.multiple(texture, PATCHES=20, DIRECTIONS=4):
        return {"texture_of_sets": texture.texture_of_sets(generated, real, pictures, int(rng.integers(1 << 30)))}


FAMILIES: dict[str, tuple[Callable[[np.random.Generator], Found], int]] = {
    "digits": (digits, 60),
    "digits to order": (digits_to_order, 60),
    "shares of digits": (shares_of_digits, 300),
    "maps": (maps, 100),
    "through networks": (through_networks, 60),
    "samples": (samples, 200),
    "sets without pairs": (sets_without_pairs, 60),
}


# Where sets do not average to the population's own value, or that value is known better than their mean.
TRUTH: dict[str, Callable[[], Found]] = {
    "maps": lambda: {
        key: (float(value[0]), 0) for key, value in translation.translation_measures(_population()).items()
    },
    "samples": lambda: {"used_dimensions": (4, 0)},
}


@cache
def _tried() -> dict[str, tuple[str, float, float]]:
    """By measure: its family, the share of sets whose interval holds the truth, and +- over that of the sets."""
    result = {}
    for family, (draw, sets) in FAMILIES.items():
        rng = np.random.default_rng(11)
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for _ in range(sets):
            for key, pair in draw(rng).items():
                found[key].append(pair)
        truth = TRUTH.get(family, dict)()
        for key, pairs in found.items():
            values, noise = np.array(pairs).T
            covered = np.abs(values - truth.get(key, (values.mean(), 0))[0]) <= noise
            result[key] = family, float(covered.mean()), float(noise.mean() / (1.96 * values.std()))
    return result


def test_every_measure_has_its_intervals_tried() -> None:
    assert sorted(_tried()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_interval_covers_and_is_no_wider_than_it_needs(name: str) -> None:
    _, covered, width = _tried()[name]
    assert covered >= LEAST
    assert width <= MOST_TOO_WIDE.get(name, 1.6)


@pytest.mark.parametrize("count", [50, 2000])
@pytest.mark.parametrize("truth", [0.0, 0.0005, 0.01, 0.5, 0.97, 1.0])
def test_a_share_is_covered_however_near_to_none_or_all(count: int, truth: float) -> None:
    """Exactly: the chance of every possible number of images, and whether its interval holds the truth."""
    holds = []
    for chosen in range(count + 1):
        likely = binom.pmf(chosen, count, truth)
        if likely > 1e-9:
            value, noise = share(np.arange(count) < chosen)
            holds.append(likely * (abs(value - truth) <= noise + 1e-12))
    assert sum(holds) >= 0.93


def test_none_of_two_thousand_is_not_none_at_all() -> None:
    assert share(np.zeros(2000)) == (0, pytest.approx(0.00192, abs=1e-5))
    assert share(np.ones(2000)) == (1, pytest.approx(0.00192, abs=1e-5))


def test_a_mean_by_hand() -> None:
    assert mean(np.array([1.0, 2.0, 3.0])) == (2, pytest.approx(4.302653 / 3**0.5))
    assert mean(np.array([5.0])) == (5, pytest.approx(np.nan, nan_ok=True)), "a single one shows no noise"


def test_a_mean_of_tiles_is_as_sure_as_one_of_their_pictures() -> None:
    """Whole copies say nothing new; of tiles that differ, the pictures' sums are what varies."""
    values = np.random.default_rng(0).normal(5, 2, 12)
    pictures = np.repeat(np.arange(12), 4)
    assert mean(np.repeat(values, 4), pictures) == pytest.approx(mean(values))
    assert mean(np.repeat(values, 4), np.arange(48)) == mean(np.repeat(values, 4))
    assert mean(np.repeat(values, 4))[1] < 0.6 * mean(values)[1], "taken for 48"
    assert np.isnan(mean(values, np.zeros(12, int))[1])


def test_measures_through_networks_leave_out_whole_pictures() -> None:
    """Every picture four times: the same as once, of so few groups that each is one picture."""
    rng = np.random.default_rng(0)
    real, generated, distances = rng.normal(size=(30, 4)), rng.normal(0.3, 1, (30, 4)), rng.gamma(4, 0.1, 30)
    once = perceptual.summary(generated, real, distances, 0)
    tiles = [np.repeat(one, 4, axis=0) for one in (generated, real, distances)]
    four = perceptual.summary(*tiles, 0, np.repeat(np.arange(30), 4))
    for key in ("fid", "lpips"):
        assert four[key] == pytest.approx(once[key], rel=0.05), key
    assert perceptual.summary(*tiles, 0)["lpips"][1] < 0.6 * once["lpips"][1]
    assert np.isnan([noise for _, noise in perceptual.summary(*tiles, 0, np.zeros(120, int)).values()]).all()


def test_dimensions_in_use_are_as_sure_as_the_pictures_are() -> None:
    kl = np.random.default_rng(1).gamma(0.05, 1, (20, 40))
    tiles = np.repeat(kl, 9, axis=0)
    assert used_dimensions(tiles, 0, np.repeat(np.arange(20), 9)) == used_dimensions(kl, 0)
    assert used_dimensions(tiles, 0)[1] < used_dimensions(kl, 0)[1]
    assert np.isnan(used_dimensions(kl, 0, np.zeros(20, int))[1])


@pytest.mark.parametrize("pictures", [2, 3, 5, 10, 19])
def test_an_interval_over_few_pictures_is_wide_enough(pictures: int) -> None:
    rng = np.random.default_rng(pictures)
    plain = covered = 0
    for trial in range(600):
        errors = rng.normal(size=pictures)
        noise = plus_minus(multiplicities(pictures, trial, 400) @ errors / pictures)
        plain += abs(errors.mean()) <= noise
        covered += abs(errors.mean()) <= noise * widening(pictures)
    assert covered / 600 > 0.92
    assert pictures > 5 or plain / 600 < 0.88, "why it is widened"


def test_one_picture_shows_no_noise_and_many_need_no_widening() -> None:
    assert np.isnan(widening(1))
    assert widening(FEW) == widening(200) == 1
    assert 1.05 < widening(FEW - 1) < 1.15
    assert (in_text(0.125, 2), in_text(None, 2), in_text(np.nan, 2)) == ("0.12", "–", "–")


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(5, 2, 60)
    weights = whole_and_deletions(60, 60, seed=0)
    assert jackknifed(weights @ values / weights.sum(1)) == pytest.approx(mean(values))


def test_halves_hold_half_of_the_images_and_none_twice() -> None:
    halves = whole_and_halves(31, seed=0)
    assert halves[0].all()
    assert (halves[1:].sum(1) == 15).all()
    assert (halves[1:].mean(0) > 0.2).all()
