"""Batches for training: uint8 arrays that live on the device where they fit, cropped, flipped and scaled there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganflow.data.prepared import input_side

# Takes a function (rows, generator) -> random tensor and a number of rows, and returns that many rows. It may draw more
# rows than that: the rows of the other processes.
Draw = Callable[[Callable[[int, torch.Generator], Tensor], int], Tensor]

RESIDENT_SHARE = 0.25  # of the device's free memory; a larger array stays on disk, memory-mapped


def draw_in_one_process(draw: Callable[[int, torch.Generator], Tensor], count: int) -> Tensor:
    """Draw `count` rows from torch's own generator."""
    return draw(count, torch.default_generator)


def open_array(path: Path, device: torch.device) -> Tensor:
    """A .npy file as a tensor: on a GPU if it fits there, else memory-mapped (pages come in as they are used)."""
    # Copy-on-write: torch wants a writable buffer, and no write of ours can reach the file.
    array = torch.from_numpy(np.load(path, mmap_mode="c"))
    if device.type == "cuda" and array.nbytes < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
        return array.to(device)
    return array


def to_unit(images: Tensor) -> Tensor:
    """Levels 0..255, uint8 or float32, to float32 in [-1, 1]."""
    return images.float().div(127.5).sub_(1.0)


def to_bytes(images: Tensor) -> np.ndarray:
    """Float in [-1, 1], [N, C, H, W], to uint8 [N, H, W, C] (or [N, H, W] for one channel)."""
    pixels = images.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).squeeze(-1).cpu().numpy()


def to_levels(images: Tensor, dtype: np.dtype) -> np.ndarray:
    """Float in [-1, 1], [N, C, H, W], to levels 0..255 [N, H, W, C]: uint8, or float32 which is not rounded."""
    if dtype == np.uint8:
        return to_bytes(images).reshape(len(images), *images.shape[2:], images.shape[1])
    return images.float().add(1.0).mul(127.5).clamp(0, 255).permute(0, 2, 3, 1).cpu().numpy()


class DigitBatches:
    """Digits, uint8 [N, 28, 28], with their labels, uint8 [N]."""

    def __init__(self, images: Tensor, labels: Tensor, device: torch.device) -> None:
        self._images, self._labels, self._device = images, labels, device

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, indices: Tensor, draw: Draw = draw_in_one_process) -> tuple[Tensor, Tensor]:
        """Images [B, 1, 28, 28] in [-1, 1] and labels int64 [B]. Uses no random numbers."""
        indices = indices.to(self._images.device)
        images = self._images[indices].to(self._device, non_blocking=True)
        return to_unit(images).unsqueeze(1), self._labels[indices].to(self._device).long()


class PairBatches:
    """Aligned pairs as random crops, half of them flipped left to right.

    `pairs`: uint8 [N, 2, S, S, 3], or uint8 or float32 [N, S, S, C], the channels of A, then those of B, then masks
    (prepared.mask_channel).
    """

    def __init__(
        self,
        pairs: Tensor,
        crop_size: int,
        direction: str,
        device: torch.device,
        channels: tuple[int, int] = (3, 3),  # of A and B
        mask_channel: int | None = None,  # the one that says where the target has data
    ) -> None:
        self._pairs, self._crop, self._device, self._channels = pairs, crop_size, device, channels
        self._mask_channel = mask_channel
        self._input = input_side(direction)

    def __len__(self) -> int:
        return len(self._pairs)

    def batch(self, indices: Tensor, draw: Draw = draw_in_one_process) -> tuple[Tensor, ...]:
        """Input and target, each [B, C, crop, crop] in [-1, 1]. Draws crops and flips.

        With a mask channel also where the target has data, bool [B, 1, crop, crop].
        """
        room = self._pairs.shape[-2] - self._crop + 1
        corners = draw(lambda count, rng: torch.randint(room, (count, 2), generator=rng), len(indices)).tolist()
        flips = draw(lambda count, rng: torch.rand(count, generator=rng), len(indices)) < 0.5
        flips = flips.to(self._device).view(-1, 1, 1, 1)
        crops = torch.stack(
            [
                self._pairs[index, ..., top : top + self._crop, left : left + self._crop, :]
                for index, (top, left) in zip(indices.tolist(), corners, strict=True)
            ]
        ).to(self._device, non_blocking=True)

        def flipped(side: Tensor) -> Tensor:
            side = side.permute(0, 3, 1, 2)
            return torch.where(flips, side.flip(-1), side)

        if crops.ndim == 5:
            sides = to_unit(crops).unbind(1)
        else:
            sides = to_unit(crops[..., : sum(self._channels)]).split(self._channels, -1)
        batch = flipped(sides[self._input]), flipped(sides[1 - self._input])
        if self._mask_channel is None:
            return batch
        return *batch, flipped(crops[..., self._mask_channel, None] > 0)


def with_mask(batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor | None]:
    """A batch of `PairBatches` as input, target, and where the target has data; None: everywhere."""
    x, y, *has_data = batch
    return x, y, has_data[0] if has_data else None
