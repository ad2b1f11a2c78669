"""How a stage script runs: it prints how far the whole run is, and ends when its DVC ends."""

import ctypes
import os
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

from ganflow import errors
from ganflow.pipeline import checkpoint_folders, duration
from ganflow.pipeline.out_of_memory import told_if_killed

CHECKED = Path("data/checked/params.txt")  # what check_params makes, and every other stage depends on
INTRODUCED = "GANFLOW_INTRODUCED"  # the stage that has printed this, for the processes that it starts
VERBOSE = "GANFLOW_VERBOSE"  # set to print what each stage reads and makes
_PR_SET_PDEATHSIG = 1


def run_stage(main: Callable[[], object]) -> None:
    """Run a stage script's `main` as `errors.run_main` does, after printing its place in the whole run."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored by whoever started us
        # Let the kernel end the stage on Ctrl-C. Python would raise KeyboardInterrupt, and loses it if that happens in
        # a weak reference's callback. Imports are full of those: the stage would go on as if nothing had happened.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    errors.run_main(lambda: _run(Path(sys.argv[0]).resolve(), main))


def end_with_parent() -> None:
    """Have SIGTERM sent to this process when its parent dies: DVC, or the launcher of a training's processes (Linux).

    Without it a killed `dvc repro` leaves its stage running, and the next one starts a second beside it. `exec` in
    dvc.yaml makes DVC itself the parent under any shell. A stage that was started by hand is left alone.
    """
    launched, under_dvc = "TORCHELASTIC_RUN_ID" in os.environ, "DVC_STAGE" in os.environ
    if sys.platform != "linux" or not (launched or under_dvc):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if not launched and not _in_our_group(os.getppid()):  # DVC died before prctl, and we have another parent
        os.kill(os.getpid(), signal.SIGTERM)


def _in_our_group(process: int) -> bool:
    """Whether `process` shares our process group, as DVC does with its stages and an orphan's new parent does not."""
    try:
        return os.getpgid(process) == os.getpgrp()
    except ProcessLookupError:
        return False


def _run(script: Path, main: Callable[[], object]) -> None:
    # Several processes may train together, started by torchrun or by the stage itself: only the first one prints.
    if os.environ.get("RANK", "0") != "0" or os.environ.get(INTRODUCED) == script.stem:
        main()
        return
    os.environ[INTRODUCED] = script.stem
    began, size = time.monotonic(), duration.size_of_run()
    stages = YAML(typ="safe").load((script.parents[1] / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    _say(duration.heading(script.stem, list(stages), size))
    _introduce(stages[script.stem])
    with told_if_killed(script.stem):
        main()
    duration.remember(script.stem, time.monotonic() - began, size)


def _introduce(own: dict[str, Any]) -> None:
    """Print what the stage reads and makes, if that was asked for."""
    # strip: a path that a parameter gives is named by the parameter.
    deps = [path.strip("${}") for path in own["deps"]]
    reads = [path for path in deps if not path.startswith(("src/", "stages/")) and path != str(CHECKED)]
    # An out with an option is a mapping: CHECKED, and the copies of weights to start from.
    makes = [path for kind in ("outs", "metrics", "plots") for path in own.get(kind, []) if isinstance(path, str)]
    if os.environ.get(VERBOSE):
        _say(f"  reads {grouped_by_folder(reads)}{', ' if reads else ''}params.yaml ({', '.join(own['params'])})")
        if makes:
            _say(f"  makes {grouped_by_folder(makes)}")
    if "DVC_STAGE" in os.environ:
        checkpoint_folders.release(reads)


def _say(line: str) -> None:
    """Print one line in a log; on a terminal, wrapped between words."""
    if sys.stdout.isatty():
        line = textwrap.fill(line, shutil.get_terminal_size().columns - 1, subsequent_indent=" " * 8)
    print(line, flush=True)


def grouped_by_folder(paths: Iterable[str]) -> str:
    """Paths on one line, those of one folder as folder/{a, b}."""
    groups = groupby(paths, lambda path: PurePosixPath(path).parent)
    parts = [(folder, [PurePosixPath(path).name for path in group]) for folder, group in groups]
    return ", ".join(
        str(folder / names[0]) if len(names) == 1 else f"{folder}/{{{', '.join(names)}}}" for folder, names in parts
    )
