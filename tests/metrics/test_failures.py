"""What has failed is said to have, in words."""

import math

import pytest

from ganflow.metrics.failures import COLLAPSED, failure
from ganflow.metrics.measures import BY_TASK, headlines

GOOD = {"frechet_classifier": (50.0, 2.0), "coverage": (0.4, 0.01), "recall": (0.8, 0.01)}
GAUSSIAN = {"frechet_classifier": (366.0, 3.0), "coverage": (0.03, 0.01), "recall": (0.01, 0.01)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"frechet_classifier": (367.0, 2.0)}, "no better than a Gaussian on pixels by Fréchet distance"),
        ({"frechet_classifier": (364.0, 2.0)}, "no better than a Gaussian on pixels by Fréchet distance"),
        ({"frechet_classifier": (400.0, 2.0)}, "worse than a Gaussian on pixels by Fréchet distance"),
        ({"frechet_classifier": (math.nan, 2.0)}, "no better than a Gaussian on pixels by Fréchet distance"),
        ({"coverage": (0.02, 0.01)}, "collapsed: draws few of the digits"),
        ({"recall": (COLLAPSED - 0.01, 0.01)}, "collapsed: draws few of the digits"),
        ({"recall": (COLLAPSED, 0.01)}, ""),
        ({"coverage": (0.0, 0.0), "frechet_classifier": (400.0, 1.0)}, "pixels by Fréchet distance; collapsed: draws"),
    ],
)
def test_digits_that_lose_to_a_gaussian_or_are_few(changed: dict[str, tuple[float, float]], said: str) -> None:
    found = failure({"model": GOOD | changed, "ceiling": GAUSSIAN, "floor": GOOD})
    assert said in found
    assert bool(found) == bool(said)
    assert "," not in found


@pytest.mark.parametrize(
    ("mean_iou", "mae", "said"),
    [
        (0.5, 99.0, ""),  # pixel errors reward one colour: where there are classes they do not decide
        (0.16, 9.0, "no better than one constant colour by mean class IoU"),
        (0.1, 9.0, "worse than one constant colour by mean class IoU"),
        (None, 9.0, ""),
        (None, 12.0, "worse than one constant colour by mean absolute error"),
    ],
)
def test_maps_that_lose_to_one_colour(mean_iou: float | None, mae: float, said: str) -> None:
    """Photos drawn from maps have no classes: the error decides."""
    model = {"mae": (mae, 0.6)} | ({"mean_iou": (mean_iou, 0.02)} if mean_iou is not None else {})
    constant = {"mae": (10.5, 0.5)} | ({"mean_iou": (0.155, 0.01)} if mean_iou is not None else {})
    assert failure({"model": model, "constant": constant}) == said


def test_the_headline_of_digits_is_a_pair() -> None:
    for task, right in (("gan", "precision"), ("cgan", "class_accuracy")):
        found = headlines(task, {measure.key for measure in BY_TASK[task]})
        assert {word: measure.key for word, measure in found.items()} == {"right": right, "varied": "coverage"}
    assert [measure.key for measure in headlines("pix2pix", {"mae", "mean_iou"}).values()] == ["mean_iou"]
    assert [measure.key for measure in headlines("cvae", {"mae", "ssim"}).values()] == ["mae"]
