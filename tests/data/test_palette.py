"""The colours that targets are drawn with."""

import numpy as np
import pytest

from ganflow.data.palette import palette


def test_the_most_frequent_colours_without_their_neighbours() -> None:
    image = np.zeros((1, 40, 40, 3), np.uint8)  # every 4th pixel is looked at: 10 x 10
    image[:, :20] = (234, 230, 222)  # 50 of 100: land
    image[:, 20:24] = (238, 230, 222)  # 10: land a little redder, a neighbour of the land already taken
    image[:, 24:36] = (254, 254, 254)  # 30: roads
    image[:, 36:40] = (178, 210, 254)  # 10: water
    assert palette(image, 2).tolist() == [[234, 230, 222], [254, 254, 254]]
    assert palette(image, 9).tolist() == [[234, 230, 222], [254, 254, 254], [178, 210, 254]]


def test_targets_of_any_number_of_channels() -> None:
    mask = np.zeros((2, 8, 8, 1), np.uint8)
    mask[0] = 255
    assert palette(mask, 10).tolist() == [[2], [254]]
    assert palette(np.full((1, 8, 8, 4), 9, np.uint8), 10).tolist() == [[10, 10, 10, 10]]


@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_have_none(channels: int) -> None:
    photos = np.random.default_rng(0).normal(110, 40, (4, 64, 64, channels)).clip(0, 255).astype(np.uint8)
    assert palette(photos, 10).shape == (0, channels)


def test_half_of_the_pixels_decide() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 80, 80, 3), np.uint8)
    for rows, found in ((36, 0), (44, 1)):
        image = noise.copy()
        image[:, :rows] = (234, 230, 222)
        assert len(palette(image, 1)) == found, "half of the pixels have the land's colour"


def test_pixels_without_data_have_no_colour() -> None:
    """Three quarters hold noise: with them nothing is drawn, without them two colours are."""
    image = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    image[:, :16, :16], image[:, :8, :16] = 234, 40
    has_data = np.zeros((2, 32, 32), bool)
    has_data[:, :16, :16] = True
    assert palette(image, 4).size == 0
    assert sorted(palette(image, 4, has_data).tolist()) == [[42, 42, 42], [234, 234, 234]]
    assert palette(image, 4, np.zeros_like(has_data)).shape == (0, 3)
