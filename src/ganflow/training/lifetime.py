"""How a training process lives and dies: one per checkpoint folder, no orphan, and a signal saves before it stops."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ganflow.errors import UserError
from ganflow.files import locked

_PR_SET_PDEATHSIG = 1


class Stopped(SystemExit):
    """The training was asked to stop, has saved, and ends with the shell's code for the signal (128 + n)."""


class StopRequest:
    """Set by SIGTERM or SIGINT; the loop looks at it between steps."""

    received: int | None = None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:  # a second Ctrl-C means now
            os._exit(128 + number)
        self.received = number
        print(f"{signal.Signals(number).name}: saving after this step, then stopping", file=sys.stderr)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGTERM and SIGINT into a request, and the death of the parent process into a SIGTERM."""
    request = StopRequest()
    previous = {number: signal.signal(number, request._receive) for number in (signal.SIGTERM, signal.SIGINT)}
    parent = os.getppid()
    if sys.platform == "linux":
        # Without it a killed `dvc repro` leaves its trainer behind, and the next one starts a second beside it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGTERM)
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` (the kernel releases it however we die).

    Raises:
        UserError: another process holds it.
    """
    lock = folder / "lock"
    with locked(lock, wait=False) as got:
        if not got:
            raise UserError(f"this very training is already running (pid {lock.read_text().strip()}): {folder}")
        yield
