"""Foreseeable errors: the user sees one line, and the exit code is not 0."""

import errno
import os
import re
import signal
import sys
from collections.abc import Callable


class UserError(Exception):
    """An error that the user can act on. Its text is one line, and all that the user sees."""


def one_line(text: object, longest: int = 300) -> str:
    """`text` without line breaks and control characters, cut after `longest` characters."""
    words = " ".join(str(text).split())
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in words[: longest + 1])
    return shown if len(words) <= longest else f"{shown[:longest]} ..."


def without_secrets(text: str) -> str:
    """`text` without the users, passwords and tokens of the addresses in it."""
    text = re.sub(r"://[^\s/\"'][^\s\"']*@", "://***@", text)
    return re.sub(r"(?i)([?&][^=&\s]*(?:password|passwd|token|secret|key)[^=&\s]*=)[^&\s]+", r"\1***", text)


def first_line(fault: BaseException) -> str:
    """The first line of an exception's text, without secrets."""
    return without_secrets((str(fault).strip() or type(fault).__name__).splitlines()[0])


def run_main(main: Callable[[], object]) -> None:
    """Run a script's `main`, turning foreseeable faults into one line on stderr and exit code 1.

    Programming errors keep their traceback: we fix them, not the user.
    """
    try:
        main()
        sys.stdout.flush()
    except UserError as fault:
        sys.exit(f"error: {without_secrets(str(fault))}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader closed the pipe: `ganflow runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's flush at exit would raise again
        sys.exit(128 + signal.SIGPIPE)
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(f"error: the disk is full ({fault.filename or 'while writing'}): free some space, run again")
        if fault.errno in (errno.EACCES, errno.EROFS):
            sys.exit(f"error: cannot write or read {fault.filename}: {fault.strerror}")
        raise
