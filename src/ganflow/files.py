"""Files that are either whole or absent under their final name."""

import fcntl
import glob
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    What processes that were killed left of the same file is removed too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = f".{path.name}.{platform.node()}."  # a process id says something on one machine only
    for left in path.parent.glob(f"{glob.escape(ours)}*.partial"):
        if not _runs(int(left.name.split(".")[-2])):
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{ours}{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextmanager
def whole_dir(path: Path) -> Iterator[Path]:
    """Yield a fresh temporary folder; it replaces the folder `path` on success, and is removed on failure."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` with sorted keys, so that the same content is always the same bytes."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def project_root() -> Path:
    """The folder that holds mlflow.db and checkpoints/: DVC_ROOT when DVC started us, else the current folder.

    DVC_ROOT is the main repository also for queued and temporary experiments, whose own folder is deleted.
    """
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock file `path`; the kernel releases it however we die. Yields whether it was got (False: no `wait`).

    The holder's pid stands in the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield True
