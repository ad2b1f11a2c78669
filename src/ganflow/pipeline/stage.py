"""How a stage script runs: it says what it reads and makes, as dvc.yaml has it, and ends with its DVC."""

import ctypes
import os
import select
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import groupby
from pathlib import Path, PurePosixPath

from ruamel.yaml import YAML

from ganflow import errors
from ganflow.pipeline import checkpoint_folders

INTRODUCED = "GANFLOW_INTRODUCED"  # tells processes that a stage starts which stage has spoken
_PR_SET_PDEATHSIG = 1


def run(main: Callable[[], object]) -> None:
    """Run a stage script's `main` as `errors.run` does, after a line on stdout for each way."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # nobody has had it ignored
        # Ctrl-C ends a stage as the kernel does it. Python would raise KeyboardInterrupt, and lose it where that comes
        # up in a weak reference's callback: imports are full of those, and the stage would go on as if nothing was.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_starter()
    errors.run(lambda: (_introduce(Path(sys.argv[0]).resolve()), main()))


def end_with_starter() -> None:
    """Have a SIGTERM sent to this process when DVC, or the launcher of a training's processes, dies (Linux).

    Without it a killed `dvc repro` leaves its stage behind, and the next one starts a second beside it. What was
    started by hand is left alone.
    """
    launched, under_dvc = "TORCHELASTIC_RUN_ID" in os.environ, "DVC_STAGE" in os.environ
    if sys.platform != "linux" or not (launched or under_dvc):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # from the kernel, when our parent dies
    if launched:  # the launcher is our parent, and DVC's death is its own affair
        return
    dvc = _nearest_outside_stage()
    if dvc is None:  # it died before we asked
        os.kill(os.getpid(), signal.SIGTERM)
    elif dvc != os.getppid():  # some shells stay between (dash), and outlive DVC
        threading.Thread(target=_end_with, args=(dvc,), daemon=True).start()


def _nearest_outside_stage() -> int | None:
    """The first ancestor that has not this stage's name from DVC, which is DVC; None if that is of another session.

    A parent that started us shares our session, and the process that inherits an orphan does not.
    """
    name = f"DVC_STAGE={os.environ['DVC_STAGE']}".encode()
    process = os.getppid()
    try:
        while os.getsid(process) == os.getsid(0):
            if name not in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
                return process
            status = Path(f"/proc/{process}/status").read_text()
            process = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid:"))
    except PermissionError:  # another user's
        return process
    except (FileNotFoundError, ProcessLookupError):  # gone meanwhile
        pass
    return None


def _end_with(process: int) -> None:
    with suppress(ProcessLookupError):  # gone already
        select.select([os.pidfd_open(process)], [], [])
    os.kill(os.getpid(), signal.SIGTERM)


def _introduce(script: Path) -> None:
    # The processes of one training are one stage, started by torchrun or by the stage itself.
    if os.environ.get("RANK", "0") != "0" or os.environ.get(INTRODUCED) == script.stem:
        return
    os.environ[INTRODUCED] = script.stem
    pipeline = YAML(typ="safe").load((script.parents[1] / "dvc.yaml").read_text())
    own = pipeline["stages"][script.stem]
    reads = [path for path in own["deps"] if not path.startswith(("src/", "stages/"))]
    makes = [path for kind in ("outs", "metrics", "plots") for path in own.get(kind, [])]
    _say(f"  reads {together(reads)}{', ' if reads else ''}params.yaml ({', '.join(own['params'])})")
    if makes:
        _say(f"  makes {together(makes)}")
    if "DVC_STAGE" in os.environ:
        checkpoint_folders.release(reads)


def _say(line: str) -> None:
    """One line in a log; on a terminal broken between words."""
    if sys.stdout.isatty():
        line = textwrap.fill(line, shutil.get_terminal_size().columns - 1, subsequent_indent=" " * 8)
    print(line, flush=True)


def together(paths: Iterable[str]) -> str:
    """Paths on one line, those of one folder as folder/{a, b}."""
    groups = groupby(paths, lambda path: PurePosixPath(path).parent)
    parts = [(folder, [PurePosixPath(path).name for path in group]) for folder, group in groups]
    return ", ".join(
        str(folder / names[0]) if len(names) == 1 else f"{folder}/{{{', '.join(names)}}}" for folder, names in parts
    )
