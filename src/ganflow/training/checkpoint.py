"""Checkpoints that survive being killed: written whole, the last two kept, a damaged one skipped.

A checkpoint is one safetensors file: every tensor of the state, and the rest of it (numbers, strings) as JSON in the
metadata together with a checksum. Nothing is ever unpickled.
"""

import hashlib
import json
import shutil
import sys
import uuid
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ganflow.files import project_root, whole_file

KEPT = 2
_TENSOR = "__tensor__"


def fingerprint(params: dict[str, Any], data_digest: str) -> str:
    """What a checkpoint belongs to: these parameters, this data and the ganflow code now loaded, as 16 hex digits."""
    content = hashlib.sha256(json.dumps([params, data_digest], sort_keys=True).encode())
    modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "ganflow"}
    for name in sorted(modules):
        source = getattr(modules[name], "__file__", None)
        content.update(name.encode() + (Path(source).read_bytes() if source else b""))
    content.update(torch.__version__.encode())
    return content.hexdigest()[:16]


class Checkpoints:
    """The folder checkpoints/<stage>/<fingerprint>/ under the main project root, outside DVC's outs."""

    def __init__(self, stage: str, mark: str) -> None:
        self.folder = project_root() / "checkpoints" / stage / mark

    def training(self) -> str:
        """An id of this training, from its first start until `remove`."""
        note = self.folder / "training_id"
        if not note.exists():
            with whole_file(note) as partial:
                partial.write_text(uuid.uuid4().hex)
        return note.read_text()

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after `step` steps, then drop all but the last two."""
        tensors: dict[str, Tensor] = {}
        skeleton = _flatten(state, "", tensors)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        meta = json.dumps({"state": skeleton, "crc32": _checksum(tensors.items())})
        with whole_file(self.folder / f"step-{step:09d}.safetensors") as partial:
            save_file(tensors, partial, {"ganflow": meta})
        # What a killed process was writing goes too: each may be as large as a checkpoint.
        for old in (*self._newest_first()[KEPT:], *self.folder.glob(".step-*.partial")):
            old.unlink()

    def load(self) -> dict[str, Any] | None:
        """The newest state that is whole (tensors on the CPU), or None. Damaged files are named on stderr."""
        for path in self._newest_first():
            try:
                with safe_open(path, "pt") as stored:
                    meta = json.loads(stored.metadata()["ganflow"])
                    tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118, not a dict
                if _checksum(tensors.items()) != meta["crc32"]:
                    raise ValueError("its checksum does not match")
            except (SafetensorError, OSError, ValueError, KeyError, TypeError) as fault:
                print(f"warning: skipping damaged checkpoint {path}: {fault}", file=sys.stderr)
                continue
            return _unflatten(meta["state"], tensors)
        return None

    def newest(self) -> Path | None:
        """The newest checkpoint's file."""
        return next(iter(self._newest_first()), None)

    def remove(self) -> None:
        """Remove the folder: the training it belonged to is done."""
        for path in self._newest_first():  # before the samples: a kill must not leave a last state without its pictures
            path.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)


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


def _checksum(tensors: Iterable[tuple[str, Tensor]]) -> int:
    total = 0
    for name, tensor in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return total
