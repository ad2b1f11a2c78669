"""Pixel measures against values by hand and against scikit-image."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ganflow.data.towns import towns
from ganflow.data.trivial_answers import median_colour
from ganflow.errors import UserError
from ganflow.metrics import pixels

RNG = np.random.default_rng(0)


def images(count: int = 3, size: int = 32) -> np.ndarray:
    return RNG.integers(0, 256, (count, size, size, 3), np.uint8)


def test_by_hand() -> None:
    """A quarter of the pixels off by (3, 4, 12) in the three channels, the rest right."""
    real = np.full((1, 16, 16, 3), 100, np.uint8)
    generated = real.copy()
    generated[0, :8, :8] += np.array([3, 4, 12], np.uint8)
    row = pixels.pixel_errors_per_image(generated, real).iloc[0]
    assert row.mae == pytest.approx(19 / 3 / 4)
    assert row.rmse == pytest.approx(math.sqrt(169 / 3 / 4))
    assert row.psnr == pytest.approx(10 * math.log10(255**2 / (169 / 12)))
    assert row.gcgan_rmse == pytest.approx(math.sqrt(169 / 4))  # channels summed, pixels averaged
    assert row.gcgan_acc5 == 75.0
    assert row.gcgan_acc10 == 75.0


@pytest.mark.parametrize(("off", "acc5", "acc10"), [(4, 100, 100), (5, 0, 100), (9, 0, 100), (10, 0, 0)])
def test_gcgan_accuracy_is_strictly_below_delta(off: int, acc5: float, acc10: float) -> None:
    real = np.full((1, 16, 16, 3), 100, np.uint8)
    generated = real.copy()
    generated[..., 1] -= off
    row = pixels.pixel_errors_per_image(generated, real).iloc[0]
    assert (row.gcgan_acc5, row.gcgan_acc10) == (acc5, acc10)


def test_psnr_and_ssim_agree_with_scikit_image() -> None:
    """On noise, on a flat-coloured map and on one constant colour, the hardest case for single precision."""
    noise, town = images(1, 64)[0], towns(1, 64, seed=0)[0, 1]
    real = np.stack([noise, town, town, images(1, 64)[0]])
    generated = np.stack([noise * 0.7 + 20, np.roll(town, 2, 1), np.full_like(town, 230), noise]).astype(np.uint8)
    frame = pixels.pixel_errors_per_image(generated, real)
    for i in range(len(real)):
        assert frame.psnr[i] == pytest.approx(peak_signal_noise_ratio(real[i], generated[i], data_range=255))
        other = structural_similarity(
            real[i],
            generated[i],
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        assert frame.ssim[i] == pytest.approx(other, abs=1e-5)


def test_ms_ssim_by_its_definition() -> None:
    """Wang, Simoncelli and Bovik 2003, eq. 7, with scipy's filter and in double precision.

    Not against torchmetrics: it mirrors the images at their border, which on the smallest scale is most of the picture.
    """
    real, generated = images(1, 180)[0], images(1, 180)[0]
    real, generated = (ndimage.gaussian_filter(image, (3, 3, 0)).astype(np.uint8) for image in (real, generated))
    generated = (0.7 * real + 0.3 * generated).astype(np.uint8)
    x, y, expected = generated.astype(np.float64), real.astype(np.float64), 1.0

    def smooth(image: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(image, (1.5, 1.5, 0), truncate=3.5)[5:-5, 5:-5]

    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mean_x, mean_y = smooth(x), smooth(y)
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        similar = (2 * (smooth(x * y) - mean_x * mean_y) + c2) / (
            smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2 + c2
        )
        if scale == 4:
            similar *= (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        expected *= similar.mean() ** weight
        half = len(x) // 2
        x, y = (image[: 2 * half, : 2 * half].reshape(half, 2, half, 2, 3).mean((1, 3)) for image in (x, y))
    assert pixels.pixel_errors_per_image(generated[None], real[None]).ms_ssim[0] == pytest.approx(expected, abs=1e-5)
    assert 0.2 < expected < 0.97


def test_ms_ssim_is_left_out_where_its_smallest_scale_is_too_small() -> None:
    assert "ms_ssim" not in pixels.pixel_errors_per_image(images(1, 175), images(1, 175))
    assert "ms_ssim" in pixels.pixel_errors_per_image(images(1, 176), images(1, 176))


def test_equal_images() -> None:
    real = images()
    assert pixels.pixel_errors_per_image(real, real).mean().to_dict() == {
        "mae": 0,
        "rmse": 0,
        "psnr": pixels.PSNR_CAP,
        "ssim": pytest.approx(1),
        "gcgan_rmse": 0,
        "gcgan_acc5": 100,
        "gcgan_acc10": 100,
    }


def test_an_image_is_measured_alike_whatever_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "CHUNK", 4 * 32**2)
    real, generated = images(11), images(11)
    whole = pixels.pixel_errors_per_image(generated, real)
    alone = pixels.pixel_errors_per_image(generated[-1:], real[-1:])
    np.testing.assert_allclose(whole.iloc[-1], alone.iloc[0], rtol=1e-5)


def test_memory_mapped_halves_of_pairs_are_measured_as_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "pairs.npy", images(6).reshape(3, 2, 32, 32, 3))
    pairs = np.load(tmp_path / "pairs.npy", mmap_mode="r")
    colour = np.broadcast_to(median_colour(pairs[:, 1]), pairs[:, 1].shape)
    pd.testing.assert_frame_equal(
        pixels.pixel_errors_per_image(colour, pairs[:, 1]),
        pixels.pixel_errors_per_image(np.array(colour), np.array(pairs[:, 1])),
    )


def test_every_measure_worsens_with_noise() -> None:
    real = np.repeat(np.repeat(images(2, 8), 8, 1), 8, 2)
    noise = RNG.normal(0, 1, real.shape)
    rows = [
        pixels.pixel_errors_per_image((real + s * noise).round().clip(0, 255).astype(np.uint8), real).mean()
        for s in (2, 8, 32)
    ]
    for name in rows[0].index:
        values = [row[name] for row in rows]
        assert values == sorted(values, reverse=name in ("psnr", "ssim", "gcgan_acc5", "gcgan_acc10")), name
        assert len(set(values)) == 3 or name == "gcgan_acc10", name  # noise of 2 is nowhere off by 10, nor is that by 0


def test_the_least_size_is_ssims_window() -> None:
    assert pixels.pixel_errors_per_image(images(1, 11), images(1, 11)).ssim.between(-1, 1).all()
    with pytest.raises(UserError, match="at least 11 px"):
        pixels.pixel_errors_per_image(images(1, 8), images(1, 8))
