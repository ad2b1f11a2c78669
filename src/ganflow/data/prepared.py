"""The prepared data as later stages read it: arrays by name, with their source, digest and counts."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganflow.errors import UserError
from ganflow.files import sha256, write_json

PREPARED = Path("data/prepared")


def about(name: str, what: str = "training") -> dict[str, Any]:
    """What is known of data set `name` (mnist, maps): source, digest and counts of its training or test part.

    Raises:
        UserError: it has not been prepared.
    """
    path = PREPARED / name / f"{what}.json"
    try:
        return {"name": name, **json.loads(path.read_text())}
    except FileNotFoundError:
        raise UserError(f"{path} is missing: `dvc repro prepare_{name}` makes it") from None


def array(name: str, part: str) -> np.ndarray:
    """An array of data set `name`, memory-mapped."""
    return np.load(PREPARED / name / f"{part}.npy", mmap_mode="r")


def pairs(part: str, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the maps' `part` in this direction, each uint8 [N, S, S, 3], memory-mapped."""
    both = array("maps", part)
    source = 0 if direction == "aerial2map" else 1
    return both[:, source], both[:, 1 - source]


def common_colour(direction: str) -> torch.Tensor:
    """The median colour of the training targets in this direction, uint8 [3]."""
    aerial, street_map = about("maps")["median"]
    return torch.tensor(street_map if direction == "aerial2map" else aerial, dtype=torch.uint8)


def evenly(count: int, total: int) -> np.ndarray:
    """At most `count` indices of `total`, evenly spaced from the first to the last: no image is selected by hand."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(int)


def describe(folder: Path, counts: dict[str, int], **facts: Any) -> None:
    """Write training.json (about train and val) and test.json into `folder`: `facts`, counts, a digest of the arrays.

    They are two files, so that nothing a training depends on changes with the test data.
    """
    for what, parts in {"training": ("train", "val"), "test": ("test",)}.items():
        content = hashlib.sha256()
        for part in parts:
            for path in sorted(folder.glob(f"{part}*.npy")):
                content.update(f"{path.name} {sha256(path)}\n".encode())
        about = {"digest": content.hexdigest(), **{part: counts[part] for part in parts}, **facts}
        write_json(folder / f"{what}.json", about)
