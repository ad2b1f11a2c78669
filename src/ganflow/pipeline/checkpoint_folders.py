"""The folders below checkpoints/: what each belongs to, which are finished, and how they are removed. Without torch.

checkpoints/<model>/<fingerprint of parameters and data>-<length>-<fingerprint of code>/ holds the states of one
training, its samples, training.json (its id and its parameters) and, once its outs are in place, finished.json. A
finished training is kept until DVC has committed its outs: a kill before that, or a full cache, then costs no step.

kept-<step>.safetensors is the state before the learning rate begins to fall. It outlives the commit: a training that
differs in its length alone, "e90d20" in place of "e40d20", goes on from it.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ganflow import config
from ganflow.errors import UserError
from ganflow.files import locked, project_root, write_json
from ganflow.pipeline.code import code_fingerprint

FORMAT = 2  # of a state's file; part of the fingerprint, so that no code reads a format that it does not know
LENGTH = {"epochs": "e", "decay_epochs": "d"}  # parameters that change no step before the rate falls: their short names
ABOUT, FINISHED = "training.json", "finished.json"


@dataclass(frozen=True)
class Folder:
    """One training's folder. `other` says why the present project would not resume it; empty: it would."""

    path: Path
    step: int  # of the newest state, 0 without one
    bytes: int
    state: str  # running, finished, interrupted, or kept: committed, and a longer training can go on from it
    other: str

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    def __str__(self) -> str:
        of = f" ({self.other})" if self.other else ""
        return f"step {self.step}, {self.state}{of}, {self.bytes / 1e6:,.1f} MB"


def fingerprint(model: str, params: dict[str, Any], data_digest: str) -> str:
    """The name of the folder of a training with these parameters and data by the present code."""
    own = params.get(model, {})
    length = "".join(f"{short}{own[key]}" for key, short in LENGTH.items() if key in own)
    others = params | {model: {key: value for key, value in own.items() if key not in LENGTH}}
    content = json.dumps([FORMAT, others, data_digest], sort_keys=True)
    return f"{hashlib.sha256(content.encode()).hexdigest()[:12]}-{length}-{code_fingerprint(f'train_{model}')}"


def of_other_code(folder: Path) -> list[Path]:
    """Folders of trainings with the same parameters and data, by other code."""
    of_parameters = folder.name.rpartition("-")[0]
    return sorted(path for path in folder.parent.glob(f"{of_parameters}-*") if path.is_dir() and path != folder)


def states(folder: Path) -> list[Path]:
    """The files of states, the newest first."""
    found = [path for path in folder.glob("step-*.safetensors") if re.fullmatch(r"step-\d{9}", path.stem)]
    return sorted((path for path in found if path.is_file()), reverse=True)


def kept(folder: Path, step: int) -> Path:
    """The file of the state that outlives the training."""
    return folder / f"kept-{step:09d}.safetensors"


def kept_states(folder: Path) -> list[Path]:
    return [path for path in folder.glob("kept-*.safetensors") if re.fullmatch(r"kept-\d{9}", path.stem)]


def of_other_length(folder: Path, constant_steps: int) -> list[Path]:
    """Files of states from which the training of `folder` can go on, the newest first.

    They are of trainings that differ from it in their length alone, at steps before which neither's learning rate has
    begun to fall; its own falls after `constant_steps`.
    """
    same, code = folder.name.partition("-")[0], folder.name.rpartition("-")[2]
    found: list[Path] = []
    for other in folder.parent.glob(f"{same}-*-{code}"):
        theirs = read_object(other / ABOUT).get("constant_steps")
        most = min(constant_steps, theirs) if isinstance(theirs, int) else 0
        if other != folder:
            found += [path for path in (*kept_states(other), *states(other)) if step_of(path) <= most]
    return sorted(found, key=step_of, reverse=True)


def step_of(state: Path) -> int:
    return int(state.stem.rpartition("-")[2])


