"""A stream of rows has the same values as the picture, and never holds all of it."""

import numpy as np
import pytest
from PIL import Image

from ganflow.inference.rows import Stream, at_size, of_array, strips

PIXELS = np.random.default_rng(0).integers(0, 256, (700, 31, 3), np.uint8)


def in_chunks(pixels: np.ndarray, rows: int) -> Stream:
    return Stream(*pixels.shape[:2], (pixels[top : top + rows] for top in range(0, len(pixels), rows)))


@pytest.mark.parametrize("rows", [1, 7, 256, 700])
def test_rows_come_as_they_are_however_they_are_stored(rows: int) -> None:
    stream = in_chunks(PIXELS, rows)
    for top, bottom in ((0, 10), (5, 300), (5, 6), (290, 700), (699, 700)):
        assert np.array_equal(stream.rows(top, bottom), PIXELS[top:bottom])
    assert np.array_equal(np.concatenate(list(strips(in_chunks(PIXELS, rows), 64))), PIXELS)


@pytest.mark.parametrize("size", [(700, 31), (350, 16), (61, 3), (1, 1), (1500, 62), (2801, 31)])
def test_resizing_row_by_row_gives_the_values_of_the_whole_picture(size: tuple[int, int]) -> None:
    height, width = size
    expected = np.asarray(Image.fromarray(PIXELS).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    found = np.concatenate(list(strips(at_size(in_chunks(PIXELS, 50), height, width))))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1  # Pillow rounds the box of each strip


def test_only_the_rows_in_use_are_kept() -> None:
    """A picture of 10 million rows would not fit: only one that is dropped as it is read can be walked through."""
    rows = 10_000
    chunk = np.zeros((rows, 8, 3), np.uint8)
    stream = Stream(10_000_000, 8, (chunk.copy() for _ in range(1000)))
    for top in range(0, 3_000_000, 100_000):
        assert stream.rows(top, top + 10).shape == (10, 8, 3)
        kept = stream.rows(top, top)
        base = kept if kept.base is None else kept.base
        assert base.nbytes <= 11 * chunk.nbytes


def test_an_array_is_a_stream_of_one_chunk() -> None:
    assert np.array_equal(of_array(PIXELS).rows(3, 9), PIXELS[3:9])
