import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from ganflow.losses import OBJECTIVES
from ganflow.report.figures import best_of_n_curves, class_share_bars, curves, side_by_side


def history(points: int) -> pd.DataFrame:
    x = np.arange(1, points + 1)
    values = {name: 1 + np.sin(x / 3 + n) / 2 for n, name in enumerate(("loss_d", "loss_g", "d_real", "d_fake"))}
    at_epochs = np.where((x % 10 == 0) | (x == points), 1 / x, np.nan)
    return pd.DataFrame(
        {"step": 50 * x, "epoch": (x - 1) // 10 + 1, "images": 3200 * x, **values, "val_score": at_epochs}
    )


def drawn(history: pd.DataFrame, equilibrium: dict[str, float], probability: bool = False) -> np.ndarray:
    return np.asarray(curves(history, equilibrium, probability, "score", 1, "a title"))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("points", [1, 60])
def test_curves_of_every_objective_are_drawn_whole(objective: str, points: int) -> None:
    game = OBJECTIVES[objective]
    picture = drawn(history(points), game.equilibrium, game.outputs_probability)
    assert picture.min() < 100 < 250 < picture.max()
    for edge in (picture[:2], picture[-2:], picture[:, :2], picture[:, -2:]):
        assert (edge == 255).all(), "something is cut off"


@pytest.mark.parametrize("points", [1, 60])
def test_curves_are_drawn_alike_every_time(points: int) -> None:
    game = OBJECTIVES["non_saturating"]  # with all there is: equilibria, probabilities
    first, second = (drawn(history(points), game.equilibrium, game.outputs_probability) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_equilibrium_is_drawn() -> None:
    game = OBJECTIVES["non_saturating"]
    with_lines = drawn(history(20), game.equilibrium, True)
    without = drawn(history(20), {}, True)
    assert not np.array_equal(with_lines, without)


def test_a_history_of_one_point_shows_its_point() -> None:
    picture = drawn(history(1), {}).astype(int)
    blue = np.abs(picture - (0, 114, 178)).max(axis=2) < 8
    dots = blue[: picture.shape[0] * 3 // 4]  # above the legends
    assert dots.sum() > 8


def test_no_legend_hides_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the training, legends are below the axes."""
    figures = []
    monkeypatch.setattr("ganflow.report.figures.plt.close", figures.append)
    drawn(history(60).assign(loss_l1=0.1), OBJECTIVES["lsgan"].equilibrium)
    (figure,) = figures
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0
    monkeypatch.undo()
    plt.close(figure)


def test_the_chosen_epoch_is_marked() -> None:
    of_first, of_third = (
        np.asarray(curves(history(60), {}, False, "score", epoch, "a title")).astype(int) for epoch in (1, 3)
    )
    orange = [
        np.abs(picture[: len(picture) * 3 // 4] - (213, 94, 0)).max(axis=2) < 8 for picture in (of_first, of_third)
    ]
    third = of_first.shape[1] * 2 // 3  # the last of three panels
    left, right = (np.nonzero(mask[:, third:])[1].mean() for mask in orange)
    assert left < right


def test_a_training_without_a_discriminator_has_two_panels() -> None:
    alone = history(60).drop(columns=["loss_d", "loss_g", "d_real", "d_fake"]).assign(loss_l1=0.5)
    assert drawn(alone, {}).shape[1] < 0.75 * drawn(history(60), {}).shape[1]


def test_side_by_side_keeps_both() -> None:
    left, right = Image.new("RGB", (3, 5), "red"), Image.new("RGB", (4, 5), "blue")
    both = side_by_side(left, right)
    assert both.size == (7, 5)
    assert both.getpixel((2, 4)) == (255, 0, 0)
    assert both.getpixel((3, 4)) == (0, 0, 255)


def test_the_best_of_n_is_a_panel_per_measure_and_a_line_per_system() -> None:
    systems = {"cvae": [3.0, 2.5, 2.2], "pix2pix": [2.0], "pix2pix with dropout": [2.1, 2.0, 1.9]}
    one, two = best_of_n_curves({"mae": systems}), best_of_n_curves({"mae": systems, "mean_iou": systems})
    assert two.width > 1.7 * one.width
    lower = best_of_n_curves({"mae": systems | {"pix2pix": [1.0]}})
    assert not np.array_equal(np.asarray(one), np.asarray(lower))


def test_a_larger_share_is_a_taller_bar() -> None:
    def blue(picture: Image.Image) -> np.ndarray:
        return (np.abs(np.asarray(picture).astype(int) - (0, 114, 178)).max(axis=2) < 8).sum(0)

    rising = blue(class_share_bars([0.01 * share for share in (1, 3, 5, 7, 9, 11, 13, 15, 17, 19)], list("0123456789")))
    tops = rising[np.flatnonzero(rising > 0)]
    assert tops[-5:].mean() > 5 * tops[:5].mean() > 0


def test_a_name_is_no_formula() -> None:
    assert class_share_bars([0.5, 0.5], ["$x^$", "b$"]).size
