"""The measure of tiles' borders: it finds a step that is there, and none where there is none."""

import numpy as np
import pytest
import seams

RNG = np.random.default_rng(0)


def test_the_photo_has_no_step_but_its_own() -> None:
    slope = np.repeat(np.arange(64, dtype=np.uint8)[:, None, None], 64, axis=1)
    photo = seams.mirrored(slope, 300)
    assert photo.shape == (300, 300, 1)
    assert np.abs(np.diff(photo.astype(int), axis=0)).max() == 1


def test_tiles_begin_and_end_inside_the_picture() -> None:
    assert seams.lines(100, 40, 30) == [30, 40, 60, 70]  # 0 to 40, 30 to 70, 60 to 100
    assert seams.lines(100, 40, 40) == [40, 60, 80]  # the last one ends with the picture


@pytest.mark.parametrize("step", [0, 10])
def test_a_step_where_tiles_meet_is_measured(step: int) -> None:
    image = np.full((100, 100, 3), 100.0)
    image[40:] += step
    image[:, 40:] += step
    assert seams.steps(image, [40]) == (step, 0)
    assert seams.steps(image, [70]) == (0, pytest.approx(step / 98))
