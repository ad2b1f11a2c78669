import numpy as np
import pytest

from ganflow.data import towns as built_in
from ganflow.metrics.classes import CLASSES, PROTOTYPES, segment


def test_a_town_depends_on_seed_and_number_alone() -> None:
    towns = built_in.towns(5, 64, seed=3)
    assert towns.shape == (5, 2, 64, 64, 3)
    assert towns.dtype == np.uint8
    assert np.array_equal(towns[3], built_in.towns(1, 64, seed=3, first=3)[0])
    assert not np.array_equal(towns[0], built_in.towns(1, 64, seed=4)[0])
    assert not np.array_equal(towns[0], towns[1])


@pytest.mark.parametrize("side", [0, 1])
def test_a_town_is_the_same_scene_at_every_size(side: int) -> None:
    large, small = (built_in.towns(4, size, seed=0)[:, side].astype(float) for size in (192, 96))
    reduced = large.reshape(4, 96, 2, 96, 2, 3).mean((2, 4))
    assert np.abs(reduced - small).mean() < 8
    assert np.abs(reduced - small[[1, 2, 3, 0]]).mean() > 1.5 * np.abs(reduced - small).mean()  # of another town


def test_all_classes_occur_and_most_of_a_map_is_land_and_streets() -> None:
    shares = np.bincount(segment(built_in.towns(60, 64, seed=0)[:, 1]).ravel(), minlength=5) / (60 * 64 * 64)
    assert (shares > 0.004).all(), dict(zip(CLASSES, shares, strict=True))
    assert shares[0] + shares[1] > 0.6


def test_maps_have_the_real_palette() -> None:
    """Nearly every pixel is within 12 levels of a mode of the real maps' histogram: few are blends along an edge."""
    maps = built_in.towns(20, 128, seed=0)[:, 1].astype(int)
    modes = np.array([colour for colours in PROTOTYPES.values() for colour in colours])
    distance = np.abs(maps[..., None, :] - modes).max(-1).min(-1)
    assert (distance <= 12).mean() > 0.95


def test_towns_differ_as_real_tiles_do() -> None:
    """Water, parks and motorways are in some maps and not in others; some maps are mostly water."""
    classes = segment(built_in.towns(100, 32, seed=0)[:, 1])
    share = {name: (classes == index).mean((1, 2)) for index, name in enumerate(CLASSES)}
    for name in ("water", "motorway"):
        assert 0.1 < (share[name] > 0.01).mean() < 0.6, name
    assert 0.15 < (share["park"] > 0.05).mean() < 0.7
    assert (share["water"] > 0.4).any()


def test_the_photo_shows_what_the_map_says() -> None:
    """Pixels drawn as water are darker and bluer in the photo than those drawn as land, and parks greener."""
    towns = built_in.towns(60, 64, seed=0).astype(int)
    photo, classes = towns[:, 0], segment(towns[:, 1].astype(np.uint8))
    mean = {name: photo[classes == index].mean(0) for index, name in enumerate(CLASSES)}
    assert mean["water"].sum() < mean["land"].sum() - 30
    assert mean["water"][2] > mean["water"][0]
    assert mean["park"][1] - mean["park"][2] > mean["land"][1] - mean["land"][2] + 5
    nearest = np.argmin([((photo - colour) ** 2).sum(-1) for colour in mean.values()], axis=0)
    water = CLASSES.index("water")
    assert (classes[nearest == water] == water).mean() > 3 * (classes == water).mean()
