"""Translate images with a trained network: equal tiles in batches, or one photo of any size."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from ganflow.data.batches import to_levels, to_unit
from ganflow.inference.rows import Stream

OVERLAP = 4  # neighbouring tiles of a large photo share a quarter of their side
BYTES = np.dtype(np.uint8)
BATCH_PIXELS = 2**18  # of the tiles that the generator gets at once: 4 tiles of 256 px


@torch.no_grad()
def translate(
    generator: nn.Module, tiles: np.ndarray, batch_size: int, device: torch.device, latents: Tensor | None = None
) -> np.ndarray:
    """Levels 0..255 [N, H, W, C], uint8 or float32, to the network's images in the same type, in batches.

    `latents` [N, Z]: one per tile, for a generator that takes them. A generator with batch norm gets one tile at a
    time, because its output would depend on the rest of the batch otherwise.
    """
    drawn = _drawn(generator, tiles, batch_size, device, latents)
    return np.concatenate([to_levels(images, tiles.dtype) for images in drawn])


@torch.no_grad()
def translated(
    generator: nn.Module,
    photo: Stream,
    tile: int,
    device: torch.device,
    latent: Tensor | None = None,
    dtype: np.dtype = BYTES,
    blend: bool = True,
) -> Stream:
    """A photo of any size as an image of the same size, levels of `dtype`, in overlapping tiles.

    Where tiles overlap their means are taken, weighed by the distance from each tile's border, so that no border shows;
    without `blend`, of each pixel the tile in which it lies farthest inside.

    `tile` is the side in pixels at which the generator was evaluated: on a much larger image its normalisation
    statistics would differ from those in training. `latent` [1, Z]: one for all tiles, for a generator that takes it.
    `dtype`: uint8, or float32, which is not rounded. Memory is flat in the height, and holds few rows of tiles.
    """
    return Stream(photo.height, photo.width, _rows(generator, photo, tile, device, latent, dtype, blend))


def _rows(
    generator: nn.Module,
    photo: Stream,
    tile: int,
    device: torch.device,
    latent: Tensor | None,
    dtype: np.dtype,
    blend: bool,
) -> Iterator[np.ndarray]:
    """Rows of the answer.

    A tile's share is a product of one for the row and one for the column: tiles are summed up within a row of tiles
    first, and then rows of tiles.
    """
    step = tile - tile // OVERLAP
    tops, lefts = _starts(photo.height, tile, step), _starts(photo.width, tile, step)
    of_rows, of_columns = (_shares(starts, tile, blend) for starts in (tops, lefts))
    total = np.zeros((0, 0, 0), np.float32)  # of the rows of tiles so far, from row `top` on
    for place, top in enumerate(tops):
        band = _padded(photo.rows(top, min(top + tile, photo.height)), tile)
        row = np.zeros((0, 0, 0), np.float32)
        size = max(1, BATCH_PIXELS // tile**2)
        for first in range(0, len(lefts), size):
            batch = slice(first, first + size)
            tiles = np.stack([band[:, left : left + tile] for left in lefts[batch]])
            given = None if latent is None else latent.expand(len(tiles), -1)
            with torch.no_grad():
                levels = np.concatenate(
                    [to_levels(drawn, row.dtype) for drawn in _drawn(generator, tiles, len(tiles), device, given)]
                )
            if first == 0:
                row = np.zeros((tile, lefts[-1] + tile, levels.shape[-1]), np.float32)
            for left, share, drawn in zip(lefts[batch], of_columns[batch], levels, strict=True):
                row[:, left : left + tile] += share[:, None] * drawn
        row *= of_rows[place][:, None, None]
        if place == 0:
            total = row
        else:
            total += row
        finished = (tops[place + 1] if place + 1 < len(tops) else photo.height) - top
        rows = total[:finished, : photo.width]
        yield rows.round().astype(np.uint8) if dtype == np.uint8 else rows.copy()
        total[: tile - finished] = total[finished:]
        total[tile - finished :] = 0


def _shares(starts: list[int], tile: int, blend: bool) -> list[np.ndarray]:
    """For tiles that begin at `starts`, what share each has of every place on its side, float32 [tile]; their sum is 1.

    The share grows linearly from the border to the middle; without `blend` the tile with the largest has all.
    """
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).astype(np.float32)
    total, largest = (np.zeros(starts[-1] + tile, np.float32) for _ in range(2))
    for start in starts:
        total[start : start + tile] += ramp
        np.maximum(largest[start : start + tile], ramp, out=largest[start : start + tile])
    if blend:
        return [ramp / total[start : start + tile] for start in starts]
    shares = []
    for start in starts:
        here = largest[start : start + tile]
        shares.append((ramp == here).astype(np.float32))
        here[ramp == here] = np.inf  # the first of two with equal shares has it
    return shares


def _drawn(
    generator: nn.Module, tiles: np.ndarray, batch_size: int, device: torch.device, latents: Tensor | None
) -> Iterator[Tensor]:
    """What the generator makes of the tiles, batch by batch, in [-1, 1]."""
    if any(isinstance(module, torch.nn.BatchNorm2d) for module in generator.modules()):
        batch_size = 1
    for start in range(0, len(tiles), batch_size):
        batch = slice(start, start + batch_size)
        latent = () if latents is None else (latents[batch].to(device),)
        yield generator(to_input(tiles[batch], device), *latent)


def _padded(band: np.ndarray, tile: int) -> np.ndarray:
    """Symmetric, not reflecting: reflection fails if the padding is wider than the photo."""
    missing = [(0, max(0, tile - length)) for length in band.shape[:2]]
    return np.pad(band, (*missing, (0, 0)), mode="symmetric")


def _starts(length: int, tile: int, step: int) -> list[int]:
    """Where tiles begin so that they cover `length`, the last one ending with it."""
    last = max(0, length - tile)
    return [*range(0, last, step), last]


def to_input(tiles: np.ndarray, device: torch.device) -> Tensor:
    """Levels 0..255 [N, H, W, C] as a network takes them: [N, C, H, W] in [-1, 1]."""
    return to_unit(torch.from_numpy(np.array(tiles)).to(device)).permute(0, 3, 1, 2)
