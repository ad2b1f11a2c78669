"""One training killed many times at chosen moments, held against the same one left alone.

    python tests/stages/kills.py gan BASE WORK --seed 0 --thorough

BASE is a project whose data is prepared and whose classifier is trained; WORK a folder to be made. Prints one JSON
object: how many kills landed where, and what was wrong in the end (nothing). tests/exact.py and test_kills.py run it.

Every training starts in a fork of this process, which has imported the slow libraries and done nothing else: the
"same command" takes a second instead of six. Kills are the process's own signals to itself in the middle of what it
does, so that they land where they should on any machine; those "at any time" come from outside.
"""

import argparse
import functools
import itertools
import json
import os
import random
import re
import runpy
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.pytorch
import pandas as pd
import preloaded  # noqa: F401, before the fork, for its speed
import sqlalchemy.event
import sqlalchemy.orm
import torch
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.store.db import utils as database
from new_stores import copy_tables
from ruamel.yaml import YAML
from sqlalchemy.orm import Session
from torch.optim.optimizer import register_optimizer_step_post_hook
from workspace import ROOT, environment, project

from ganflow.models import saved
from ganflow.pipeline.checkpoint_folders import list_folders, states
from ganflow.tracking import run as tracking
from ganflow.tracking.reading import CURVES
from ganflow.training import checkpoint, cvae, cyclegan, digits, loop, pix2pix, run, translation, unpaired  # noqa: F401, cvae and so on: before the fork, for its speed

MODELS = ("classifier", "gan", "cgan", "pix2pix", "cvae", "cyclegan")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Epochs of a few steps each, enough for all the kills: each costs some steps, or an epoch.
SIZE = {
    "classifier": {"epochs": 8, "batch_size": 64},
    "gan": {"epochs": 8, "batch_size": 64},
    "cgan": {"epochs": 8, "batch_size": 64},
    "pix2pix": {"epochs": 20},
    "cvae": {"epochs": 20},
    "cyclegan": {"epochs": 20},
}
THOROUGH = 3  # times as many epochs, and every moment with every signal
ON_THE_WAY = {
    "step": "between two optimisers' updates",
    "checkpoint": "half of a checkpoint is written",
    "transaction": "MLflow's rows are written, their transaction is open",
    "committed": "a transaction of MLflow's has just ended",
    "artifact": "half of a file for MLflow is written (a picture, its thumbnail, the history)",
    "validation": "an epoch is over, its validation is not",
    "any time": "from outside, at a random time after the start",
}
UPLOADING = ".artifact.uploading."  # what MLflow was copying when it was killed: it shows it nowhere
CHANGED_RATE = 0.0007
DAMAGES = ("cut", "empty", "header")
VARYING = r"\+timestamp.*(?=\.)"  # of a picture's name in MLflow, and whether it is the thumbnail: the suffix says so
OWN_TAGS = {"ganflow.training", "ganflow.process", "git.dirty", "mlflow.log-model.history"}
AT_THE_END = {
    "weights": "half of the model's file is written",
    "history": "half of history.csv is written",
    "model": "MLflow's model is registered, its files are not there",
    "finish": "all is done but the mark that the training is finished",
}
MOMENTS = ON_THE_WAY | AT_THE_END


@dataclass(frozen=True)
class Kill:
    """A signal at the `count`-th time that the moment comes."""

    signal: signal.Signals
    moment: str
    count: int


