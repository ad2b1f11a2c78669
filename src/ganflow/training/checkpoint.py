"""Checkpoints that survive a kill: they are written atomically, the last two are kept, a damaged one is skipped.

The state before the learning rate begins to fall is kept apart: a training of another length goes on from it.

A checkpoint is one safetensors file. Its metadata holds the part of the state that is no tensor (numbers, strings) as
JSON, and a digest of everything. Nothing is unpickled.
"""

import hashlib
import json
import re
import shutil
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Identity:
    """A training's id, and the training that it goes on from: that one's id and the step, or "" and 0."""

    training: str
    continues: str = ""
    step: int = 0


class Checkpoints:
    """The folder checkpoints/<model>/<mark>/ under the main project root, outside DVC's outs.

    `made_on`: device and precision, "cuda in bf16". `constant_steps`: after so many steps the learning rate begins to
    fall; the state there is kept for longer trainings. `pictures`: the samples so far, file name in `samples` → digest.
    """

    def __init__(self, model: str, mark: str, made_on: str = "", constant_steps: int = 0) -> None:
        self.folder = project_root() / "checkpoints" / model / mark
        self.samples = self.folder / "samples"
        self.pictures: dict[str, str] = {}
        self._made_on, self._constant_steps = made_on, constant_steps

    def begin(self, about: dict[str, Any]) -> Identity:
        """Who this training is, the same until its folder is removed. Also writes that and `about` to training.json.

        A training without a state takes over the newest one that it shares with a training of another length.
        """
        path = self.folder / folders.ABOUT
        before = folders.read_object(path)
        training = _id(before.get("training")) or uuid.uuid4().hex
        continues, step, found = "", 0, None
        if folders.states(self.folder):
            continues, step = _id(before.get("continues")), before.get("step")
        elif found := self._first_whole(folders.of_other_length(self.folder, self._constant_steps)):
            earlier = folders.read_object(found.path.parent / folders.ABOUT)
            continues, step = _id(earlier.get("ended") or earlier.get("training")), folders.step_of(found.path)
        now = {"training": training, **about, "constant_steps": self._constant_steps}
        identity = Identity(training, continues, step) if continues and isinstance(step, int) else Identity(training)
        if identity.continues:
            now |= {"continues": identity.continues, "step": identity.step}
        if now != before:
            write_json(path, now)
        if found:  # after training.json: a kill in between costs nothing, as without a state all this is done again
            for name in found.pictures:
                with whole_file(self.samples / name) as partial:
                    shutil.copyfile(found.path.parent / "samples" / name, partial)
            self.pictures = found.pictures
            self.save(folders.step_of(found.path), found.state)
        return identity

    def add_picture(self, path: Path) -> None:
        """Record a file of `samples`, an out too: states saved from now on are valid only if it is undamaged."""
        self.pictures[path.name] = sha256(path)

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps, then drop all but the last two."""
        tensors: dict[str, Tensor] = {}
        structure = _flatten(state, "", tensors)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        text = json.dumps({"state": structure, "pictures": self.pictures, "made_on": self._made_on})
        meta = {"ganflow": text, "sha256": _digest(self.folder, text, tensors)}
        # The kept one first: a kill in between repeats both.
        keep = [folders.kept(self.folder, step)] if step == self._constant_steps else []
        for path in (*keep, self.folder / f"step-{step:09d}.safetensors"):
            with whole_file(path) as partial:
                save_file(tensors, partial, meta)
        # States of later steps are damaged, as training resumed from an earlier one. Partial files of killed processes
        # are removed too: each may be as large as a checkpoint.
        (self.folder / folders.FINISHED).unlink(missing_ok=True)
        kept = [path for path in folders.states(self.folder) if folders.step_of(path) <= step][:KEPT]
        for old in (*folders.states(self.folder), *self.folder.glob(".step-*.partial")):
            if old not in kept:
                old.unlink()

    def load(self) -> dict[str, Any] | None:
        """The newest undamaged state (tensors on the CPU), or None. Warns on stderr about those that it cannot use."""
        if found := self._first_whole(folders.states(self.folder)):
            self.pictures = found.pictures
            return found.state
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

    def newest_step(self) -> int:
        """The step of the newest checkpoint, 0 without one."""
        newest = self.newest()
        return folders.step_of(newest) if newest else 0

    def finish(self, history: Path) -> None:
        """Keep only the last state, until DVC has committed the outs (`checkpoint_folders.release`)."""
        for old in folders.states(self.folder)[1:]:
            old.unlink()
        folders.finish(self.folder, history)

    def _first_whole(self, paths: Iterable[Path]) -> "_Saved | None":
        """The first of these states that is undamaged. Warns about the damaged ones, and about another device."""
        for path in paths:
            try:
                found = _read(path)
            except Exception as fault:  # a damaged file can raise any exception
                if path.exists():  # else the training that it belongs to has just removed it
                    print(f"warning: skipping damaged checkpoint {path}: {fault}", file=sys.stderr)
                continue
            if found.made_on != self._made_on:
                print(
                    f"warning: {path} was made on {found.made_on}, this is {self._made_on}: the result will "
                    "differ in its last bits from that of either device alone",
                    file=sys.stderr,
                )
            return found
        return None


@dataclass(frozen=True)
class _Saved:
    """A state as it was saved, with its pictures: their names and digests."""

    path: Path
    state: dict[str, Any]
    pictures: dict[str, str]
    made_on: str


def _id(value: object) -> str:
    """`value` if it is a training's id, else ""."""
    return value if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value) else ""


def _read(path: Path) -> _Saved:
    with safe_open(path, "pt") as stored:
        meta = stored.metadata()
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118, not a dict
    if _digest(path.parent, meta["ganflow"], tensors) != meta["sha256"]:
        raise ValueError("its digest does not match")
    content = json.loads(meta["ganflow"])
    for name, digest in content["pictures"].items():
        if sha256(path.parent / "samples" / name) != digest:
            raise ValueError(f"its picture {name} is damaged")
    return _Saved(path, _unflatten(content["state"], tensors), content["pictures"], content["made_on"])


def _digest(folder: Path, text: str, tensors: dict[str, Tensor]) -> str:
    """sha256 of everything that is read back, and of the training to which it belongs."""
    digest = hashlib.sha256(json.dumps([folder.parent.name, folder.name, text]).encode())
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
