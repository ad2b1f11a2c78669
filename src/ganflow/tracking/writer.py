"""A background writer that can give up: what it writes to may be down, slow or full, and nobody waits for it."""

import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ganflow.errors import first_line

Work = Callable[[], None]
LAST_SECONDS = 5.0  # for the last work of a writer that has given up


@dataclass(frozen=True)
class Routine:
    """What a writer does while there is nothing to write."""

    work: Work
    wait: Callable[[], float]  # seconds until it is due


class Writer:
    """One thread that does one work after the other.

    The first work that fails or takes too long ends it with one line on stderr; what comes later is dropped. Its
    methods return at once, but for those with a limit. The process may end at any time: it waits for no work.
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
        """Do `work` and wait for it; give up where there is no end to it."""
        done = threading.Event()

        def announced() -> None:
            try:
                work()
            finally:
                done.set()

        self.put(announced)
        if not done.wait(seconds):
            self.give_up(f"no answer within {seconds:.0f} s")

    def close(self, last: Work, seconds: float) -> None:
        """Do all that was put, then `last`, and wait for it; `last` is tried also after a failure."""
        limit = LAST_SECONDS if self.gave_up else seconds
        self._last = last
        self._work.put(None)
        self._thread.join(limit)
        if self._thread.is_alive():
            self.give_up(f"not all was written within {limit:.0f} s")

    def give_up(self, reason: str) -> None:
        """Say so once, and do nothing more."""
        with self._lock:
            if not self.gave_up:
                # One write, and before anyone can see the failure and end the process: a line is never cut off.
                sys.stderr.write(f"warning: {self._name} is off from here on: {reason[:200]}\n")
                self.gave_up = True

    def _run(self) -> None:
        while (work := self._next()) is not None:
            if not self.gave_up:
                self._try(work)
        self._try(self._last)

    def _try(self, work: Work) -> None:
        try:
            work()
        except Exception as fault:  # whatever it is, the training goes on
            self.give_up(first_line(fault))

    def _next(self) -> Work | None:
        try:
            return self._work.get(timeout=self.routine.wait() if self.routine else None)
        except queue.Empty:
            assert self.routine is not None
            return self.routine.work
