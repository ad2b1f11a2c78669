"""config.json of a saved model, read as a stranger's file: bounded, and with nothing that could steer a terminal."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganflow.errors import UserError, one_line

NAME = "config.json"
MOST_BYTES = 10**6
MOST = {"levels": 12}  # of an argument of a network; of any other 4096
PAIRS = {"palettes"}  # arguments with a number for each of two networks
LARGEST_TILE = 4096  # pixels


def read_config(folder: Path) -> dict[str, Any]:
    """The content of config.json in a model's folder; "network" and "arguments" are in it.

    Raises:
        UserError: there is none, or its values would build no network in sensible time and memory.
    """
    try:
        with (folder / NAME).open("rb") as file:
            config = json.loads(file.read(MOST_BYTES).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"there is no trained model in {folder}: it takes {NAME} and model.safetensors") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise UserError(f"{folder} does not hold a readable model: {one_line(fault)} ({NAME})") from None
    for wrong in _faults(config):
        raise UserError(f"{folder} does not hold a readable model: {NAME} {one_line(wrong)}")
    return config


def _faults(config: Any) -> Iterator[str]:
    known = isinstance(config, dict) and isinstance(config.get("network"), str)
    if not known or not isinstance(config.get("arguments"), dict):
        yield "names no network with its arguments"
        return
    for text in _texts(config):
        if not text.isprintable():
            yield f"holds control characters, in {text!r}"
    for name, given in config["arguments"].items():
        most = MOST.get(name, 4096)
        is_pair = name in PAIRS and isinstance(given, list) and len(given) == 2
        for value in given if is_pair else [given]:
            if not isinstance(value, int | float | str):
                yield f"says {name} = {given!r}, where a number or a word is needed"
            if isinstance(value, int | float) and not 0 <= value <= most:  # NaN neither
                yield f"says {name} = {given!r}, where 0 to {most} is possible"
    levels, tile = config["arguments"].get("levels", 0), config.get("eval_size", 2**12)
    if not isinstance(levels, int) or not _is_tile(tile, levels):
        yield f"says eval_size = {tile!r}, where a multiple of 2**levels up to {LARGEST_TILE} is needed"
    scale = config.get("metres_per_pixel", 1.0)
    if scale is not None and not (isinstance(scale, int | float) and 0 < scale < math.inf):
        yield f"says metres_per_pixel = {scale!r}, where a positive number is needed"


def _is_tile(value: Any, levels: int) -> bool:
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return is_int and 0 < value <= LARGEST_TILE and value % 2 ** max(0, min(levels, 12)) == 0


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
