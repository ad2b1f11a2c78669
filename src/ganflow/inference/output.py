"""Writes a picture to a file of the format that its name ends in; TIFF and .npy of any size, row by row."""

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.data.kinds import PHOTO, Kind
from ganflow.errors import UserError, one_line
from ganflow.files import whole_file
from ganflow.inference import tiff
from ganflow.inference.rows import Stream, strips

# What Pillow does by default blurs the thin lines of a map.
SETTINGS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}
# Pillow's mode for values of a type and number of channels. (Of colours with 16 bits it would keep 8.)
MODES = {("uint8", 1): "L", ("uint8", 3): "RGB", ("uint16", 1): "I;16"}


def names_folder(target: str) -> bool:
    """Whether an output is to be a folder: it is one, or ends with a slash."""
    try:
        return target.endswith("/") or Path(target).is_dir()
    except OSError:  # too long a name: `check_output` says so
        return False


def suffix_for(photo: Path, kind: Kind) -> str:
    """How the name of a photo's answer ends: .tif or .npy as the photo's, or .tif if PNG cannot hold `kind`."""
    own = photo.suffix.lower()
    if own == ".npy":
        return own
    return ".tif" if own in (".tif", ".tiff") or (kind.dtype, kind.file_channels) not in MODES else ".png"


def writable_format(path: Path, size: tuple[int, int], kind: Kind = PHOTO) -> str:
    """The name of the format that `path` ends in, tried on pictures of `kind` as wide and as high as `size` (pixels).

    Pillow's name, but for TIFF and NPY, which take every kind and size.

    Raises:
        UserError: it is not known, or cannot be written, or not so large, or not with these values: more than 8 bits
            and labels have to stay as they are.
    """
    suffix = path.suffix.lower()
    name = "NPY" if suffix == ".npy" else Image.registered_extensions().get(suffix)
    if name is None:
        raise UserError(f"cannot tell the format of {path}: give it a name like map.png")
    if name in ("TIFF", "NPY"):
        return name
    mode = MODES.get((kind.dtype, kind.file_channels))
    if mode is None:
        what = f"{kind.file_channels} channel{'s' * (kind.file_channels > 1)} of {kind.dtype}"
        raise UserError(f"cannot write {path} as {name}: the answers have {what}; give it a name like map.tif")
    try:
        for tried in ((size[0], 1), (1, size[1])):
            Image.new(mode, tried).save(io.BytesIO(), format=name)
        changed = _changed(name, mode)
    except Exception as fault:  # Pillow's writers raise many kinds
        why = "no picture can be written in it" if isinstance(fault, KeyError) else one_line(fault)
        raise UserError(f"cannot write {path} as {name}: {why}; give it a name like map.png or map.tif") from None
    # Photos may lose detail, as in JPEG; between the values of two labels lies that of a third.
    if changed == "size" or (changed and (kind.labels or not kind.is_eight_bits)):
        what = "the size" if changed == "size" else "labels" if kind.labels else f"values of {kind.dtype}"
        raise UserError(
            f"cannot write {path} as {name}: it would change {what}; give it a name like map.png or map.tif"
        )
    return name


@functools.cache
def _changed(image_format: str, mode: str) -> str:
    """What is another where a picture of `mode` is saved in a format and opened again: "size", "values" or "".

    Icons have sizes of their own, and some of Pillow's writers turn 16 bits into 8 without a word.
    """
    high, dtype = (2**16, np.uint16) if mode == "I;16" else (2**8, np.uint8)
    values = np.random.default_rng(0).integers(0, high, (50, 40, 3) if mode == "RGB" else (50, 40), dtype)
    file = io.BytesIO()
    Image.fromarray(values).save(file, format=image_format, **SETTINGS.get(image_format, {}))
    try:
        with Image.open(file) as opened:
            if opened.size != (40, 50):
                return "size"
            found = opened if mode == "I;16" else opened.convert(mode)
            return "" if np.array_equal(np.asarray(found), values) else "values"
    except (OSError, ValueError):  # PDF, PostScript: Pillow only writes them
        return "values"


def write_picture(path: Path, picture: Stream, georeference: tuple[Any, ...] = (), kind: Kind = PHOTO) -> None:
    """Write a picture of values of `kind` to `path`: whole or not at all. Most formats keep it in memory first.

    Raises:
        UserError: as `writable_format`.
    """
    image_format = writable_format(path, (picture.width, picture.height), kind)
    channels, dtype = kind.file_channels, np.dtype(kind.dtype)
    with whole_file(path) as partial:
        if image_format == "TIFF":
            tiff.write_tiff(partial, picture, channels, dtype, georeference)
            return
        shape = picture.height, picture.width, channels
        in_memory = image_format != "NPY"
        values = np.empty(shape, dtype) if in_memory else np.lib.format.open_memmap(partial, "w+", dtype, shape)
        top = 0
        for strip in strips(picture):
            values[top : top + len(strip)] = strip
            top += len(strip)
        if isinstance(values, np.memmap):
            values.flush()
            return
        Image.fromarray(values.squeeze(2) if channels == 1 else values).save(
            partial, format=image_format, **SETTINGS.get(image_format, {})
        )


def not_shown(kind: Kind) -> list[str]:
    """What pictures for people (`grids.shown`) leave out of answers of `kind`, in a line; empty if nothing."""
    seen = 3 if kind.channels > 2 else 1
    lost = ["before each pixel is given its class"] if kind.labels else []
    lost += ["in 8 bits"] if not kind.is_eight_bits else []
    lost += [f"without {kind.channels - seen} of {kind.channels} channels"] if kind.channels not in (1, 3) else []
    return [f"shown {', '.join(lost)}: `ganflow translate` writes the values"] if lost else []


def as_image(values: np.ndarray) -> Image.Image | np.ndarray:
    """Values [H, W, C] as a PIL image, if Pillow has one of their kind, else as they are."""
    if (values.dtype.name, values.shape[2]) not in MODES:
        return values
    return Image.fromarray(values.squeeze(2) if values.shape[2] == 1 else values)
