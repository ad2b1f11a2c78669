"""Verdicts on pictures that were cut into tiles: what is independent are the pictures."""

from typing import Any

import numpy as np
import pandas as pd

from ganflow.comparison.differences import Difference, changes

PICTURES, TILES = 20, 8
CONDITIONS = {"judged": {"n": PICTURES * TILES, "test_images": "ab"}}


def compared(a: np.ndarray, b: np.ndarray, pictures: np.ndarray, noise: float | None = 1.0) -> Difference:
    """The verdict on two runs with these errors of their tiles, [N]."""

    def metrics(errors: np.ndarray) -> dict[str, Any]:
        return CONDITIONS | {"mae": float(errors.mean()), "mae_pm": noise}

    frames = (pd.DataFrame({"picture": pictures, "mae": errors}) for errors in (a, b))
    (found,) = changes("pix2pix", metrics(a), metrics(b), lambda: tuple(frames))  # type: ignore[arg-type, return-value]
    return found


def test_models_that_are_equal_are_rarely_told_apart_though_all_tiles_of_a_picture_agree() -> None:
    """One is better at some pictures, the other at others: tile by tile, two of five comparisons found a winner."""
    rng = np.random.default_rng(0)
    pictures = np.repeat(np.arange(PICTURES), TILES)
    within = {"by picture": 0, "by tile": 0}
    for _ in range(80):
        hard, easier = rng.gamma(4, 3, PICTURES)[pictures], rng.normal(size=PICTURES)[pictures]
        a, b = (hard + sign * easier + rng.normal(size=len(pictures)) for sign in (1, -1))
        within["by picture"] += compared(a, b, pictures).verdict == "within noise"
        within["by tile"] += compared(a, b, np.arange(len(pictures))).verdict == "within noise"
    assert within["by picture"] >= 70
    assert within["by tile"] < 56, "what it would be"


def test_a_single_test_picture_has_no_verdict() -> None:
    errors = np.full(4, 10.0)
    found = compared(errors, errors + 0.01, np.zeros(4, int), noise=None)
    assert (found.verdict, found.why_not) == ("", "not told apart: a single test picture shows no noise")
    assert compared(errors, errors + 0.01, np.arange(4)).verdict == "worse"


def test_tables_of_an_earlier_version_are_compared_by_the_pictures_that_the_other_names() -> None:
    rng = np.random.default_rng(1)
    pictures = np.repeat(np.arange(PICTURES), TILES)
    a, b = rng.normal(10, 1, (2, PICTURES))[:, pictures]
    new = pd.DataFrame({"picture": pictures, "mae": a})
    metrics = CONDITIONS | {"mae": 10.0, "mae_pm": 1.0}
    noise = [
        changes("pix2pix", metrics, metrics, lambda both=both: both)[0].plus_minus
        for both in ((new, pd.DataFrame({"mae": b})), (pd.DataFrame({"mae": b}), new))
    ]
    assert noise[0] == noise[1] == compared(a, b, pictures).plus_minus


def test_classes_that_only_these_results_have_are_compared_too() -> None:
    """Own labels. Of the maps the shares of a class stay in the table of details."""
    frame = pd.DataFrame({"mae": [1.0, 2.0]})
    metrics = CONDITIONS | {f"{key}{pm}": 0.5 for key in ("mae", "iou/cell", "precision/road") for pm in ("", "_pm")}
    found = changes("pix2pix", metrics, metrics, lambda: (frame, frame))
    assert [one.measure.name for one in found] == ["cell: IoU", "mean absolute error"]
