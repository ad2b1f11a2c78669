import numpy as np
import pandas as pd
import pytest

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


def test_the_equilibrium_is_drawn() -> None:
    game = OBJECTIVES["non_saturating"]
    with_lines = np.asarray(curves(history(20), game.equilibrium, True, "gan"))
    without = np.asarray(curves(history(20), {}, True, "gan"))
    assert not np.array_equal(with_lines, without)
