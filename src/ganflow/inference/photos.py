"""A photo file as a translator takes it: rows of levels, its scale, and what was assumed about it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.data import pictures
from ganflow.data.kinds import LUMA, PHOTO, Kind
from ganflow.errors import UserError
from ganflow.inference import tiff
from ganflow.inference.rows import Stream, of_array

MOST_PIXELS = 200_000_000  # of a picture that is read at once: about 2 GB
WINDOWED = 2**24  # pixels from which a TIFF is read a few rows at a time
TIFF_SUFFIXES = (".tif", ".tiff")
ON_WHITE = "transparent parts are white"
NO_CLASS = "values that are no class of the model's are seen as the nearest class"
NO_DATA = "pixels without data are seen as the low end of the range"

Range = tuple[float, float]


@dataclass(frozen=True)
class Photo:
    """A picture that can be read from its first row to its last, as often as needed."""

    height: int
    width: int
    stream: Callable[[], Stream]  #   of levels, with the channels that the model takes
    notes: tuple[str, ...] = ()  #    what was assumed, for people
    metres_per_pixel: float | None = None  # by its georeference
    georeference: tuple[Any, ...] = ()  #    TIFF tags


def open_photo(
    path: Path,
    most_pixels: int = MOST_PIXELS,
    kind: Kind = PHOTO,
    given_range: Range | None = None,
    *,
    in_pieces: bool = True,
) -> Photo:
    """The photo in `path`, of any format that `pictures.read` takes; a large TIFF is read a few rows at a time.

    kind: of the pictures that the model takes. given_range: the values to be seen as black and white, where the user
    says it; else they are found, as `_range` says. Without `in_pieces` a large TIFF is refused like any picture.

    Raises:
        UserError: it is not a readable picture, its channels are not the model's, or it is too large.
    """
    found = None
    if path.suffix.lower() in TIFF_SUFFIXES:
        with suppress(UserError):  # `pictures.read` says what is wrong with it, or reads another format of this name
            found = tiff.facts(path)
    if in_pieces and found and found.plain and found.height * found.width >= WINDOWED:
        return _windowed(path, found, kind, given_range)
    _check_size(path, most_pixels, in_pieces)
    photo = of_picture(pictures.read(path, most_pixels=most_pixels), str(path), kind, given_range)
    if found is None or not found.upright:  # its georeference is of the stored rows
        return photo
    return Photo(photo.height, photo.width, photo.stream, photo.notes, found.metres_per_pixel, found.georeference)


def of_picture(
    picture: pictures.StoredPicture, name: str = "the picture", kind: Kind = PHOTO, given_range: Range | None = None
) -> Photo:
    """A picture in memory as a photo: transparent parts on white, its range as levels, as many channels as `kind`."""
    extremes = float(picture.present.min()), float(picture.present.max())
    own = picture.low, picture.high
    seen, why = _range(extremes, picture.pixels.dtype, own, kind, given_range)
    notes = [note for note in picture.notes if not (why and note.startswith("range"))]
    notes += [f"range: {why}"] if why else []
    notes += [ON_WHITE] if picture.alpha is not None else []
    # Unsigned integers keep the value that says it.
    if picture.no_data is not None and (picture.filled(picture.low)[picture.no_data] == picture.low).all():
        notes.append(NO_DATA)
    notes += [NO_CLASS] if kind.labels and not _are_classes(picture.present, kind.labels) else []
    notes += _check_channels(name, picture.channels, kind)
    levels = _levels(picture.filled(seen[0]), picture.alpha, seen, kind)
    return Photo(levels.shape[0], levels.shape[1], lambda: of_array(levels), tuple(notes))


def _windowed(path: Path, found: tiff.TiffFacts, kind: Kind, given_range: Range | None) -> Photo:
    colours = found.channels - found.alpha
    notes = [ON_WHITE] if found.alpha else []
    notes += _check_channels(str(path), colours, kind)
    # Integers of 32 bits are seen as `pictures.read` sees them: as 16 bits where those hold them.
    dtype, own, why = found.dtype, (0.0, 255.0), ""
    extremes = own
    if kind.labels:  # which have no range
        chunks = ((pixels, missing) for pixels, _, missing in _chunks(path, found))
        if not all(_are_classes(_present(pixels, missing), kind.labels) for pixels, missing in chunks):
            notes.append(NO_CLASS)
    elif dtype != np.uint8 and not given_range:
        smallest, largest, has_gaps = np.inf, -np.inf, False
        for pixels, _, missing in _chunks(path, found):
            has_gaps |= missing is not None
            present = _present(pixels, missing)
            if present.size:
                smallest, largest = min(smallest, float(present.min())), max(largest, float(present.max()))
        if smallest > largest:
            raise UserError(f"{path} has no data in any pixel")
        narrow = dtype.kind in "iu" and smallest >= 0 and largest < 2**16
        dtype, extremes = np.dtype(np.uint16 if narrow else np.float32), (smallest, largest)
        low, high, why = pictures.value_range(smallest, largest, dtype)
        own = low, high
        if found.stated and pictures.holds(found.stated, smallest, largest):
            own, why = found.stated, f"{found.stated[0]:g} to {found.stated[1]:g}, by the file's tags"
        if dtype != np.float32 and own in ((0, 255), (0, 65535)):  # nothing was assumed
            why = ""
        notes += [NO_DATA] if has_gaps and found.dtype.kind != "u" else []
    seen, reason = _range(extremes, dtype, own, kind, given_range)
    notes += [f"range: {reason or why}"] if reason or why else []

    def rows() -> Iterator[np.ndarray]:
        for pixels, alpha, missing in _chunks(path, found):
            if missing is None or pixels.dtype.kind == "u":  # which keep their value, as in `pictures.read`
                yield _levels(pixels, alpha, seen, kind)
            else:
                filled = np.where(missing[..., None], pixels.dtype.type(seen[0]), pixels)
                yield _levels(filled, alpha, seen, kind)

    def stream() -> Stream:
        return Stream(found.height, found.width, rows())

    return Photo(found.height, found.width, stream, tuple(notes), found.metres_per_pixel, found.georeference)


def _chunks(path: Path, found: tiff.TiffFacts) -> Iterator[tuple[np.ndarray, np.ndarray | None, np.ndarray | None]]:
    """Rows of a TIFF: values [rows, W, C], 0 as black; alpha, float32 [rows, W] from 0 to 1, if it has that; and which
    pixels have no data, bool [rows, W], if there are any."""
    full = np.iinfo(found.dtype).max if found.dtype.kind in "iu" else 1
    for chunk in tiff.read_tiff(path):
        pixels = chunk[..., :-1] if found.alpha else chunk
        missing = pictures.missing_in(pixels, found.no_data)
        if found.inverted and found.dtype.kind == "u":
            pixels = full - pixels
        yield pixels, chunk[..., -1].astype(np.float32) / np.float32(full) if found.alpha else None, missing


def _present(pixels: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """The pixels that have data, [H, W, C] or [N, C]."""
    return pixels if missing is None else pixels[~missing]


def _range(
    extremes: Range, dtype: np.dtype[Any], own: Range, kind: Kind, given: Range | None
) -> tuple[Range, str | None]:
    """The range in which a picture is seen, and why where it is not its `own`.

    As the user gives it; else, for a model of pictures with the same type of numbers (16 bits, floats), the range of
    its training pictures if that holds the values (`extremes`); else its own, of `pictures.value_range` or its tags.
    16 bits are of the type of floats too: of one set of integers those below 0 are read as floats, the others are not.

    Raises:
        UserError: a range is given for labels, which have none.
    """
    if kind.labels:
        if given:
            raise UserError("the model takes labels, which have no range: leave --range out")
        return own, None
    if given:
        return given, f"{given[0]:g} to {given[1]:g}, as given"
    inside = kind.low <= extremes[0] and extremes[1] <= kind.high
    if inside and (dtype == kind.dtype != "uint8" or (dtype, kind.dtype) == (np.uint16, "float32")):
        return (kind.low, kind.high), f"{kind.low:g} to {kind.high:g}, as of the model's training pictures"
    return own, None


def _are_classes(pixels: np.ndarray, classes: list[dict[str, Any]]) -> bool:
    """Whether all pixels [..., C] have the value of a class; also true of colours that are seen as grey."""
    found = np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)
    values = np.array([one["value"] for one in classes])
    return found.shape[1] > values.shape[1] or bool((found[:, None] == values).all(2).any(1).all())


def _levels(pixels: np.ndarray, alpha: np.ndarray | None, seen: Range, kind: Kind) -> np.ndarray:
    """Values [H, W, C] of a picture as the levels of `kind`."""
    if alpha is not None:
        weight = alpha[..., None]
        white = weight * pixels.astype(np.float32) + (1 - weight) * np.float32(seen[1])
        pixels = (white if pixels.dtype.kind == "f" else white.round()).astype(pixels.dtype)
    if pixels.shape[2] == 1 and kind.file_channels == 3:
        pixels = np.repeat(pixels, 3, axis=2)
    elif pixels.shape[2] == 3 and kind.file_channels == 1:
        grey = pixels.astype(np.float32) @ LUMA[:, None]
        pixels = (grey if pixels.dtype.kind == "f" else grey.round()).astype(pixels.dtype)
    return kind.levels(pixels, *seen)


def _check_channels(name: str, channels: int, kind: Kind) -> list[str]:
    """What is to be said of a picture with so many channels.

    Raises:
        UserError: the model does not take them.
    """
    takes = kind.file_channels
    if channels == 3 and takes == 1:
        return ["colours are seen as grey"]
    if channels != takes and (channels, takes) != (1, 3):
        asked = {1: "grey", 3: "grey or RGB"}.get(takes, f"{takes} channels")
        number = {1: "1", 3: "1 or 3"}.get(takes, f"{takes} channels")
        raise UserError(f"{name} has {channels} channels, and the model takes {asked}: give it a picture of {number}")
    return []


def _check_size(path: Path, most_pixels: int, in_pieces: bool) -> None:
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
            f"--max-megapixels {-(-width * height // 1_000_000)} reads it (about 10 bytes of memory a pixel)"
            + (", and a TIFF of any size is read piece by piece" if in_pieces else "")
        )
