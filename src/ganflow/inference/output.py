"""Writes a picture to a file of the format that its name ends in; a TIFF of any size, row by row."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.errors import UserError, one_line
from ganflow.files import whole_file
from ganflow.inference import tiff
from ganflow.inference.rows import Stream, strips

# What Pillow does by default blurs the thin lines of a map.
SETTINGS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}


def names_folder(target: str) -> bool:
    """Whether an output is to be a folder: it is one, or ends with a slash."""
    try:
        return target.endswith("/") or Path(target).is_dir()
    except OSError:  # too long a name: `check_output` says so
        return False


def writable_format(path: Path, size: tuple[int, int]) -> str:
    """Pillow's name of the format that `path` ends in, tried on pictures as wide and as high as `size` (pixels).

    Raises:
        UserError: Pillow does not know it, or cannot write it, or not so large.
    """
    name = Image.registered_extensions().get(path.suffix.lower())
    if name is None:
        raise UserError(f"cannot tell the format of {path}: give it a name like map.png")
    try:
        for tried in ((size[0], 1), (1, size[1])) if name != "TIFF" else ():
            Image.new("RGB", tried).save(io.BytesIO(), format=name)
    except Exception as fault:  # Pillow's writers raise many kinds
        why = "no picture can be written in it" if isinstance(fault, KeyError) else one_line(fault)
        raise UserError(f"cannot write {path} as {name}: {why}; give it a name like map.png or map.tif") from None
    return name


def write_picture(path: Path, picture: Stream, georeference: tuple[Any, ...] = ()) -> None:
    """Write an RGB picture, uint8, to `path`: whole or not at all. All formats but TIFF keep it in memory first.

    Raises:
        UserError: as `writable_format`.
    """
    image_format = writable_format(path, (picture.width, picture.height))
    with whole_file(path) as partial:
        if image_format == "TIFF":
            tiff.write_tiff(partial, picture, 3, np.dtype(np.uint8), georeference)
            return
        image = Image.new("RGB", (picture.width, picture.height))
        top = 0
        for strip in strips(picture):
            image.paste(Image.fromarray(strip), (0, top))
            top += len(strip)
        image.save(partial, format=image_format, **SETTINGS.get(image_format, {}))
