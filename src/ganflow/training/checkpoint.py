"""Checkpoints that survive being killed: written whole, the last two kept, a damaged one skipped.

A checkpoint is one safetensors file: every tensor of the state, and the rest of it (numbers, strings) as JSON in the
metadata, beside a digest of all that is read back. Nothing is ever unpickled.
"""

import hashlib
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ganflow.files import project_root, sha256, whole_file, write_json
from ganflow.pipeline import checkpoint_folders as folders

KEPT = 2
_TENSOR = "__tensor__"


class Checkpoints:
    """The folder checkpoints/<model>/<mark>/ under the main project root, outside DVC's outs.

    `made_on` says what computes: "cuda in bf16". `pictures` are the samples so far: file in `samples` → its digest.
    """

    def __init__(self, model: str, mark: str, made_on: str = "") -> None:
        self.folder = project_root() / "checkpoints" / model / mark
        self.samples = self.folder / "samples"
        self.pictures: dict[str, str] = {}
        self._made_on = made_on

    def training(self, about: dict[str, Any]) -> str:
        """An id of this training, from its first start until its folder is removed. `about` is noted beside it."""
        note = self.folder / folders.ABOUT
        before = folders.content_of(note)
        known = re.fullmatch("[0-9a-f]{32}", str(before.get("training")))
        now = {"training": known[0] if known else uuid.uuid4().hex, **about}
        if now != before:
            write_json(note, now)
        return now["training"]

    def add_picture(self, path: Path) -> None:
        """States saved from here on are whole with this file of `samples` alone: it is an out too."""
        self.pictures[path.name] = sha256(path)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps, then drop all but the last two."""
        tensors: dict[str, Tensor] = {}
        skeleton = _flatten(state, "", tensors)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        text = json.dumps({"state": skeleton, "pictures": self.pictures, "made_on": self._made_on})
        with whole_file(self.folder / f"step-{step:09d}.safetensors") as partial:
            save_file(tensors, partial, {"ganflow": text, "sha256": self._digest(text, tensors)})
        # Later ones are damaged: we come from an earlier one. What a killed process was writing goes too: each may be
        # as large as a checkpoint.
        (self.folder / folders.FINISHED).unlink(missing_ok=True)
        kept = [path for path in folders.states(self.folder) if folders.step_of(path) <= step][:KEPT]
        for old in (*folders.states(self.folder), *self.folder.glob(".step-*.partial")):
            if old not in kept:
                old.unlink()

    def load(self) -> dict[str, Any] | None:
        """The newest state that is whole (tensors on the CPU), or None. Says on stderr what it had to leave."""
        for path in folders.states(self.folder):
            try:
                state, self.pictures, made_on = self._read(path)
            except Exception as fault:  # a damaged file can lead to any
                print(f"warning: skipping damaged checkpoint {path}: {fault}", file=sys.stderr)
                continue
            if made_on != self._made_on:
                print(
                    f"warning: {path} was made on {made_on}, this is {self._made_on}: the result will not be to the "
                    "last bit that of either alone",
                    file=sys.stderr,
                )
            return state
        for other in folders.of_other_code(self.folder):
            if newest := next(iter(folders.states(other)), None):
                print(
                    f"{other.parent.name}: a checkpoint of other code exists at step {folders.step_of(newest)} "
                    f"({other}); this training begins anew (`ganflow checkpoints` lists and removes old ones)",
                    file=sys.stderr,
                )
        return None

    def newest(self) -> Path | None:
        """The newest checkpoint's file."""
        return next(iter(folders.states(self.folder)), None)

    def finish(self, history: Path) -> None:
        """Keep the last state alone, until DVC has committed the outs: see `checkpoint_folders.release`."""
        for old in folders.states(self.folder)[1:]:
            old.unlink()
        folders.finish(self.folder, history)

    def _read(self, path: Path) -> tuple[dict[str, Any], dict[str, str], str]:
        with safe_open(path, "pt") as stored:
            meta = stored.metadata()
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118, not a dict
        if self._digest(meta["ganflow"], tensors) != meta["sha256"]:
            raise ValueError("its digest does not match")
        content = json.loads(meta["ganflow"])
        for name, digest in content["pictures"].items():
            if sha256(self.samples / name) != digest:
                raise ValueError(f"its picture {name} is damaged")
        return _unflatten(content["state"], tensors), content["pictures"], content["made_on"]

    def _digest(self, text: str, tensors: dict[str, Tensor]) -> str:
        """sha256 of all that is read back, and of whose state it is."""
        digest = hashlib.sha256(json.dumps([self.folder.parent.name, self.folder.name, text]).encode())
        for name, tensor in sorted(tensors.items()):
            digest.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def _flatten(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Move every tensor of a nested state into `tensors`, leaving its name behind."""
    if isinstance(value, Tensor):
        tensors[path] = value
        return {_TENSOR: path}
    if isinstance(value, dict):
        # JSON turns the integer keys of an optimiser's state into strings: keep dictionaries as pairs.
        return {"pairs": [[key, _flatten(item, f"{path}.{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_flatten(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]
    return value


def _unflatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _unflatten(item, tensors) for key, item in value["pairs"]}
    if isinstance(value, list):
        return [_unflatten(item, tensors) for item in value]
    return value
