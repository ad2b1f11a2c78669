import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ganflow.losses import OBJECTIVES
from ganflow.render import curves


def history(points: int) -> pd.DataFrame:
    x = np.arange(1, points + 1)
    values = {name: 1 + np.sin(x / 3 + n) / 2 for n, name in enumerate(("loss_d", "loss_g", "d_real", "d_fake"))}
    return pd.DataFrame({"step": 50 * x, "images": 3200 * x, **values})


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("points", [1, 60])
def test_curves_are_drawn_alike_every_time(objective: str, points: int) -> None:
    game = OBJECTIVES[objective]
    first, second = (
        np.asarray(curves(history(points), game.equilibrium, game.outputs_probability, objective)) for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert first.min() < 100 < 250 < first.max()
    for edge in (first[:2], first[-2:], first[:, :2], first[:, -2:]):
        assert (edge == 255).all(), "something is cut off"


def test_the_equilibrium_is_drawn() -> None:
    game = OBJECTIVES["non_saturating"]
    with_lines = np.asarray(curves(history(20), game.equilibrium, True, "gan"))
    without = np.asarray(curves(history(20), {}, True, "gan"))
    assert not np.array_equal(with_lines, without)


def test_a_history_of_one_point_shows_its_point() -> None:
    picture = np.asarray(curves(history(1), {}, False, "gan")).astype(int)
    blue = np.abs(picture - (0, 114, 178)).max(axis=2) < 8
    dots = blue[: picture.shape[0] * 3 // 4]  # above the legends
    assert dots.sum() > 8


def test_no_legend_hides_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the training, legends are below the axes."""
    figures = []
    monkeypatch.setattr("ganflow.render.plt.close", figures.append)
    curves(history(60).assign(loss_l1=0.1), OBJECTIVES["lsgan"].equilibrium, False, "pix2pix")
    (figure,) = figures
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().y1 < axes.get_window_extent().y0
    monkeypatch.undo()
    plt.close(figure)
