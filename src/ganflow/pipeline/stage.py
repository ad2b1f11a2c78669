"""How a stage script runs: it says what it reads and makes, as dvc.yaml has it, and ends with its DVC."""

import ctypes
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path, PurePosixPath

from ruamel.yaml import YAML

from ganflow import errors
from ganflow.pipeline import checkpoint_folders

CHECKED = Path("data/checked/params.txt")  # what check_params makes, and every other stage depends on
INTRODUCED = "GANFLOW_INTRODUCED"  # tells processes that a stage starts which stage has spoken
_PR_SET_PDEATHSIG = 1


def run_stage(main: Callable[[], object]) -> None:
    """Run a stage script's `main` as `errors.run_main` does, after a line on stdout for each way."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # nobody has had it ignored
        # Ctrl-C ends a stage as the kernel does it. Python would raise KeyboardInterrupt, and lose it where that comes
        # up in a weak reference's callback: imports are full of those, and the stage would go on as if nothing was.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    errors.run_main(lambda: (_introduce(Path(sys.argv[0]).resolve()), main()))


def end_with_parent() -> None:
    """Have SIGTERM sent to this process when its parent dies: DVC, or the launcher of a training's processes (Linux).

    Without it a killed `dvc repro` leaves its stage behind, and the next one starts a second beside it. `exec` in
    dvc.yaml makes DVC itself the parent, whatever the shell. What was started by hand is left alone.
    """
    launched, under_dvc = "TORCHELASTIC_RUN_ID" in os.environ, "DVC_STAGE" in os.environ
    if sys.platform != "linux" or not (launched or under_dvc):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if not launched and not _in_our_group(os.getppid()):  # DVC died before we asked, and another process inherited us
        os.kill(os.getpid(), signal.SIGTERM)


def _in_our_group(process: int) -> bool:
    """Whether `process` shares our process group, as DVC does with its stages and an orphan's new parent does not."""
    try:
        return os.getpgid(process) == os.getpgrp()
    except ProcessLookupError:
        return False


def _introduce(script: Path) -> None:
    # The processes of one training are one stage, started by torchrun or by the stage itself.
    if os.environ.get("RANK", "0") != "0" or os.environ.get(INTRODUCED) == script.stem:
        return
    os.environ[INTRODUCED] = script.stem
    pipeline = YAML(typ="safe").load((script.parents[1] / "dvc.yaml").read_text(encoding="utf-8"))
    own = pipeline["stages"][script.stem]
    reads = [path for path in own["deps"] if not path.startswith(("src/", "stages/")) and path != str(CHECKED)]
    # The one out with an option (so a mapping) is CHECKED.
    makes = [path for kind in ("outs", "metrics", "plots") for path in own.get(kind, []) if isinstance(path, str)]
    _say(f"  reads {grouped_by_folder(reads)}{', ' if reads else ''}params.yaml ({', '.join(own['params'])})")
    if makes:
        _say(f"  makes {grouped_by_folder(makes)}")
    if "DVC_STAGE" in os.environ:
        checkpoint_folders.release(reads)


def _say(line: str) -> None:
    """One line in a log; on a terminal broken between words."""
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
