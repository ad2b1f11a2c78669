"""What the pictures on one side of a model's pairs are: their channels, numbers, range and classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganflow.data import labels

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # shares of R, G and B in grey: ITU-R BT.601, as Pillow's


@dataclass(frozen=True)
class Kind:
    """As `config.json` keeps it of a model's inputs ("input") and of its answers ("target").

    A network sees levels: 0 to 255 for `low` to `high`, or the colours of classes.
    """

    name: str
    channels: int  #             in levels
    dtype: str  #                of the values in the files: uint8, uint16 or float32
    low: float  #                the value of level 0
    high: float  #               the value of level 255
    classes: list[dict[str, Any]] | str | None  # labels.legend_entries; or "map", whose classes are only measured

    @property
    def labels(self) -> list[dict[str, Any]] | None:
        """The classes of label pictures; None if the values are an amount of something."""
        return self.classes if isinstance(self.classes, list) else None

    @property
    def file_channels(self) -> int:
        """Channels in the files: labels of many greys have one there and three in levels."""
        return len(self.labels[0]["value"]) if self.labels else self.channels

    @property
    def is_eight_bits(self) -> bool:
        """Whether levels are whole numbers: 8 bits, or the colours of classes."""
        return self.dtype == "uint8" or self.labels is not None

    @property
    def blends(self) -> bool:
        """Whether levels may be averaged: between the colours of two classes of many lies that of a third."""
        return len(self.labels or ()) <= 2

    @property
    def level_type(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.is_eight_bits else np.float32)

    def levels(self, pixels: np.ndarray, low: float, high: float) -> np.ndarray:
        """Values [H, W, file_channels], seen in the range `low` to `high`, as levels [H, W, channels]."""
        if self.labels:
            return labels.encode(pixels, self.labels)
        if pixels.dtype == np.uint8 and (low, high) == (0, 255):
            return pixels.astype(self.level_type, copy=False)
        scaled = ((pixels.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))).clip(0, 255)
        return scaled.round().astype(np.uint8) if self.is_eight_bits else scaled

    def values(self, levels: np.ndarray) -> np.ndarray:
        """Levels [H, W, channels] as values [H, W, file_channels] of the files; of labels, of the nearest class."""
        if self.labels:
            return labels.decode(levels, self.labels).astype(self.dtype)
        if self.dtype == "uint8" and levels.dtype == np.uint8:
            return levels
        scaled = levels.astype(np.float32).clip(0, 255) * np.float32((self.high - self.low) / 255) + np.float32(
            self.low
        )
        return scaled if self.dtype == "float32" else scaled.round().astype(self.dtype)


PHOTO = Kind("photo", 3, "uint8", 0.0, 255.0, None)  # of models whose config.json does not say it: the maps'
