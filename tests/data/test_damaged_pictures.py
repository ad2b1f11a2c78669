"""Damaged pictures of every format, read by every reader: a picture or one line, never another error."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.data import map_pairs, pictures
from ganflow.errors import UserError
from ganflow.inference import photos

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
WRITE: dict[str, Callable[[Path], object]] = {
    **{kind: lambda path: Image.fromarray(PIXELS).save(path) for kind in ("png", "ppm", "jpg", "bmp", "gif", "webp")},
    "tif": lambda path: tifffile.imwrite(path, PIXELS.astype(np.uint16), photometric="rgb"),
    "tiff": lambda path: tifffile.imwrite(path, PIXELS, photometric="rgb", compression="zlib"),
    "npy": lambda path: np.save(path, PIXELS),
}


def rows(path: Path) -> None:
    photo = photos.open_photo(path, 10**6)
    photo.stream().rows(0, photo.height)


READERS: dict[str, Callable[[Path], object]] = {
    "pictures.read": lambda path: pictures.read(path, most_pixels=10**6),
    "map_pairs.read_pair": lambda path: map_pairs.read_pair(path, 8),
    "photos": rows,
}
# What Pillow raises as SyntaxError (a PNG), ValueError (a PPM) and tokenize's own error (numpy's header).
KNOWN = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00",
    "ppm": b"P6 x 2 255\n",
    "npy": b"\x93NUMPY\x01\x00\x06\x00{'a':(",
}


def damaged(whole: bytes, chance: random.Random) -> bytes:
    content = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.4 else whole)
    for _ in range(chance.randrange(1, 4)):
        if content:
            content[chance.randrange(min(len(content), chance.choice((40, 200, len(whole)))))] = chance.randrange(256)
    return bytes(content)


def survives(path: Path, kind: str, times: int, chance: random.Random) -> None:
    WRITE[kind](path)
    whole = path.read_bytes()
    for content in [KNOWN.get(kind, b""), *(damaged(whole, chance) for _ in range(times))]:
        path.write_bytes(content)
        for name, read in READERS.items():
            try:
                read(path)
            except UserError:
                continue
            except Exception as fault:
                raise AssertionError(f"{name} raised {fault!r} for {content[:300]!r}") from fault


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", WRITE)
def test_a_damaged_picture_is_a_picture_or_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(photos, "WINDOWED", 0)  # TIFF piece by piece
    survives(tmp_path / f"x.{kind}", kind, 25, random.Random(0))
