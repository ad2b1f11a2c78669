"""Trainings by two workers for minutes or hours, killed at random, their parameters changed: what is left over?

    python tests/torture/soak.py --minutes 60 --seed 0

Each worker does what DVC's queue does: a folder of its own for each experiment, one store and one folder of
checkpoints for all. The experiments are few, so that they come again: on the way in the other worker, interrupted,
finished. Each ends, with the same bytes every time. In the end nothing may be left of the kills: no process, no file
under a final name, no run in MLflow that is not finished, no point of a curve twice. Exit code 1 if anything is.
"""

import argparse
import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/stages", "tests/support", "src")]

import forks  # noqa: E402
import workspace  # noqa: E402

from ganflow.pipeline.checkpoint_folders import list_folders  # noqa: E402
from ganflow.tracking import store  # noqa: E402
from ganflow.tracking.reading import CURVES  # noqa: E402

WORKERS = 2
RATES = (0.0002, 0.0003)
MODELS = ("gan", "cgan", "pix2pix", "cvae", "cyclegan")
KILLS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSTOP)
LEFT_BY_KILLS = ("ganflow-model-", "pymp-", "torch", "tmp")  # in TMPDIR, by processes that could not clear it away


@dataclass
class Tally:
    """What was done, and what was wrong."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    bytes: dict[tuple[str, float], str] = field(default_factory=dict)  # sha256 of the weights, by model and rate
    descriptors: list[int] = field(default_factory=list)  # of this process, after each experiment
    megabytes: list[float] = field(default_factory=list)  # of this process
    lock: threading.Lock = field(default_factory=threading.Lock)


def work(
    root: Path, base: Path, numbers: "itertools.count[int]", deadline: float, chance: Random, tally: Tally
) -> None:
    """A worker: one experiment after the other."""
    while time.monotonic() < deadline:
        model, rate = chance.choice(MODELS), chance.choice(RATES)
        folder = workspace.project(
            root / ".dvc/tmp/exps" / str(next(numbers)),
            **{model: {"learning_rate": rate, "epochs": 4, "decay_epochs": 1}},
        )
        for made in ("data/prepared", "models/classifier"):
            (folder / made).parent.mkdir(exist_ok=True)
            (folder / made).symlink_to(base / made)
        for number in chance.choices(KILLS, k=chance.randrange(4)):
            attempt(root, folder, model, number, chance.random(), tally)
        code, said = attempt(root, folder, model, None, 0, tally)
        with tally.lock:
            if code:
                tally.wrong.append(f"{model}, rate {rate}: exit code {code}: {said[-300:]}")
            else:
                found = hashlib.sha256((folder / f"models/{model}/last/model.safetensors").read_bytes()).hexdigest()
                if tally.bytes.setdefault((model, rate), found) != found:
                    tally.wrong.append(f"{model}, rate {rate}: other bytes than the first time")
                tally.wrong += [f"half-written: {path}" for path in folder.glob("m*/**/.*")]
            tally.done["experiments"] += 1
            tally.descriptors.append(psutil.Process().num_fds())
            tally.megabytes.append(psutil.Process().memory_info().rss / 1e6)
        shutil.rmtree(folder)


def attempt(
    root: Path, folder: Path, model: str, number: signal.Signals | None, after: float, tally: Tally
) -> tuple[int, str]:
    """The command once, and a signal `after` seconds of its training. Its exit code, and what it said."""
    with tempfile.TemporaryDirectory(dir=root) as said:
        words = [str(ROOT / f"stages/train_{model}.py")]
        process = forks.FORKS.Process(target=forks.become, args=(words, str(folder), workspace.environment(root), said))
        process.start()
        assert process.pid
        if number is not None:
            while process.exitcode is None and not workspace.trains(process.pid):
                process.join(0.05)
            process.join(after)
            if process.exitcode is None:
                os.kill(process.pid, number)
                with tally.lock:
                    tally.done[number.name] += 1
                if number == signal.SIGSTOP:
                    time.sleep(1)
                    os.kill(process.pid, signal.SIGCONT)
        process.join(600)
        if process.exitcode is None:
            process.kill()
            return -1, "no end within ten minutes"
        said_last = Path(said) / "stderr"
        return process.exitcode, said_last.read_text(errors="replace") if said_last.exists() else ""


def left_over(root: Path, tally: Tally) -> list[str]:
    """What must not be there in the end."""
    helpers = psutil.Process().children()  # what Python's forkserver needs
    mine, found = {os.getpid(), *(one.pid for one in helpers)}, []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if process.pid not in mine and bytes(root) in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(f"a process: {process.pid}")
    for one in list_folders(root):
        if one.state != "finished":
            found.append(f"a training that is {one.state}: {one.name}")
    kills = tally.done["SIGKILL"]
    temporary = list((root / "tmp").iterdir())
    if len(temporary) > 2 * kills or not all(path.name.startswith(LEFT_BY_KILLS) for path in temporary):
        found.append(f"temporary files after {kills} kills: {[path.name for path in temporary][:20]}")
    with closing(sqlite3.connect(root / "mlflow.db")) as database:
        found += [f"mlflow.db: {said}" for (said,) in database.execute("PRAGMA integrity_check") if said != "ok"]
    os.environ["DVC_ROOT"] = str(root)
    client, runs = store.client(), Counter[str]()
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            runs[f"{experiment.name} {run.data.params[f'{experiment.name}.learning_rate']}"] += 1
            if run.info.status != "FINISHED":
                found.append(f"a run of {experiment.name} that is {run.info.status}")
            for key in (key for key in run.data.metrics if key.startswith(CURVES)):
                steps = [point.step for point in client.get_metric_history(run.info.run_id, key)]
                if len(set(steps)) != len(steps):
                    found.append(f"{experiment.name}: {key} has a step twice")
    found += [f"{count} runs of one training: {name}" for name, count in runs.items() if count > 1]
    if len(runs) != len(tally.bytes):
        found.append(f"{len(runs)} runs of {len(tally.bytes)} trainings")
    if tally.descriptors[-1] > tally.descriptors[0] + 5:
        found.append(f"open files: {tally.descriptors[0]}, in the end {tally.descriptors[-1]}")
    return found


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Trainings killed at random, for long.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        root = Path(folder).resolve()
        (root / "tmp").mkdir()
        base = workspace.project(root / "base")
        prepare = ("prepare_mnist", "prepare_maps", "train_classifier")
        os.environ["TMPDIR"] = str(root / "tmp")
        forks.start()
        workspace.unwatched(base, *prepare)
        tally, numbers, deadline = Tally(), itertools.count(), time.monotonic() + 60 * asked.minutes
        shared = root, base, numbers, deadline
        threads = [threading.Thread(target=work, args=(*shared, Random(asked.seed + n), tally)) for n in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wrong = tally.wrong + left_over(root, tally)
        done = ", ".join(f"{count} {name}" for name, count in tally.done.most_common())
        memory = f"{min(tally.megabytes):.0f} to {max(tally.megabytes):.0f} MB"
        print(f"{asked.minutes:g} minutes, {WORKERS} workers: {done}; {len(tally.bytes)} different trainings")
        print(f"this process: {tally.descriptors[0]} open files, then {tally.descriptors[-1]}; {memory}")
        for part in ("mlruns", "checkpoints", "tmp"):
            print(f"{part}: {size(root / part):.1f} MB")
        print(f"mlflow.db: {(root / 'mlflow.db').stat().st_size / 1e6:.1f} MB")
        print(f"{len(wrong)} wrong", *wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
