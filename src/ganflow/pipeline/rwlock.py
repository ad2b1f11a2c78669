"""DVC's lock file .dvc/tmp/rwlock, which says which process reads and writes what.

DVC 3.67 rewrites it in place after every stage. A SIGKILL in that moment leaves it empty, and every
later `dvc repro` then fails ("Unable to read RWLock-file"). `make` calls this module before DVC.
"""

import json
import sys
from pathlib import Path

import psutil

from ganflow import errors
from ganflow.errors import UserError
from ganflow.files import project_root


def damaged(root: Path) -> Path | None:
    """The path of the lock file, if it exists and DVC could not read it; else None."""
    path = root / ".dvc" / "tmp" / "rwlock"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return path
    return None if isinstance(content, dict) else path


def repair(root: Path) -> None:
    """Remove a damaged lock file; DVC then makes a new one. What it said was about processes that have ended.

    Raises:
        UserError: a DVC runs in this project, and may be writing the file.
    """
    path = damaged(root)
    if path is None:
        return
    running = _dvc_in(root)
    if running:
        raise UserError(
            f"{path} is damaged, and DVC runs here (process {running[0]}): wait for its end, then run again"
        )
    path.unlink(missing_ok=True)
    print(f"removed {path.relative_to(root)}, which a killed DVC had left damaged", file=sys.stderr)


def _dvc_in(root: Path) -> list[int]:
    """Ids of the DVC processes in `root` or below."""
    found = []
    for process in psutil.process_iter():
        try:
            command, folder = process.cmdline(), Path(process.cwd())
        except psutil.Error:  # it has ended, or belongs to another user
            continue
        if any(Path(word).name == "dvc" for word in command[:3]) and folder.is_relative_to(root):
            found.append(process.pid)
    return found


if __name__ == "__main__":
    errors.run_main(lambda: repair(project_root()))
