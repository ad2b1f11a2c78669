"""Checkpoints that survive a kill: they are written atomically, the last two are kept, a damaged one is skipped.

A checkpoint is one safetensors file. Its metadata holds the part of the state that is no tensor (numbers, strings) as
JSON, and a digest of everything. Nothing is unpickled.
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

    `made_on`: device and precision, "cuda in bf16". `pictures`: the samples so far, file name in `samples` → digest.
    """

    def __init__(self, model: str, mark: str, made_on: str = "") -> None:
        self.folder = project_root() / "checkpoints" / model / mark
        self.samples = self.folder / "samples"
        self.pictures: dict[str, str] = {}
        self._made_on = made_on

    def training_id(self, about: dict[str, Any]) -> str:
        """The id of this training, the same until its folder is removed. Also writes `about` to training.json."""
        path = self.folder / folders.ABOUT
        before = folders.read_object(path)
        known = re.fullmatch("[0-9a-f]{32}", str(before.get("training")))
        now = {"training": known[0] if known else uuid.uuid4().hex, **about}
        if now != before:
            write_json(path, now)
        return now["training"]

    def add_picture(self, path: Path) -> None:
        """Record a file of `samples`, an out too: states saved from now on are valid only if it is undamaged."""
        self.pictures[path.name] = sha256(path)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps, then drop all but the last two."""
        tensors: dict[str, Tensor] = {}
        structure = _flatten(state, "", tensors)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        text = json.dumps({"state": structure, "pictures": self.pictures, "made_on": self._made_on})
        with whole_file(self.folder / f"step-{step:09d}.safetensors") as partial:
            save_file(tensors, partial, {"ganflow": text, "sha256": self._digest(text, tensors)})
        # States of later steps are damaged, as training resumed from an earlier one. Partial files of killed processes
        # are removed too: each may be as large as a checkpoint.
        (self.folder / folders.FINISHED).unlink(missing_ok=True)
        kept = [path for path in folders.states(self.folder) if folders.step_of(path) <= step][:KEPT]
        for old in (*folders.states(self.folder), *self.folder.glob(".step-*.partial")):
            if old not in kept:
                old.unlink()

    def load(self) -> dict[str, Any] | None:
        """The newest undamaged state (tensors on the CPU), or None. Warns on stderr about those that it cannot use."""
        for path in folders.states(self.folder):
            try:
                state, self.pictures, made_on = self._read(path)
            except Exception as fault:  # a damaged file can raise any exception
                print(f"warning: skipping damaged checkpoint {path}: {fault}", file=sys.stderr)
                continue
            if made_on != self._made_on:
                print(
                    f"warning: {path} was made on {made_on}, this is {self._made_on}: the result will "
                    "differ in its last bits from that of either device alone",
                    file=sys.stderr,
                )
            return state
        for other in folders.of_other_code(self.folder):
            if newest := next(iter(folders.states(other)), None):
                print(
                    f"{other.parent.name}: a checkpoint of other code exists at step {folders.step_of(newest)} "
                    f"({other}); this training starts from step 0 (`ganflow checkpoints` lists and removes old ones)",
                    file=sys.stderr,
                )
        return None

    def newest(self) -> Path | None:
        """The newest checkpoint's file, or None."""
        return next(iter(folders.states(self.folder)), None)

    def finish(self, history: Path) -> None:
        """Keep only the last state, until DVC has committed the outs (`checkpoint_folders.release`)."""
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
        """sha256 of everything that is read back, and of the training to which it belongs."""
        digest = hashlib.sha256(json.dumps([self.folder.parent.name, self.folder.name, text]).encode())
        for name, tensor in sorted(tensors.items()):
            digest.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def _flatten(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Copy a nested state; each tensor goes into `tensors`, and its name takes its place."""
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
