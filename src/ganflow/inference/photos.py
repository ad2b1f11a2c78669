"""A photo file as a translator takes it: rows of 8-bit RGB, its scale, and what was assumed about it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.data import pictures
from ganflow.errors import UserError
from ganflow.inference import tiff
from ganflow.inference.rows import Stream, of_array

MOST_PIXELS = 200_000_000  # of a picture that is read at once: about 2 GB
WINDOWED = 2**24  # pixels from which a TIFF is read a few rows at a time
TIFF_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class Photo:
    """A picture that can be read from its first row to its last, as often as needed."""

    height: int
    width: int
    stream: Callable[[], Stream]  #   of 3 channels, uint8
    notes: tuple[str, ...] = ()  #    what was assumed, for people
    metres_per_pixel: float | None = None  # by its georeference
    georeference: tuple[Any, ...] = ()  #    TIFF tags


def open_photo(path: Path, most_pixels: int = MOST_PIXELS) -> Photo:
    """The photo in `path`, of any format that `pictures.read` takes; a large TIFF is read a few rows at a time.

    Raises:
        UserError: it is not a readable picture, its channels are not grey or RGB, or it is too large.
    """
    found = None
    if path.suffix.lower() in TIFF_SUFFIXES:
        with suppress(UserError):  # `pictures.read` says what is wrong with it, or reads another format of this name
            found = tiff.facts(path)
    if found and found.plain and found.height * found.width >= WINDOWED:
        return _windowed(path, found)
    _check_size(path, most_pixels)
    photo = of_picture(pictures.read(path, most_pixels=most_pixels), str(path))
    if found is None or found.height != photo.height:  # turned: its georeference is of the stored rows
        return photo
    return Photo(photo.height, photo.width, photo.stream, photo.notes, found.metres_per_pixel, found.georeference)


def of_picture(picture: pictures.StoredPicture, name: str = "the picture") -> Photo:
    """A picture in memory as a photo: transparent parts on white, grey as RGB, its range as 0..255."""
    picture = pictures.on_white(picture)
    pixels = picture.pixels
    levels = pixels if pixels.dtype == np.uint8 else _levels(pixels, picture.low, picture.high)
    levels = _as_rgb(levels, name)
    return Photo(levels.shape[0], levels.shape[1], lambda: of_array(levels), picture.notes)


def _windowed(path: Path, found: tiff.TiffFacts) -> Photo:
    colours = found.channels - found.alpha
    if colours not in (1, 3):
        raise _not_rgb(str(path), found.channels)
    low, high, notes = 0.0, 255.0, ["transparent parts are white"] if found.alpha else []
    if found.dtype != np.uint8 and found.stated:
        low, high = found.stated
        notes.append(f"range: {low:g} to {high:g}, by the file's tags")
    elif found.dtype != np.uint8:
        smallest, largest = np.inf, -np.inf
        for chunk in tiff.read_tiff(path):
            smallest = min(smallest, float(chunk[..., :colours].min()))
            largest = max(largest, float(chunk[..., :colours].max()))
        # Integers of 32 bits are seen as `pictures.read` sees them: as 16 bits where those hold them.
        narrow = found.dtype.kind in "iu" and smallest >= 0 and largest < 2**16
        low, high, why = pictures.value_range(smallest, largest, np.dtype(np.uint16 if narrow else np.float32))
        notes.append(f"range: {why}")
    full = np.float32(np.iinfo(found.dtype).max if found.dtype.kind in "iu" else 1)

    def chunks() -> Iterator[np.ndarray]:
        for chunk in tiff.read_tiff(path):
            pixels = chunk[..., :colours]
            if found.dtype != np.uint8:
                pixels = _levels(pixels, low, high)
            if found.inverted:
                pixels = 255 - pixels
            if found.alpha:
                weight = chunk[..., colours:] / full
                pixels = (weight * pixels + (1 - weight) * 255).round().astype(np.uint8)
            yield _as_rgb(pixels, str(path))

    def stream() -> Stream:
        return Stream(found.height, found.width, chunks())

    return Photo(found.height, found.width, stream, tuple(notes), found.metres_per_pixel, found.georeference)


def _levels(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as uint8, `low` as 0 and `high` as 255: the models are trained on pictures of 8 bits."""
    scaled = (pixels.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return scaled.round().clip(0, 255).astype(np.uint8)


def _as_rgb(pixels: np.ndarray, name: str) -> np.ndarray:
    if pixels.shape[2] not in (1, 3):
        raise _not_rgb(name, pixels.shape[2])
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _not_rgb(name: str, channels: int) -> UserError:
    return UserError(f"{name} has {channels} channels, and the model takes grey or RGB: give it a picture of 1 or 3")


def _check_size(path: Path, most_pixels: int) -> None:
    try:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        with Image.open(path) as image:
            width, height = image.size
    except Exception:  # `pictures.read` says what is wrong with it, or reads what Pillow cannot
        return
    finally:
        Image.MAX_IMAGE_PIXELS = before
    if width * height > most_pixels:
        raise UserError(
            f"{path} has {width}x{height} pixels, more than the {most_pixels / 1e6:g} million that are read at once: "
            f"--max-megapixels {-(-width * height // 1_000_000)} reads it (about 10 bytes of memory a pixel), "
            "and a TIFF of any size is read piece by piece"
        )