class Blow:
    """Called at each moment of the kind; strikes at the chosen one, and writes down that it did."""

    def __init__(self, kill: Kill, note: Path) -> None:
        self._left, self._signal, self._note = kill.count, kill.signal, note

    def __call__(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._note.touch()
            os.kill(os.getpid(), self._signal)


class EveryThird:
    """In place of a number of seconds: a checkpoint is due after every third step, on any machine."""

    def __init__(self) -> None:
        self._asked = itertools.count(1)

    def __lt__(self, seconds: float) -> bool:
        return next(self._asked) % 3 == 0


def arm(moment: str, blow: Blow) -> None:
    """Make this process call `blow` in the middle of what `moment` names."""
    match moment:
        case "step":  # of the discriminator, say, with the generator's to come
            register_optimizer_step_post_hook(blow)
        case "checkpoint":
            checkpoint.save_file = half_written(checkpoint.save_file, blow)
        case "transaction":  # MLflow's rows are written and not yet committed
            sqlalchemy.event.listen(Session, "after_flush", blow)
        case "committed":  # and nothing after them is
            sqlalchemy.event.listen(Session, "after_commit", blow)
        case "artifact":  # a picture, its thumbnail, the history
            shutil.copyfileobj = half_copied(blow)
        case "validation":
            loop.Validation.__init__ = measuring(loop.Validation.__init__, blow)
        case "weights":
            saved.save_file = half_written(saved.save_file, blow)
        case "history":
            pd.DataFrame.to_csv = half_listed(pd.DataFrame.to_csv, blow)
        case "model":  # registered, its files to come
            LocalArtifactRepository.log_artifacts = after(blow, LocalArtifactRepository.log_artifacts)
        case "finish":  # all is done but the mark
            checkpoint.Checkpoints.finish = after(blow, checkpoint.Checkpoints.finish)


def after(blow: Blow, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        blow()
        return function(*arguments, **named)

    return call


def half_written(save_file: Callable[..., None], blow: Blow) -> Callable[..., None]:
    def save(tensors: dict[str, torch.Tensor], path: Path, *more: Any) -> None:
        save_file(tensors, path, *more)
        os.truncate(path, path.stat().st_size // 2)
        blow()
        save_file(tensors, path, *more)

    return save


def half_copied(blow: Blow) -> Callable[..., None]:
    def copy(source: Any, target: Any, length: int = 0) -> None:
        content = source.read()
        target.write(content[: len(content) // 2])
        target.flush()
        blow()
        target.write(content[len(content) // 2 :])

    return copy


def half_listed(to_csv: Callable[..., Any], blow: Blow) -> Callable[..., Any]:
    def write(frame: pd.DataFrame, *arguments: Any, **named: Any) -> Any:
        to_csv(frame[: len(frame) // 2], *arguments, **named)
        blow()
        return to_csv(frame, *arguments, **named)

    return write


def measuring(init: Callable[..., None], blow: Blow) -> Callable[..., None]:
    def begin(self: loop.Validation, measure: Callable[..., Any], *more: Any, **named: Any) -> None:
        init(self, after(blow, measure), *more, **named)

    return begin


class Training:
    """The training of one model in one folder, attempt by attempt."""

    def __init__(self, name: str, base: Path, folder: Path, thorough: bool) -> None:
        own = SIZE[name] | {"epochs": SIZE[name]["epochs"] * (THOROUGH if thorough else 1)}
        self.name, self.folder = name, project(folder, **{name: own})
        (folder / "data" / "prepared").symlink_to(base / "data" / "prepared")
        if name in ("gan", "cgan"):
            (folder / "models").mkdir()
            (folder / "models" / "classifier").symlink_to(base / "models" / "classifier")
        stage = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"][f"train_{name}"]
        self.outs = [folder / out for kind in ("outs", "plots") for out in stage.get(kind, [])]
        self.params: list[str] = stage["params"]
        self.note, self.log, self.marked = folder / "landed", folder / "log", folder / "marked.json"
        self.code, self.said = 0, ""  # of the last attempt

    def attempt(self, kill: Kill | None, delay: float = 0.0) -> bool:
        """Start the command and wait for its end. Whether the kill landed: it came, and the command ended by it."""
        self.note.unlink(missing_ok=True)
        process = os.fork()
        if process == 0:
            self._become_trainer(kill)  # and never returns
        if kill and kill.moment == "any time":
            time.sleep(delay)
            if os.waitpid(process, os.WNOHANG) == (0, 0):
                self.note.touch()
                os.kill(process, kill.signal)
        _, status = os.waitpid(process, 0)
        self.code, self.said = os.waitstatus_to_exitcode(status), self.log.read_text()
        return kill is not None and self.note.exists() and self.code in (-kill.signal, 128 + kill.signal)

    def _become_trainer(self, kill: Kill | None) -> None:
        with self.log.open("w") as log:
            for stream in (1, 2):
                os.dup2(log.fileno(), stream)
        os.chdir(self.folder)
        os.environ.update(environment(self.folder))
        tracking.START_SECONDS = tracking.DRAIN_SECONDS = 600.0  # a busy machine is no fault
        pause = EveryThird()
        loop.checkpoint_pause = lambda took: pause  # pyright: ignore[reportAttributeAccessIssue]
        if kill:
            arm(kill.moment, Blow(kill, self.note))
        copy_tables()
        run.fingerprint = self._noting(run.fingerprint)
        runpy.run_path(str(ROOT / "stages" / f"train_{self.name}.py"), run_name="__main__")
        sys.exit(0)

    def _noting(self, fingerprint: Callable[..., str]) -> Callable[..., str]:
        def call(model: str, params: dict[str, Any], digest: str) -> str:
            self.marked.write_text(json.dumps(params))
            return fingerprint(model, params, digest)

        return call

    def unmarked(self) -> list[str]:
        """Parameters that DVC tracks for this stage, and that its checkpoints would not be told apart by."""
        params = YAML(typ="safe").load((self.folder / "params.yaml").read_text())
        marked = json.loads(self.marked.read_text())
        missing = []
        for section, _, key in (name.partition(".") for name in self.params):
            values = params[section]
            for one in [key] if key else values if isinstance(values, dict) else [""]:
                expected = values[one] if one else values
                found = marked.get(section, {}).get(one) if one else marked.get(section)
                # One process goes on with two; "pairs" counts for own pairs alone, in place of "maps".
                if found != expected and (section, one) != ("compute", "processes") and section != "pairs":
                    missing.append(f"{section}.{one}")
        return missing

    def checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoints/*/*/step-*.safetensors"))

    def steps(self) -> int:
        return int(pd.read_csv(self.folder / "metrics" / "history" / f"{self.name}.csv")["step"].iloc[-1])

    def bytes(self) -> dict[str, bytes]:
        """Of every file of every out."""
        files = [file for out in self.outs for file in (out.rglob("*") if out.is_dir() else [out]) if file.is_file()]
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in sorted(files)}

    def change(self, **values: Any) -> dict[str, Any]:
        """Change parameters of the model's section; returns what they were."""
        path, yaml = self.folder / "params.yaml", YAML(typ="safe")
        content = yaml.load(path.read_text())
        before = {key: content[self.name][key] for key in values}
        content[self.name] |= values
        yaml.dump(content, path)
        return before


def schedule(name: str, chance: random.Random, thorough: bool) -> tuple[list[Kill], list[Kill]]:
    """Kills on the way, in random order, and those between the last step and the end, in the order of the moments.

    Each moment with each signal, or (not thorough) every other moment with one: with the others in the next model.
    """
    most = {"step": 8, "transaction": 10, "committed": 10, "artifact": 3, "checkpoint": 2}
    most |= {"weights": 1 if name == "classifier" else 2}

    def kills(moments: Iterable[str]) -> list[Kill]:
        return [
            Kill(number, moment, chance.randint(1, most.get(moment, 1)))
            for index, moment in enumerate(moments, start=MODELS.index(name))
            if name != "classifier" or moment not in ("validation", "artifact")  # it has neither, nor pictures
            if thorough or index % 2
            for number in (SIGNALS if thorough else (chance.choice(SIGNALS),))
        ]

    on_the_way = kills(ON_THE_WAY)
    chance.shuffle(on_the_way)
    return on_the_way, kills(AT_THE_END)


def suffer(training: Training, seed: int, thorough: bool) -> dict[str, Any]:
    """Kill `training` until the schedule is done, and let it end. Returns which kills landed and what was wrong."""
    chance = random.Random(f"{training.name} {seed}")
    on_the_way, at_the_end = schedule(training.name, chance, thorough)
    landed: Counter[str] = Counter()
    wrong: list[str] = []

    def kill(blow: Kill) -> None:
        if training.attempt(blow, chance.uniform(0.1, 1.2)):
            landed[f"{blow.signal.name} {blow.moment}"] += 1
        else:
            wrong.append(f"{blow} did not land (exit code {training.code}): {training.said[-300:]}")

    for number, blow in enumerate(on_the_way):
        if number == len(on_the_way) // 2:
            hows = DAMAGES if thorough else (chance.choice(DAMAGES),)
            wrong += [fault for how in hows for fault in damaged(training, kill, how)]
            wrong += changed(training, kill)
        kill(blow)
    for blow in at_the_end:
        kill(blow)
    training.attempt(None)
    if training.code != 0:
        wrong.append(f"the last attempt ended with {training.code}: {training.said[-500:]}")
    wrong += uncommitted(training)
    return {"landed": landed, "wrong": wrong}


def damaged(training: Training, kill: Callable[[Kill], None], how: str) -> list[str]:
    """With its newest checkpoint damaged, it goes on from the one before."""
    kill(Kill(signal.SIGKILL, "checkpoint", 3))  # leaves two
    before, newest = training.checkpoints()
    content = bytearray(newest.read_bytes())
    match how:
        case "cut":
            newest.write_bytes(content[: len(content) // 2])
        case "empty":
            newest.write_bytes(b"")
        case "header":  # a number in it: the JSON stays whole
            place = content.index(b"pairs", 8) + len(b'pairs\\": [[\\"')
            content[place] ^= 1
            newest.write_bytes(content)
    kill(Kill(signal.SIGKILL, "step", 4))
    if f"skipping damaged checkpoint {newest}" in training.said and resumed(training) == step_of(before):
        return []
    return [f"after damage ({how}) to {newest.name}: {training.said[-300:]}"]


def uncommitted(training: Training) -> list[str]:
    """Ended, and not committed by DVC, which removes the outs before the next attempt: that repeats no step."""
    for out in training.outs:
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    training.attempt(None)
    if training.code == 0 and resumed(training) == training.steps():
        return []
    return [f"a training that ended was repeated: exit code {training.code}: {training.said[-300:]}"]


def changed(training: Training, kill: Callable[[Kill], None]) -> list[str]:
    """With another parameter it begins anew; with the first one again, it goes on."""
    wrong = []
    kill(Kill(signal.SIGKILL, "checkpoint", 3))
    newest = training.checkpoints()[-1]
    before = training.change(learning_rate=CHANGED_RATE)
    kill(Kill(signal.SIGKILL, "step", 12))  # updates: after the third step, whose state is saved, of all models
    if resumed(training) is not None:
        wrong.append("changed parameters picked up an old checkpoint")
    (other,) = {path.parent for path in training.checkpoints()} - {newest.parent}
    shutil.rmtree(other)
    training.change(**before)
    kill(Kill(signal.SIGKILL, "step", 1))
    if resumed(training) != step_of(newest):
        wrong.append(f"the first parameters did not go on after {newest.name}: {training.said[-300:]}")
    return wrong


def resumed(training: Training) -> int | None:
    """The step after which the last attempt went on, by what it said."""
    found = re.search(r"resuming after step (\d+)", training.said)
    return int(found[1]) if found else None


def step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def differences(killed: Training, whole: Training) -> list[str]:
    """What the killed training left otherwise than the one left alone."""
    wrong = []
    expected, found = whole.bytes(), killed.bytes()
    if not expected or expected.keys() != found.keys():
        wrong.append(f"files: {sorted(expected.keys() ^ found.keys())}")
    wrong += [f"{name} has other bytes" for name in expected if found.get(name) != expected[name]]
    left = [path for part in ("models", "metrics", "reports") for path in killed.folder.glob(f"{part}/**/.*")]
    wrong += [f"left behind: {path}" for path in left]
    kept = [(one.state, one.other, len(states(one.path))) for one in list_folders(killed.folder)]
    if kept != [("finished", "", 1)]:
        wrong.append(f"what is kept until DVC's commit: {kept}")
    wrong += [f"{key} is no part of the checkpoints' fingerprint" for key in killed.unmarked()]
    return wrong + tracked(killed.name, killed.folder, whole.folder)


def tracked(name: str, killed: Path, whole: Path) -> list[str]:
    """What the MLflow run in one project holds otherwise than that in the other, and than its history says."""
    mine, other = in_mlflow(name, killed), in_mlflow(name, whole)
    if len(mine) != 1 or len(other) != 1:
        return [f"{len(mine)} MLflow runs for one training, {len(other)} for the one left alone"]
    (mine,), (other,) = mine, other
    wrong = [f"MLflow: {key} = {mine[key]}, not {other[key]}" for key in other if mine[key] != other[key]]
    history = pd.read_csv(killed / "metrics" / "history" / f"{name}.csv").set_index("step")
    for column in history.columns.drop(["epoch", "images"]):
        if mine["curves"].get(f"{CURVES}{column}") != list(history[column].dropna().items()):
            wrong.append(f"MLflow: the curve of {column} is not the one in history.csv")
    return wrong


def in_mlflow(name: str, folder: Path) -> list[dict[str, Any]]:
    """What each run of a model holds, but for ids, times and the machine; the one with the changed rate left out."""
    store = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = store.get_experiment_by_name(name)
    found = []
    for one in store.search_runs([experiment.experiment_id]):
        if one.data.params.get(f"{name}.learning_rate") == str(CHANGED_RATE):
            continue
        run_id, files = one.info.run_id, Path(one.info.artifact_uri.removeprefix("file://"))
        models = store.search_logged_models([experiment.experiment_id], f"source_run_id = '{run_id}'")
        folders = [Path(model.artifact_location.removeprefix("file://")) for model in models]
        found.append(
            {
                "status": one.info.status,
                "params": one.data.params,
                "tags": {
                    key: re.sub(r"!\[.*?\]\(.*?\)", "", value)  # a picture's address holds the run's id
                    for key, value in one.data.tags.items()
                    if key not in OWN_TAGS
                },
                "inputs": [(given.dataset.name, given.dataset.digest) for given in one.inputs.dataset_inputs],
                "models": [(model.name, model.status) for model in models],
                # One that a kill left half is removed from the models; the run still names it.
                "outputs": {made.model_id for made in models} <= {made.model_id for made in one.outputs.model_outputs},
                "model files": [sorted(str(path.relative_to(at)) for path in at.rglob("*")) for at in folders],
                # A picture that a kill left without its thumbnail is logged again, and stays beside the new one.
                "artifacts": {
                    re.sub(VARYING, "", str(path.relative_to(files)))
                    for path in files.rglob("*")
                    if not path.name.startswith(UPLOADING)
                },
                "curves": {
                    key: [(point.step, point.value) for point in store.get_metric_history(run_id, key)]
                    for key in one.data.metrics
                    if not key.startswith("system/")  # of the machine at that time
                },
            }
        )
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model", choices=MODELS)
    arguments.add_argument("base", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--thorough", action="store_true")
    given = arguments.parse_args()
    whole, killed = (Training(given.model, given.base, given.work / one, given.thorough) for one in ("whole", "killed"))
    began = time.monotonic()
    # What MLflow looks up or sets up anew in every process.
    database._get_latest_schema_revision = functools.cache(database._get_latest_schema_revision)
    database._get_latest_schema_revision()
    sqlalchemy.orm.configure_mappers()
    mlflow.set_tracking_uri("sqlite://")
    del os.environ["MLFLOW_TRACKING_URI"]  # which that has set
    whole.attempt(None)
    if whole.code != 0:
        sys.exit(f"{given.model}: the training left alone ended with {whole.code}: {whole.said}")
    suffered = suffer(killed, given.seed, given.thorough)
    suffered["wrong"] += differences(killed, whole)
    print(json.dumps({"steps": whole.steps(), "seconds": time.monotonic() - began, **suffered}))


if __name__ == "__main__":
    main()
