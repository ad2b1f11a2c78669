"""Foreseeable errors: the user sees one line, and the exit code is not 0."""

import errno
import io
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from ganflow.text import printable

LONGEST = 4000  # characters of a message


class UserError(Exception):
    """An error that the user can act on. Its text is one line, and all that the user sees."""


def one_line(text: object, longest: int = 300) -> str:
    """`text` without line breaks and control characters, cut after `longest` characters."""
    words = " ".join(str(text).split())
    shown = printable(words[: longest + 1])
    return shown if len(words) <= longest else f"{shown[:longest]} ..."


def say(*lines: object, file: TextIO | None = None) -> None:
    """Print `lines`, each of which stays one line whatever the names in it."""
    for line in lines:
        print(printable(str(line)), file=file, flush=True)


def without_secrets(text: str) -> str:
    """`text` without the users, passwords and tokens of the addresses in it."""
    text = re.sub(r"://[^\s/\"'][^\s\"']*@", "://***@", text)
    return re.sub(r"(?i)([?&][^=&\s]*(?:password|passwd|token|secret|key)[^=&\s]*=)[^&\s]+", r"\1***", text)


def first_line(fault: BaseException) -> str:
    """The line of an exception's text that names the cause, without secrets: of a database its driver's own, else the
    first."""
    lines = [line for line in str(fault).splitlines() if line.strip()] or [type(fault).__name__]
    of_driver = (
        found[1] for line in lines if (found := re.match(r"\((?:sqlite3|psycopg2?|pymysql)\.\w+\) (.*)", line))
    )
    return one_line(without_secrets(next(of_driver, lines[0])))


def run_main(main: Callable[[], object]) -> None:
    """Run a script's `main`, turning foreseeable faults into one line on stderr and exit code 1.

    Programming errors keep their traceback: we fix them, not the user.
    """
    _settle()
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader closed the pipe: `ganflow runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's flush at exit would raise again
        sys.exit(128 + signal.SIGPIPE)
    except Exception as fault:
        if line := foreseeable(fault):
            sys.exit(f"error: {line}")
        raise


def _settle() -> None:
    """Make up for a terminal that lacks letters, and for a user whom the machine does not know (in a container)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # ISO-8859-1 has no →
    try:
        Path.home()
    except RuntimeError:  # no HOME, and none in passwd: MLflow, matplotlib and torch ask for it
        os.environ["HOME"] = tempfile.gettempdir()
        os.environ.setdefault("USER", str(os.getuid()))


def foreseeable(fault: BaseException) -> str:
    """What the user is told of a fault of theirs or of the machine's; empty for a programming error."""
    if isinstance(fault, UserError):
        return one_line(without_secrets(str(fault)), LONGEST)
    where = _where(fault)
    if is_disk_full(fault):
        return f"the disk is full ({where or 'while writing'}): free some space, run the same command again"
    if isinstance(fault, FileNotFoundError) and "usable temporary directory" in str(fault):
        return "there is no folder for temporary files: set TMPDIR to one with space that you may write to"
    if is_memory_short(fault):
        return (
            "the memory is not enough: reduce batch_size (evaluate.batch_size in an evaluation), run fewer processes "
            "at a time, or smaller networks"
        )
    if isinstance(fault, OSError) and fault.errno in _OF_THE_MACHINE:
        return f"cannot write or read {where}: {fault.strerror}"
    return ""


# A missing file is none of these: who needed it says so, or it is our mistake.
_OF_THE_MACHINE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
    *(errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
}
# Libraries hide errno in a text: safetensors and SQLite; numpy's says how little of an array was written.
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded|file too large|disk is full", re.IGNORECASE)
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")
_NO_MEMORY = re.compile(r"out of memory|(?:can't|cannot) allocate memory|not enough memory|bad_alloc", re.IGNORECASE)


def is_disk_full(fault: BaseException) -> bool:
    """Whether a file could not be written for want of space (of the disk, a quota, or a limit on a file's size)."""
    if isinstance(fault, OSError) and fault.errno is not None:
        return fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return bool(_DISK_FULL.search(str(fault)) or (isinstance(fault, OSError) and _CUT_SHORT.search(str(fault))))


def is_memory_short(fault: BaseException) -> bool:
    """Whether the host's or the GPU's memory could not hold what was asked of it."""
    if isinstance(fault, OSError):  # a file could not be mapped, a process not be forked
        return fault.errno == errno.ENOMEM
    return isinstance(fault, MemoryError) or bool(_NO_MEMORY.search(str(fault)))


def _where(fault: BaseException) -> str:
    """The file that a fault is about: what it names itself, or what `files` noted on it."""
    named = getattr(fault, "filename2", None) or getattr(fault, "filename", None)
    return one_line(named or next(iter(getattr(fault, "__notes__", ())), ""))
