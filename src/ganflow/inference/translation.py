"""Translate images with a trained network: equal tiles in batches, or one photo of any size."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.data.batches import to_levels, to_unit
from ganflow.errors import UserError, one_line

OVERLAP = 64  # pixels that neighbouring tiles of a large photo share, blended linearly


@torch.no_grad()
def translate(
    generator: nn.Module, tiles: np.ndarray, batch_size: int, device: torch.device, latents: Tensor | None = None
) -> np.ndarray:
    """Levels 0..255 [N, H, W, C], uint8 or float32, to the network's images in the same type, in batches.

    `latents` [N, Z]: one per tile, for a generator that takes them. A generator with batch norm gets one tile at a
    time, because its output would depend on the rest of the batch otherwise.
    """
    if any(isinstance(module, torch.nn.BatchNorm2d) for module in generator.modules()):
        batch_size = 1
    translated = []
    for start in range(0, len(tiles), batch_size):
        batch = slice(start, start + batch_size)
        latent = () if latents is None else (latents[batch].to(device),)
        translated.append(to_levels(generator(to_input(tiles[batch], device), *latent), tiles.dtype))
    return np.concatenate(translated)


@torch.no_grad()
def translate_photo(
    generator: nn.Module, photo: Image.Image, tile: int, device: torch.device, latent: Tensor | None = None
) -> Image.Image:
    """Translate a photo of any size to an image of the same size, in overlapping tiles that are blended.

    `tile` is the side in pixels at which the generator was evaluated: on a much larger image its normalisation
    statistics would differ from those in training. `latent` [1, Z]: one for all tiles, for a generator that takes it.
    """
    pixels = np.asarray(photo.convert("RGB"))
    height, width = pixels.shape[:2]
    step = tile - min(OVERLAP, tile // 2)
    rows, columns = _starts(height, tile, step), _starts(width, tile, step)
    padding = (max(0, tile - height), max(0, tile - width))
    # Symmetric, not reflecting: reflection fails if the padding is wider than the photo.
    padded = np.pad(pixels, ((0, padding[0]), (0, padding[1]), (0, 0)), mode="symmetric")

    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).astype(np.float32)
    weight = np.minimum.outer(ramp, ramp)[..., None]
    total = np.zeros(padded.shape, np.float32)
    weights = np.zeros((*padded.shape[:2], 1), np.float32)
    for top in rows:
        for left in columns:
            place = (slice(top, top + tile), slice(left, left + tile))
            total[place] += weight * translate(generator, padded[place][None], 1, device, latent)[0]
            weights[place] += weight
    return Image.fromarray((total / weights).round().astype(np.uint8)[:height, :width])


def writable_format(path: Path, size: tuple[int, int]) -> str:
    """Pillow's name of the format that `path` ends in, tried on pictures as wide and as high as `size` (pixels).

    Raises:
        UserError: Pillow does not know it, or cannot write it, or not so large.
    """
    name = Image.registered_extensions().get(path.suffix.lower())
    if name is None:
        raise UserError(f"cannot tell the format of {path}: give it a name like map.png")
    try:
        for tried in ((size[0], 1), (1, size[1])):
            Image.new("RGB", tried).save(io.BytesIO(), format=name)
    except Exception as fault:  # Pillow's writers raise many kinds
        why = "no picture can be written in it" if isinstance(fault, KeyError) else one_line(fault)
        raise UserError(f"cannot write {path} as {name}: {why}; give it a name like map.png") from None
    return name


def _starts(length: int, tile: int, step: int) -> list[int]:
    """Where tiles begin so that they cover `length`, the last one ending with it."""
    last = max(0, length - tile)
    return [*range(0, last, step), last]


def to_input(tiles: np.ndarray, device: torch.device) -> Tensor:
    """Levels 0..255 [N, H, W, C] as a network takes them: [N, C, H, W] in [-1, 1]."""
    return to_unit(torch.from_numpy(np.array(tiles)).to(device)).permute(0, 3, 1, 2)
