"""The one end of a stage that it cannot speak of: Linux kills it, at once, for want of memory (exit code -9)."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

VMSTAT = Path("/proc/vmstat")  # its oom_kill counts the processes killed so, those of a container or cgroup among them
# The process ends with "ended" on its standard input, or with the end of whoever holds the other end.
_WAIT = 'read -r ended || [ "$(grep "^oom_kill " "$1")" = "$2" ] || echo "$3" >&2'


@contextlib.contextmanager
def told_if_killed(stage: str) -> Iterator[None]:
    """A small shell beside the body: if the body does not come to its end, and Linux killed for memory, it says so.

    A session of its own: what ends the stage's group (Ctrl-C, a closed terminal) does not end it first.
    """
    before = _killed_so_far()
    if not before:  # no Linux, or one before 4.13
        yield
        return
    sentence = (
        f"{stage}: Linux has killed a process because the memory was not enough (the machine's, or a container's or "
        "cgroup's). Reduce batch_size (evaluate.batch_size in an evaluation), or run fewer processes at a time; "
        "a training then goes on from its checkpoint"
    )
    with subprocess.Popen(
        ["sh", "-c", _WAIT, "sh", VMSTAT, before, sentence], stdin=subprocess.PIPE, start_new_session=True
    ) as watch:
        yield
        watch.communicate(b"ended\n")


def _killed_so_far() -> str:
    """The line of VMSTAT; empty where there is none."""
    with contextlib.suppress(OSError):
        lines = VMSTAT.read_text(encoding="utf-8").splitlines()
        return next((line for line in lines if line.startswith("oom_kill ")), "")
    return ""
