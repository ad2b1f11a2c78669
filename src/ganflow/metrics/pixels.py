"""Pixel measures of a translated image against the real one, image by image.

Differences are in levels, of which 0 to 255 are the range of the images. All of them reward a safe, flat guess on maps:
always read them beside the constant colour's row, and beside the map classes (classes.py).
"""

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from ganflow.errors import UserError
from ganflow.metrics.no_data import as_real_without_data

CHUNK = 2**20  # pixels measured at a time, 16 images of 256 px: memory stays flat in the number of images
SSIM_WINDOW = 11
MS_SSIM_SIDE = 176  # 11 px windows on the fifth scale
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
PSNR_CAP = 100.0  # dB, in place of the infinity of two equal images (one value off by one, at 256 px, is 101 dB)
DELTAS = (5, 10)


def pixel_errors_per_image(generated: np.ndarray, real: np.ndarray, has_data: np.ndarray | None = None) -> pd.DataFrame:
    """One row per image of `generated` against `real`, both [N, H, W, C], uint8 or float32 (may be memory-mapped).

    `has_data`: the pixels that are measured, bool [N, H, W], at least one of each image; None: all. Of SSIM these are
    the windows around such a pixel, which see the real picture in both where it has no data.

    Columns:
        mae, rmse: over channels and pixels, 0..255.
        psnr: 10 log10(255^2 / rmse^2) in dB, at most PSNR_CAP.
        ssim: structural similarity, at most 1. Wang et al. 2004: Gaussian window of 11 px, sigma 1.5, K = .01, .03,
            on RGB, over the windows that lie wholly in the image.
        ms_ssim: the same on five scales, each half the last. Wang et al. 2003, with their weights. Left out below
            176 px, where the window outgrows the smallest scale.
        gcgan_rmse, gcgan_acc5, gcgan_acc10: of three channels, the GcGAN protocol (Fu et al. 2019, arXiv:1809.05852,
            and its code): the channels' squares are *summed*, so its RMSE is sqrt(3) times `rmse`; accuracy is the
            percentage of pixels whose largest channel difference is below delta = 5 and 10. How the images were brought
            to 256 px matters more than most models do: on the first 200 official test maps one constant colour
            (232, 228, 224) has an RMSE of 27.78 after Pillow's bilinear filter, 28.39 after its bicubic one, and 28.98
            after a bilinear one that does not smooth first (torch's; that code's, OpenCV's, does not either).

    Raises:
        UserError: the images are smaller than SSIM's window.
    """
    if generated.shape != real.shape:
        raise ValueError(f"shapes differ: {generated.shape} and {real.shape}")
    height, width = real.shape[1:3]
    if min(height, width) < SSIM_WINDOW:
        raise UserError(f"SSIM needs images of at least {SSIM_WINDOW} px, these are {height}x{width}")
    step = max(1, CHUNK // (height * width))
    chunks = []
    for start in range(0, len(real), step):
        chunk = slice(start, start + step)
        chunks.append(_measure(generated[chunk], real[chunk], None if has_data is None else has_data[chunk]))
    return pd.concat(chunks, ignore_index=True)


def _measure(generated: np.ndarray, real: np.ndarray, has_data: np.ndarray | None) -> pd.DataFrame:
    generated = as_real_without_data(generated, real, has_data)
    wide = np.int32 if generated.dtype == real.dtype == np.uint8 else np.float32
    difference = np.abs(generated.astype(wide) - real.astype(wide))
    squares = _mean(difference**2, has_data)
    rmse = np.sqrt(squares)
    largest = difference.max(axis=3)
    gcgan = {"gcgan_rmse": np.sqrt(3 * squares)}
    gcgan |= {f"gcgan_acc{delta}": 100 * _mean(largest < delta, has_data) for delta in DELTAS}
    return pd.DataFrame(
        {
            "mae": _mean(difference, has_data),
            "rmse": rmse,
            "psnr": np.minimum(20 * np.log10(255 / np.maximum(rmse, 1e-9)), PSNR_CAP),
            **_ssim_and_ms_ssim(generated, real, has_data),
            **(gcgan if difference.shape[3] == 3 else {}),
        }
    )


def _mean(values: np.ndarray, has_data: np.ndarray | None) -> np.ndarray:
    """Of each image's values [N, H, W, ...] at its pixels of `has_data`: [N]."""
    if has_data is None:
        return values.mean(axis=tuple(range(1, values.ndim)))
    return np.array([one[counted].mean() for one, counted in zip(values, has_data, strict=True)])


def _ssim_and_ms_ssim(generated: np.ndarray, real: np.ndarray, has_data: np.ndarray | None) -> dict[str, np.ndarray]:
    """SSIM and, if the images are large enough, MS-SSIM, float64 [N]; SSIM is the first scale of MS-SSIM."""
    x, y = (torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() for images in (generated, real))
    counted = None if has_data is None else torch.from_numpy(np.array(has_data))[:, None].float()
    luminance, structure = _similarities(x, y)
    found = {"ssim": _mean_of_windows(luminance * structure, counted)}
    if min(real.shape[1:3]) >= MS_SSIM_SIDE:
        total = _mean_of_windows(structure, counted).clip(0) ** MS_SSIM_WEIGHTS[0]
        for weight in MS_SSIM_WEIGHTS[1:]:
            x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
            counted = None if counted is None else max_pool2d(counted, 2)
            luminance, structure = _similarities(x, y)
            last = weight == MS_SSIM_WEIGHTS[-1]
            total = total * _mean_of_windows(luminance * structure if last else structure, counted).clip(0) ** weight
        found["ms_ssim"] = total
    return found


def _similarities(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """SSIM's luminance term and its contrast-structure term at every window that lies wholly in the images."""
    # Variances are differences of large numbers: centred on the image's mean, they lose no precision.
    centre = y.mean(dim=(1, 2, 3), keepdim=True)
    a, b = x - centre, y - centre
    mean_a, mean_b, aa, bb, ab = _smooth(torch.stack([a, b, a * a, b * b, a * b]))
    mean_x, mean_y = mean_a + centre, mean_b + centre
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * (ab - mean_a * mean_b) + c2) / (aa - mean_a**2 + bb - mean_b**2 + c2)
    return luminance, structure


def _smooth(planes: torch.Tensor) -> torch.Tensor:
    """Gaussian means [..., H - 10, W - 10] of [..., H, W].

    As two products with band matrices: on a CPU several times faster than a convolution of single channels.
    """
    height, width = planes.shape[-2:]
    return _band(height).T @ planes @ _band(width)


def _band(length: int) -> torch.Tensor:
    """[length, length - 10], column j the window from j on."""
    offsets = torch.arange(length)[:, None] - torch.arange(length - SSIM_WINDOW + 1) - SSIM_WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * 1.5**2)) * (offsets.abs() <= SSIM_WINDOW // 2)
    return window / window.sum(0)


def _mean_of_windows(similarity: torch.Tensor, counted: torch.Tensor | None) -> np.ndarray:
    """Of windows [N, C, H - 10, W - 10], the mean of those around pixels of `counted` [N, 1, H, W]; if none, of all."""
    if counted is None:
        return similarity.mean(dim=(1, 2, 3), dtype=torch.float64).numpy()
    border = SSIM_WINDOW // 2
    weight = counted[..., border:-border, border:-border].double()
    weight = torch.where(weight.sum((1, 2, 3), keepdim=True) > 0, weight, 1.0).expand(similarity.shape)
    return ((similarity * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))).numpy()
