"""Lock and signals of a training: one process at a time per checkpoint folder; SIGTERM and SIGINT save first."""

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

SAME_SECONDS = 1.0  # two signals within this time, from a terminal and from a launcher, count as one


class Stopped(SystemExit):
    """The training was asked to stop, has saved, and exits with the shell's code for the signal (128 + n)."""


class StopRequest:
    """Set by SIGTERM or SIGINT; the training loop checks it after each step."""

    received: int | None = None
    _at: float

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            # A second Ctrl-C stops at once. A second SIGTERM does not: a process group under DVC gets two, one from the
            # sender and one because it has ended DVC.
            if number == signal.SIGINT and time.monotonic() - self._at > SAME_SECONDS:
                os._exit(128 + number)
            return
        self.received, self._at = number, time.monotonic()
        print(f"{signal.Signals(number).name}: saving after this step, then stopping", file=sys.stderr)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Within it, SIGTERM and SIGINT set the yielded request instead of ending the process."""
    request = StopRequest()
    previous = {number: signal.signal(number, request._receive) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Wait for the lock of `folder` and hold it; the kernel releases it when the process ends in any way.

    If two experiments that run at once share a training, the second waits here, and then finds the finished training
    in the folder.
    """
    lock = lock_of(folder)
    with ExitStack() as stack:
        if not stack.enter_context(locked(lock, wait=False)):
            print(
                f"waiting for process {lock.read_text(encoding='utf-8')}, which trains the very same model",
                file=sys.stderr,
            )
            stack.enter_context(locked(lock, wait=True))
        yield
