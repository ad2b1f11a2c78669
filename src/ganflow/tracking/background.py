"""A background writer that can give up: what it writes to may be down, slow or full, and must delay nobody."""

import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ganflow.errors import one_line
from ganflow.tracking.store import cause

Work = Callable[[], None]
LAST_SECONDS = 5.0  # for the last work of a writer that has given up


@dataclass(frozen=True)
class Routine:
    """What a writer does while there is nothing to write."""

    work: Work
    wait: Callable[[], float]  # seconds until it is due


class Writer:
    """One thread that does one piece of work after the other.

    If one fails or takes too long, the writer gives up: it prints one line on stderr and drops the rest. Its methods
    return at once, except those with a time limit. The process may end at any time, and waits for no work.
    """

    def __init__(self, name: str) -> None:
        self.gave_up = False
        self.routine: Routine | None = None
        self._name = name
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()  # None: the end
        self._last: Work = lambda: None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Do `work` after all that was put before."""
        if not self.gave_up:
            self._work.put(work)

    def wait_for(self, work: Work, seconds: float) -> None:
        """Do `work` and wait for it; give up after `seconds`."""
        done = threading.Event()

        def work_and_signal() -> None:
            try:
                work()
            finally:
                done.set()

        self.put(work_and_signal)
        if not done.wait(seconds):
            self.give_up(f"no answer within {seconds:.0f} s")

    def close(self, last: Work, seconds: float) -> None:
        """Do all work that was put, then `last`, and wait up to `seconds`; `last` is tried even after a failure."""
        limit = LAST_SECONDS if self.gave_up else seconds
        self._last = last
        self._work.put(None)
        self._thread.join(limit)
        if self._thread.is_alive():
            self.give_up(f"not all was written within {limit:.0f} s")

    def give_up(self, reason: str) -> None:
        """Print the reason once, and do no more work."""
        with self._lock:
            if not self.gave_up:
                # One write, before `gave_up` can be seen and the process ended: the line is never cut off.
                sys.stderr.write(f"warning: {self._name} is off from here on: {one_line(reason)}\n")
                self.gave_up = True

    def _run(self) -> None:
        while (work := self._next()) is not None:
            if not self.gave_up:
                self._try(work)
        self._try(self._last)

    def _try(self, work: Work) -> None:
        try:
            work()
        except Exception as fault:  # whatever it is, the training must go on
            self.give_up(cause(fault))

    def _next(self) -> Work | None:
        try:
            return self._work.get(timeout=self.routine.wait() if self.routine else None)
        except queue.Empty:
            assert self.routine is not None
            return self.routine.work
