"""Pixel measures of a translated image against the real one, image by image.

Differences are in the 0..255 units of the uint8 images. What each measure misses: docs of the report's table.
"""

import numpy as np
import pandas as pd
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from ganflow.errors import UserError

CHUNK = 16  # images measured at a time: memory stays flat in their number
SSIM_WINDOW = 11
PSNR_CAP = 100.0  # dB, of two equal images; 8-bit images that differ at all stay below 96 dB at any size used here
DELTAS = (5, 10)


def per_image(generated: np.ndarray, real: np.ndarray) -> pd.DataFrame:
    """One row per image of `generated` against `real`, both uint8 [N, H, W, 3] (memory-mapped arrays are welcome).

    Columns:
        mae, rmse: over channels and pixels, 0..255.
        psnr: 10 log10(255^2 / rmse^2) in dB, at most PSNR_CAP.
        ssim: structural similarity, at most 1. Wang et al. 2004: Gaussian window of 11 px, sigma 1.5, K = .01, .03.
        gcgan_rmse, gcgan_acc5, gcgan_acc10: the GcGAN protocol (Fu et al. 2019, arXiv:1809.05852, and its code): the
            channels' squares are *summed*, so its RMSE is sqrt(3) times `rmse`; accuracy is the percentage of pixels
            whose largest channel difference is below delta = 5 and 10.

    Raises:
        UserError: the images are smaller than SSIM's window.
    """
    if generated.shape != real.shape:
        raise ValueError(f"shapes differ: {generated.shape} and {real.shape}")
    if min(real.shape[1:3]) < SSIM_WINDOW:
        raise UserError(f"SSIM needs images of at least {SSIM_WINDOW} px, these are {real.shape[1]}x{real.shape[2]}")
    chunks = [_measure(generated[i : i + CHUNK], real[i : i + CHUNK]) for i in range(0, len(real), CHUNK)]
    return pd.concat(chunks, ignore_index=True)


def summary(frame: pd.DataFrame) -> dict[str, float]:
    """Means over images."""
    return {str(name): float(value) for name, value in frame.mean().items()}


def constant_baseline(targets: np.ndarray) -> np.ndarray:
    """The one colour with the least absolute error over `targets` (of training): the channels' medians, uint8 [3]."""
    counts = np.zeros((3, 256), np.int64)
    for image in targets:
        for channel in range(3):
            counts[channel] += np.bincount(image[..., channel].ravel(), minlength=256)
    halves = counts.sum(1, keepdims=True) / 2
    return (counts.cumsum(1) >= halves).argmax(1).astype(np.uint8)


def _measure(generated: np.ndarray, real: np.ndarray) -> pd.DataFrame:
    difference = np.abs(generated.astype(np.int32) - real.astype(np.int32))
    squares = (difference**2).mean(axis=(1, 2, 3))
    rmse = np.sqrt(squares)
    largest = difference.max(axis=3)
    ours, theirs = (torch.from_numpy(np.array(x)).permute(0, 3, 1, 2).float() for x in (generated, real))
    ssim = structural_similarity_index_measure(ours, theirs, data_range=255.0, reduction="none")
    assert isinstance(ssim, torch.Tensor)
    return pd.DataFrame(
        {
            "mae": difference.mean(axis=(1, 2, 3)),
            "rmse": rmse,
            "psnr": np.minimum(20 * np.log10(255 / np.maximum(rmse, 1e-9)), PSNR_CAP),
            "ssim": ssim.reshape(-1).double().numpy(),
            "gcgan_rmse": np.sqrt(3 * squares),
            **{f"gcgan_acc{delta}": 100 * (largest < delta).mean(axis=(1, 2)) for delta in DELTAS},
        }
    )
