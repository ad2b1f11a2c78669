"""The prepared data as later stages open it: arrays by name and what is known of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ganflow.errors import UserError
from ganflow.files import sha256, write_json

PREPARED = Path("data/prepared")


def about(name: str) -> dict[str, Any]:
    """meta.json of data set `name` (mnist, maps): source, digest, counts.

    Raises:
        UserError: it has not been prepared.
    """
    path = PREPARED / name / "meta.json"
    try:
        return {"name": name, **json.loads(path.read_text())}
    except FileNotFoundError:
        raise UserError(f"{path} is missing: `dvc repro prepare_{name}` makes it") from None


def array(name: str, part: str) -> np.ndarray:
    """An array of data set `name`, memory-mapped."""
    return np.load(PREPARED / name / f"{part}.npy", mmap_mode="r")


def describe(folder: Path, **facts: str | int) -> None:
    """Write meta.json into `folder`: `facts`, and a digest over all the arrays there."""
    content = hashlib.sha256()
    for path in sorted(folder.glob("*.npy")):
        content.update(f"{path.name} {sha256(path)}\n".encode())
    write_json(folder / "meta.json", {"digest": content.hexdigest(), **facts})
