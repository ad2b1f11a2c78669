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

from ganflow.errors import UserError, one_line

_UMASK = os.umask(0)  # it can only be read by setting it: now, while there is one thread
os.umask(_UMASK)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    Partial files of the same `path` that killed processes left behind are removed too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{glob.escape(_ours(path))}*.partial"):
        if not _runs(int(left.name.split(".")[-2])):
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{_ours(path)}{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.chmod(0o666 & ~_UMASK)  # as every other file: safetensors makes its own readable for one user alone
        partial.replace(path)
    except Exception as fault:
        fault.add_note(str(path))  # a full disk is reported with what did not fit
        raise
    finally:
        partial.unlink(missing_ok=True)


def check_output(path: Path, *sources: Path) -> None:
    """Refuse a path that `whole_file` could not write, or that is one of `sources`, before the work for it begins.

    No file is left behind.

    Raises:
        UserError: it cannot be written, and why.
    """
    try:
        final = path.resolve()  # handles `new/../photo.jpg` too, where `new` does not exist yet
        if final.is_dir():
            raise UserError(f"{path} is a folder: give the name of a file")
        if final.exists() and any(final.samefile(source) for source in sources):
            raise UserError(f"{path} is the input itself: give another name")
        folder = next(parent for parent in (path.parent.resolve() / path.name).parents if parent.exists())
        trial = folder / f"{_ours(path)}{os.getpid()}.partial"
        trial.touch()
        trial.unlink()
    except (OSError, RuntimeError) as fault:  # RuntimeError: links in a circle
        raise UserError(f"cannot write {one_line(path)}: {getattr(fault, 'strerror', None) or fault}") from None


def _ours(path: Path) -> str:
    """How the names of this machine's partial files begin: a process id is valid on one machine only."""
    return f".{path.name}.{platform.node()}."


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
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
    except Exception as fault:
        fault.add_note(str(path))
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` with sorted keys: the same content always gives the same bytes."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def project_root() -> Path:
    """The folder that holds mlflow.db and checkpoints/: DVC_ROOT under DVC, else the nearest with a dvc.yaml upwards.

    For queued and temporary experiments, whose own folder is deleted, DVC_ROOT is the main repository. Outside any
    project it is the current folder.
    """
    here = Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()
    if os.environ.get("DVC_ROOT"):
        return here
    return next((folder for folder in (here, *here.parents) if (folder / "dvc.yaml").exists()), here)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock file `path`, which the kernel releases however the process ends. Yields whether it was acquired.

    Without `wait` it yields False at once if another process holds it. The file contains the holder's process id.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield True
