"""What a user sees when something foreseeable goes wrong: one line and a non-zero exit."""

import errno
import signal
import sys
from collections.abc import Callable


class UserError(Exception):
    """A fault that the person at the keyboard can act on. Its text is one line and is all they see."""


def run(main: Callable[[], object]) -> None:
    """Run a script's `main`, turning foreseeable faults into one line on stderr and exit code 1.

    Programming errors keep their traceback: they are ours to mend, not the user's.
    """
    try:
        main()
    except UserError as fault:
        sys.exit(f"error: {fault}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except OSError as fault:
        if fault.errno == errno.ENOSPC:
            sys.exit(f"error: the disk is full ({fault.filename or 'while writing'}): free some space, run again")
        if fault.errno in (errno.EACCES, errno.EROFS):
            sys.exit(f"error: cannot write or read {fault.filename}: {fault.strerror}")
        raise
