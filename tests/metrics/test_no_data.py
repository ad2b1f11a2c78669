"""Measures leave out pixels without data: hand-worked values, and nothing that is drawn there changes any of them."""

import numpy as np
import pandas as pd
import pytest

from ganflow.metrics import classes, translation
from ganflow.metrics.by_colour import classes_by_colour
from ganflow.metrics.no_data import as_real_without_data
from ganflow.metrics.pixels import pixel_errors_per_image
from ganflow.metrics.samples import diversity, mean_absolute_difference

LEGEND = classes.Legend(("cell", "ground"), (((255,),), ((0,),)))
RNG = np.random.default_rng(0)


def test_errors_are_means_over_the_pixels_with_data() -> None:
    real = np.full((2, 12, 12, 3), 100, np.uint8)
    generated, has_data = real.copy(), np.ones((2, 12, 12), bool)
    has_data[0, 6:] = False
    generated[0, :3] = 104  # a quarter of the image and half of its data
    generated[0, 6:] = 255
    generated[1, :6] = 107
    rows = pixel_errors_per_image(generated, real, has_data)
    assert rows.mae.tolist() == [2, 3.5]
    assert rows.rmse.tolist() == pytest.approx([8**0.5, 24.5**0.5])
    assert rows.psnr[0] == pytest.approx(20 * np.log10(255 / 8**0.5))
    assert rows.gcgan_acc5.tolist() == [100, 50]
    assert rows.gcgan_rmse[0] == pytest.approx(24**0.5)
    assert mean_absolute_difference(generated, real, has_data).tolist() == [2, 3.5]
    assert diversity(np.stack([generated, real], axis=1), has_data).tolist() == [2, 3.5]


def test_ssim_is_the_mean_of_the_windows_around_pixels_with_data() -> None:
    """Left of column 20 the images agree, from there on they do not."""
    real = RNG.integers(0, 256, (1, 11, 40, 1), np.uint8)
    generated = real.copy()
    generated[:, :, 20:] = RNG.integers(0, 256, (1, 11, 20, 1), np.uint8)
    left = np.zeros((1, 11, 40), bool)
    left[..., :15] = True
    assert pixel_errors_per_image(generated, real, left).ssim[0] == pytest.approx(1)
    right = np.zeros((1, 11, 40), bool)
    right[..., 25:] = True
    filled = as_real_without_data(generated, real, right)
    alone = pixel_errors_per_image(filled[:, :, 20:], real[:, :, 20:]).ssim[0]
    assert pixel_errors_per_image(generated, real, right).ssim[0] == pytest.approx(alone, abs=1e-6)
    everywhere = np.ones((1, 11, 40), bool)
    pd.testing.assert_frame_equal(
        pixel_errors_per_image(generated, real, everywhere), pixel_errors_per_image(generated, real), check_exact=False
    )
    border = np.zeros((1, 11, 40), bool)
    border[0, 0, 0] = True  # around which no window lies wholly in the image
    assert np.isfinite(pixel_errors_per_image(generated, real, border).ssim[0])


def test_classes_are_counted_where_there_is_data() -> None:
    real = np.array([[[[255], [0], [255]]]], np.uint8)
    generated = np.array([[[[0], [0], [255]]]], np.uint8)
    has_data = np.array([[[False, True, True]]])
    assert classes.confusions(generated, real, LEGEND, has_data).tolist() == [[[1, 0], [0, 1]]]
    # The baseline by colour learns nothing there: grey 9 is ground once with data, and cell twice without.
    inputs = np.array([[[[9], [9], [9]]]], np.uint8)
    targets = np.array([[[[255], [255], [0]]]], np.uint8)
    assert classes_by_colour(inputs, targets, inputs, LEGEND, has_data & (targets[..., 0] == 0)).max() == 0
    assert classes_by_colour(inputs, targets, inputs, LEGEND).max() == 255


@pytest.mark.parametrize("legend", [LEGEND, None])
def test_no_measure_depends_on_what_is_drawn_where_there_is_no_data(legend: classes.Legend | None) -> None:
    real = RNG.choice(np.array([0, 255], np.uint8), (2, 192, 192, 1))  # large enough for MS-SSIM
    generated = RNG.choice(np.array([0, 255], np.uint8), real.shape)
    has_data = np.ones(real.shape[:3], bool)
    has_data[0, 30:170, 5:100] = False
    has_data[1, :7] = False
    frames = []
    for garbage in (0, 200):
        images = np.where(has_data[..., None], generated, np.uint8(garbage))
        frames.append(translation.per_image(as_real_without_data(images, real, has_data), real, legend, has_data))
        pd.testing.assert_frame_equal(frames[-1], translation.per_image(images, real, legend, has_data))
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert "ms_ssim" in frames[0]
    better = translation.per_image(generated, real, legend)
    assert not np.allclose(frames[0].mae, better.mae)
