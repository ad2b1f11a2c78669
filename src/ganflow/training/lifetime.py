"""How a training process lives and dies: one at a time per checkpoint folder, and a signal saves first."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from ganflow.files import locked
from ganflow.pipeline.checkpoint_folders import lock_of

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


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder` (the kernel releases it however we die), once its present holder is done with it.

    Two experiments that run at once and share a training both come here: the second waits, and finds the finished
    training in the folder.
    """
    lock = lock_of(folder)
    with ExitStack() as held:
        if not held.enter_context(locked(lock, wait=False)):
            print(f"waiting for process {lock.read_text()}, which trains the very same model", file=sys.stderr)
            held.enter_context(locked(lock, wait=True))
        yield
