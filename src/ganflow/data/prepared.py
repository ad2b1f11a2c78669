"""The prepared data as later stages read it: arrays by name, with their source, digest and counts."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ganflow.errors import UserError
from ganflow.files import sha256, write_json

PREPARED = Path("data/prepared")
_EIGHT_BITS = {"channels": 3, "dtype": "uint8", "low": 0.0, "high": 255.0}
MAP_SIDES = ({"name": "aerial photo", "classes": None, **_EIGHT_BITS}, {"name": "map", "classes": "map", **_EIGHT_BITS})
# Metres of ground that a published tile of the maps shows from side to side: 600 px of web Mercator's zoom 17 in New
# York, 156543.03 m · cos(40.7°) / 2^17 each. Streets 88.4 px apart, in most grids of the tiles, are then 80 m apart:
# New York's 260 feet.
MAPS_TILE = 543.0


def about(name: str, what: str = "training") -> dict[str, Any]:
    """What is known of data set `name` (mnist, maps): source, digest and counts of its training or test part.

    Raises:
        UserError: it has not been prepared.
    """
    path = PREPARED / name / f"{what}.json"
    try:
        return {"name": name, **json.loads(path.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        raise UserError(f"{path} is missing: `dvc repro prepare_{name}` makes it") from None


def class_names() -> list[str]:
    """Of the digits 0 to 9, or of your own small pictures their classes, in the order of their labels."""
    return about("mnist").get("classes", [str(digit) for digit in range(10)])


def array(name: str, part: str) -> np.ndarray:
    """An array of data set `name`, memory-mapped."""
    return np.load(PREPARED / name / f"{part}.npy", mmap_mode="r")


def sides(direction: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the inputs and the targets are in this direction: name, channels, dtype and range in the files, classes."""
    found = about("maps").get("sides", MAP_SIDES)
    source = input_side(direction)
    return found[source], found[1 - source]


def channels() -> tuple[int, int]:
    """Of A and B in the prepared pairs."""
    a, b = about("maps").get("sides", MAP_SIDES)
    return a["channels"], b["channels"]


def input_side(direction: str) -> int:
    """Which of the two sides of a pair is the input: 0 or 1."""
    return 0 if direction in ("aerial2map", "a2b") else 1


def pairs(part: str, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the pairs' `part` in this direction, each [N, S, S, C], levels 0 to 255, memory-mapped.

    Of the maps uint8 [N, S, S, 3]. Own pairs with more than 8 bits are float32. Of pictures without pairs each side has
    a number of its own.
    """
    both = array("maps", part)
    if both.ndim == 5:
        halves = both[:, 0], both[:, 1]
    else:
        first, second = channels()
        of_a, of_b = about("maps", "test" if part == "test" else "training").get("tiles", {}).get(part, (None, None))
        halves = both[:of_a, ..., :first], both[:of_b, ..., first : first + second]
    source = input_side(direction)
    return halves[source], halves[1 - source]


def mask_channel(direction: str) -> int | None:
    """The channel of the prepared pairs that is 1 where the target has data, else 0; None if it has data everywhere."""
    masks = about("maps").get("masks", (False, False))
    target = 1 - input_side(direction)
    return sum(channels()) + sum(masks[:target]) if masks[target] else None


def has_data(part: str, direction: str) -> np.ndarray | None:
    """Where the targets of the pairs' `part` have data, bool [N, S, S]; None: everywhere."""
    channel = mask_channel(direction)
    return None if channel is None else array("maps", part)[..., channel] > 0


def pictures(part: Literal["val", "test"]) -> np.ndarray | None:
    """Of each pair of `part`, the number of the picture that it is a tile of, from 0: [N]. None: all are pictures."""
    path = PREPARED / f"maps/{part}_pictures.npy"
    numbers = np.load(path) if path.exists() else None
    return None if numbers is None or int(numbers.max()) + 1 == len(numbers) else numbers


def pictures_of_sides(part: str, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each input, [N], and each target, [M], without pairs: the number of the picture that it was cut from."""
    found = [np.load(PREPARED / f"maps/{part}_pictures_{side}.npy") for side in "ab"]
    source = input_side(direction)
    return found[source], found[1 - source]


def common_colour(direction: str) -> torch.Tensor:
    """The median colour of the training targets in this direction, uint8 [C]."""
    return torch.tensor(about("maps")["median"][1 - input_side(direction)], dtype=torch.uint8)


def metres_per_pixel(described: dict[str, Any]) -> float | None:
    """What a pixel of the evaluated size shows of the ground, of a data set's or a model's description; None: unknown.

    Of the published maps it is known; built-in towns have no scale.
    """
    return MAPS_TILE / described["eval_size"] if described.get("source") == "download" else None


def evenly(count: int, total: int) -> np.ndarray:
    """At most `count` indices of `total`, evenly spaced from the first to the last: no image is selected by hand."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(int)


def describe(
    folder: Path, counts: dict[str, int], tiles: dict[str, tuple[int, int]] | None = None, /, **facts: Any
) -> None:
    """Write training.json (about train and val) and test.json into `folder`: `facts`, counts, a digest of the arrays.

    They are two files, so that nothing a training depends on changes with the test data. `tiles`: of pictures without
    pairs, how many rows of each part hold a tile of A and of B for the first time.
    """
    for what, parts in {"training": ("train", "val"), "test": ("test",)}.items():
        content = hashlib.sha256()
        for part in parts:
            for path in sorted(folder.glob(f"{part}*.npy")):
                content.update(f"{path.name} {sha256(path)}\n".encode())
        about = {"digest": content.hexdigest(), **{part: counts[part] for part in parts}, **facts}
        if tiles:
            about["tiles"] = {part: tiles[part] for part in parts}
        write_json(folder / f"{what}.json", about)
