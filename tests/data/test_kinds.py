"""Values of pictures become levels and come back: whole ranges, channels and classes."""

import numpy as np
import pytest

from ganflow.data import labels
from ganflow.data.kinds import PHOTO, Kind

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("dtype", "low", "high", "step"),
    [("uint8", 0, 255, 0), ("uint16", 0, 65535, 1), ("uint16", 0, 4095, 0), ("float32", -1, 1, 1e-6)],
)
def test_values_survive_the_way_through_levels(dtype: str, low: float, high: float, step: float) -> None:
    kind = Kind("x", 4, dtype, low, high, None)
    values = (low + RNG.random((9, 7, 4)) * (high - low)).astype(dtype)
    values[0, 0], values[0, 1] = low, high
    levels = kind.levels(values, low, high)
    assert (levels.dtype, levels.min(), levels.max()) == (np.uint8 if dtype == "uint8" else np.float32, 0, 255)
    back = kind.values(levels)
    assert back.dtype == values.dtype
    assert np.abs(back.astype(float) - values).max() <= step


def test_more_bits_than_the_model_has_become_its_levels() -> None:
    """The answer to a picture of 16 bits is that to its 8 bits."""
    grey = RNG.integers(0, 256, (5, 6, 3), np.uint8)
    assert np.array_equal(PHOTO.levels(grey.astype(np.uint16) * 257, 0, 65535), grey)
    assert np.array_equal(PHOTO.levels(grey / np.float32(255), 0, 1), grey)


@pytest.mark.parametrize(
    "values",
    [
        [[0], [1]],
        [[0], [7], [300]],
        [[255, 0, 0], [0, 0, 255], [0, 255, 0]],
        [[n, n, n] for n in range(8)],  # numbers of classes, saved as RGB
        [[0, 0, 0], [0, 0, 1]],
        [[0, 0, 0], [300, 0, 0], [65535, 0, 300]],
    ],
)
def test_labels_come_back_as_the_values_of_the_users_files(values: list[list[int]]) -> None:
    dtype = "uint16" if max(map(max, values)) > 255 else "uint8"
    entries = labels.legend_entries(values, {})
    kind = Kind("mask", len(entries[0]["colour"]), dtype, 0, 255, entries)
    picture = np.array(values, dtype)[RNG.integers(0, len(values), (8, 9))]
    assert kind.file_channels == picture.shape[2]
    levels = kind.levels(picture, 0, 255)
    assert levels.shape[2] == kind.channels
    noisy = levels + RNG.uniform(-20, 20, levels.shape)
    assert np.array_equal(kind.values(noisy), picture)
    assert kind.values(noisy).dtype == picture.dtype
