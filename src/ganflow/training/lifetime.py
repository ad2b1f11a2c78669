"""How a training process lives and dies: one at a time per checkpoint folder, no orphan, and a signal saves first."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from ganflow.files import locked

_PR_SET_PDEATHSIG = 1
SAME_SECONDS = 1.0  # in which a signal that comes twice, from a terminal and from a launcher, is one


class Stopped(SystemExit):
    """The training was asked to stop, has saved, and ends with the shell's code for the signal (128 + n)."""


class StopRequest:
    """Set by SIGTERM or SIGINT; the loop looks at it between steps."""

    received: int | None = None
    _at: float

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            # A second Ctrl-C means now. A SIGTERM never does: to a process group under DVC it comes twice, from the
            # sender and because DVC has died of it.
            if number == signal.SIGINT and time.monotonic() - self._at > SAME_SECONDS:
                os._exit(128 + number)
            return
        self.received, self._at = number, time.monotonic()
        print(f"{signal.Signals(number).name}: saving after this step, then stopping", file=sys.stderr)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGTERM and SIGINT into a request."""
    request = StopRequest()
    previous = {number: signal.signal(number, request._receive) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the parent process dies (Linux).

    Without it a killed `dvc repro` leaves its trainer behind, and the next one starts a second beside it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # torch's launcher, which DVC has started instead, gives each process a session of its own.
        started_by_dvc = "DVC_STAGE" in os.environ and "TORCHELASTIC_RUN_ID" not in os.environ
        if started_by_dvc and not _same_session(os.getppid()):  # DVC died before we asked
            os.kill(os.getpid(), signal.SIGTERM)


def _same_session(process: int) -> bool:
    """Whether `process` lives in our session, as a parent that started us does and an orphan's new one does not."""
    try:
        return os.getsid(process) == os.getsid(0)
    except ProcessLookupError:
        return False


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` (the kernel releases it however we die), once its present holder is done with it.

    Two experiments that run at once and share a training both come here: the second waits, and finds the whole
    training in the folder. The lock files stand beside the folder, and stay: to remove one that others wait for would
    let two in.
    """
    lock, queue = _locks(folder)
    with ExitStack() as held:
        if not held.enter_context(locked(lock, wait=False)):
            print(f"waiting for process {lock.read_text()}, which trains the very same model", file=sys.stderr)
            with locked(queue, wait=True):
                held.enter_context(locked(lock, wait=True))
        yield


def awaited(folder: Path) -> bool:
    """Whether another process waits for `folder`."""
    with locked(_locks(folder)[1], wait=False) as nobody_waits:
        return not nobody_waits


def _locks(folder: Path) -> tuple[Path, Path]:
    return folder.with_suffix(".lock"), folder.with_suffix(".next.lock")