def lock_of(folder: Path) -> Path:
    """The lock file of a folder. It is beside the folder and is never removed: removing one that others
    wait for would let two in."""
    return folder.with_name(f"{folder.name}.lock")


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if there is no file, or no readable object in it."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def finish(folder: Path, history: Path) -> None:
    """Mark the training as finished: its outs are in place, `history` (a CSV file) among them."""
    with history.open("rb") as stream:
        digest = hashlib.file_digest(stream, "md5").hexdigest()  # as dvc.lock will name it
    write_json(folder / FINISHED, {"history_md5": digest})


def release(deps: Iterable[str]) -> None:
    """Remove the finished trainings of those models among a stage's `deps` whose outs DVC has committed.

    The state before the rate falls stays, if there is one.

    They are committed if dvc.lock names the history's digest: DVC writes it after it has put the outs into its cache. A
    model among the deps of the running stage says that this dvc.lock is of this run, and not of an earlier commit.
    """
    models = {path.parts[1] for path in map(PurePosixPath, deps) if path.parts[0] == "models"}
    lock = Path("dvc.lock")
    committed = lock.read_text(encoding="utf-8", errors="replace") if models and lock.exists() else ""
    for model in models:
        for path in (project_root() / "checkpoints" / model).glob(f"*/{FINISHED}"):
            digest = read_object(path).get("history_md5")
            if digest and f"md5: {digest}" in committed:
                with locked(lock_of(path.parent), wait=False) as idle:
                    if idle:
                        _reduce(path.parent)


def remove(folder: Path) -> bool:
    """Remove a training's folder, unless the training runs. Whether it was removed: some files may belong to others."""
    with locked(lock_of(folder), wait=False) as idle:
        if idle:
            _remove(folder)
        return not folder.exists()


def _remove(folder: Path) -> None:
    # In this order, a kill in between leaves no folder that looks finished, and no state without its samples.
    (folder / FINISHED).unlink(missing_ok=True)
    for path in (*states(folder), *kept_states(folder)):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _reduce(folder: Path) -> None:
    """Leave of a committed training what a longer one needs: the kept state and the samples up to it."""
    if not kept_states(folder):
        _remove(folder)
        return
    (folder / FINISHED).unlink(missing_ok=True)
    for path in states(folder):
        path.unlink(missing_ok=True)
    about = read_object(folder / ABOUT)
    # The same training begun again (`dvc repro --force`) is another one, with an id and a run of its own.
    write_json(folder / ABOUT, {"ended" if key == "training" else key: value for key, value in about.items()})


def list_folders(root: Path) -> list[Folder]:
    """Every training's folder below `root`. Changes nothing."""
    try:
        present = config.dotted(config.load_params(root / "params.yaml").model_dump())
    except UserError:  # `ganflow doctor` reports it first
        present = {}
    folders = sorted(path for path in root.glob("checkpoints/*/*") if path.is_dir())
    code = {model: code_fingerprint(f"train_{model}") for model in {path.parent.name for path in folders}}
    return [_examine(path, code[path.parent.name], present) for path in folders]


def _examine(path: Path, code: str, present: dict[str, Any]) -> Folder:
    about = read_object(path / ABOUT)
    own, outliving = states(path), kept_states(path)
    newest = next(iter((*own, *outliving)), None)
    size = _bytes(path)
    state = "interrupted" if own or not outliving else "kept"
    state = "finished" if (path / FINISHED).exists() else state
    if lock_of(path).exists():
        with locked(lock_of(path), wait=False) as idle:
            state = state if idle else "running"
    other = ["of other code"] if path.name.rpartition("-")[2] != code else []
    params = config.dotted(about["params"]) if isinstance(about.get("params"), dict) else {}
    if state == "kept":  # the length may be another
        params = {key: value for key, value in params.items() if key.rpartition(".")[2] not in LENGTH}
    if differing := [f"{key} = {value}" for key, value in params.items() if present.get(key, value) != value]:
        other.append(f"of other parameters: {', '.join(differing)}")
    return Folder(path, step_of(newest) if newest else 0, size, state, ", ".join(other))


def _bytes(folder: Path) -> int:
    """The size of the files in `folder` and below. A training that runs may remove any of them meanwhile."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(place, name).stat().st_size
    return size
