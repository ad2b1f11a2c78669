"""What has failed is said to have, in words."""

import math

import pytest

from ganflow.metrics.bootstrap import less
from ganflow.metrics.failures import Row, failure, failure_of
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
        ({"recall": (0.09, 0.01)}, "collapsed: draws few of the digits"),
        ({"recall": (0.1, 0.01)}, ""),
        ({"coverage": (0.0, 0.0), "frechet_classifier": (400.0, 1.0)}, "pixels by Fréchet distance; collapsed: draws"),
    ],
)
def test_digits_that_lose_to_a_gaussian_or_are_few(changed: dict[str, tuple[float, float]], said: str) -> None:
    found = failure({"model": GOOD | changed, "ceiling": GAUSSIAN, "floor": GOOD})
    assert said in found
    assert bool(found) == bool(said)
    assert "," not in found


@pytest.mark.parametrize(("classes", "least"), [(2, 0.5), (10, 0.1), (100, 0.01)])
def test_who_draws_one_class_of_many_has_collapsed(classes: int, least: float) -> None:
    """Perfect drawings of one of ten cover a tenth: of a hundred, a tenth is ten classes."""
    for coverage, said in ((least, ""), (0.9 * least, "collapsed: draws few of the digits")):
        rows = {"model": {"coverage": (coverage, 0.01)}}
        assert failure_of({"rows": rows, "classes": [str(name) for name in range(classes)]}) == said


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


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"input": {"mae": (2.0, 0.5)}}, "worse than the input itself by mean absolute error"),
        ({"input": {"mae": (5.2, 0.5)}}, "no better than the input itself by mean absolute error"),
        ({"input": {"mae": (5.2, 0.5)}, less("input"): {"mae": (-0.2, 0.1)}}, ""),  # image by image it is
        ({"input": {"mae": (5.2, 0.5)}, less("input"): {"mae": (-0.2, 0.3)}}, "no better than the input itself"),
        ({"input": {"mae": (9.0, 0.5)}}, ""),
        ({"input": {"mae": (2.0, None)}}, ""),  # of a single picture
        ({"input": {"mae": (2.0, math.nan)}}, ""),
        ({"input": {"mae": (2.0, 0.5)}, less("input"): {"mae": (3.0, None)}}, ""),
    ],
)
def test_what_is_asked_to_mend_its_input_must_be_better_than_it(rows: dict[str, Row], said: str) -> None:
    """Denoising, super-resolution: one constant colour is far behind, and says nothing."""
    model = {"mae": (5.0, 0.5)}
    found = failure({"model": model, "constant": {"mae": (50.0, 1.0)}, **rows})
    assert said in found
    assert bool(found) == bool(said)


def test_another_row_is_not_judged_by_the_difference_of_the_model() -> None:
    rows = {"model": {"mae": (5.0, 0.5)}, "input": {"mae": (5.1, 0.5)}, less("input"): {"mae": (-0.1, 0.01)}}
    assert failure(rows) == ""
    assert failure(rows, {"mae": (5.0, 0.5)}) == "no better than the input itself by mean absolute error"


def test_labels_must_be_better_than_a_threshold() -> None:
    rows = {"model": {"mean_iou": (0.8, 0.02), "mae": (1.0, 0.1)}, "constant": {"mean_iou": (0.4, 0.02)}}
    assert failure(rows) == ""
    colour = {"mean_iou": (0.85, 0.02), "mae": (9.0, 0.1)}
    assert failure(rows | {"colour": colour}) == "worse than the pixel's colour alone by mean class IoU"


def test_the_headline_of_digits_is_a_pair() -> None:
    for task, right in (("gan", "precision"), ("cgan", "class_accuracy")):
        found = headlines(task, {measure.key for measure in BY_TASK[task]})
        assert {word: measure.key for word, measure in found.items()} == {"right": right, "varied": "coverage"}
    assert [measure.key for measure in headlines("pix2pix", {"mae", "mean_iou"}).values()] == ["mean_iou"]
    assert [measure.key for measure in headlines("cvae", {"mae", "ssim"}).values()] == ["mae"]
