import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import thin

from ganflow.data.towns import towns
from ganflow.metrics import classes, streets

LAND, ROAD = (np.array(classes.PROTOTYPES[name][0], np.uint8) for name in ("land", "road"))


def drawn(*areas: tuple[slice, slice], size: int = 40) -> np.ndarray:
    """A map [1, size, size, 3] of land with streets on `areas`."""
    picture = np.empty((1, size, size, 3), np.uint8)
    picture[:] = LAND
    for area in areas:
        picture[0][area] = ROAD
    return picture


def score(generated: np.ndarray, real: np.ndarray) -> list[float]:
    """Completeness, correctness, quality."""
    return [
        float(value) for value in streets.completeness_correctness_quality(streets.lines(generated, real)[0]).values()
    ]


def test_lines_are_those_of_another_implementation() -> None:
    blobs = [ndimage.gaussian_filter(np.random.default_rng(i).normal(size=(60, 60)), 0.4 + i / 4) > 0 for i in range(8)]
    for mask in [*blobs, *(classes.roads(town) for town in towns(3, 128, seed=0)[:, 1])]:
        assert np.array_equal(streets.skeleton(mask), thin(mask))


def test_lines_hang_together_as_the_streets_do() -> None:
    for town in towns(3, 128, seed=3)[:, 1]:
        mask = classes.roads(town)
        assert ndimage.label(streets.skeleton(mask), np.ones((3, 3)))[1] == ndimage.label(mask, np.ones((3, 3)))[1]
    assert not streets.skeleton(np.zeros((5, 5), bool)).any()


def test_by_hand() -> None:
    """Lines of one pixel are their own skeletons: two real streets of 40, of which one is drawn, 3 px beside."""
    real = drawn((slice(5, 6), slice(None)), (slice(30, 31), slice(None)))
    beside = drawn((slice(8, 9), slice(None)))
    assert streets.lines(beside, real)[0].tolist() == [40, 40, 80, 40]
    assert score(beside, real) == [pytest.approx(40 / 80), 1, pytest.approx(40 / 80)]
    farther = drawn((slice(9, 10), slice(None)))
    assert score(farther, real) == [0, 0, 0]
    more = drawn((slice(5, 6), slice(None)), (slice(18, 19), slice(0, 20)))
    assert score(more, real) == [pytest.approx(40 / 80), pytest.approx(40 / 60), pytest.approx(40 / 100)]


def test_the_widths_of_streets_do_not_matter() -> None:
    """What class IoU cares for most; the ends of a wide street are rounded off."""
    narrow, wide = drawn((slice(20, 21), slice(None))), drawn((slice(18, 23), slice(None)))
    assert min(score(wide, narrow)) > 0.9


def test_a_gap_costs_its_length() -> None:
    real = drawn((slice(20, 21), slice(None)))
    broken = drawn((slice(20, 21), slice(0, 10)), (slice(20, 21), slice(26, 40)))
    assert score(broken, real) == [pytest.approx((24 + 2 * 3) / 40), 1, pytest.approx(24 / (24 + 10))]


def test_a_share_of_no_street_does_not_exist() -> None:
    street, land = drawn((slice(20, 21), slice(None))), drawn()
    assert np.isnan(score(land, land)).all()
    assert score(land, street)[0] == 0
    assert np.isnan(score(land, street)[1])
    assert np.isnan(score(street, land)[0])
    assert score(street, land)[1:] == [0, 0]
