"""Pixels without data, which as targets are in no loss and no measure: which they are (`pairs.no_data`)."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ganflow.data.pictures import StoredPicture, on_white, read
from ganflow.errors import UserError


def read_with_no_data(path: Path, rule: str) -> StoredPicture:
    """The picture in `path`, transparent parts white, with `no_data` by `rule` (pairs.no_data).

    rule: "auto": where the file says it (a number that is not finite, GDAL's TIFF tag); "alpha": and where it is wholly
    transparent; "255" or "#e0e0c0": and where it has this value in all channels, or this colour; "none": nowhere.

    Raises:
        UserError: it cannot be read; or "none", and it has floats that are no numbers.
    """
    picture = read(path)
    missing = picture.no_data
    if rule == "none":
        if missing is not None and picture.pixels.dtype == np.float32:
            raise UserError(
                f"{path} has pixels without data, which pairs.no_data = none does not allow: set it to auto"
            )
        missing = None
    elif rule == "alpha" and picture.alpha is not None:
        missing = _or(missing, picture.alpha == 0)
    elif rule not in ("auto", "alpha"):
        missing = _or(missing, _has_value(picture.pixels, rule))
    return replace(on_white(picture), no_data=missing if missing is not None and missing.any() else None)


def _has_value(pixels: np.ndarray, text: str) -> np.ndarray:
    """Where [H, W, C] has the value `text` in all channels, or is the colour `text`: bool [H, W]."""
    if not text.startswith("#"):
        value = float(text)
        return (pixels == (pixels.dtype.type(value) if pixels.dtype == np.float32 else value)).all(2)
    colour = [int(text[place : place + 2], 16) for place in (1, 3, 5)]
    if pixels.shape[2] != len(colour):
        return np.zeros(pixels.shape[:2], bool)
    return (pixels == colour).all(2)


def _or(missing: np.ndarray | None, more: np.ndarray) -> np.ndarray:
    return more if missing is None else missing | more
