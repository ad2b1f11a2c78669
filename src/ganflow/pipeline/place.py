"""Problems with the project's folder: a path that programs cannot handle, or git not set up.

`make` runs this file before it installs anything, with whatever Python there is: the standard library only.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

UNUSABLE = ':"$`\\'  # `:` ends a folder of PATH; a shell reads the others in the first lines of .venv/bin's scripts
EXPERIMENTS = {"demo", "seeds", "exact", "exps"}  # make's targets that need a commit
COPIES = {"demo", "seeds"}  # those of them that run in a copy below .dvc/tmp
COMMIT = "git add -A; git commit -m 'My copy'"
CLONE = f"work in a clone (git clone), or type: git init; {COMMIT}"


def faults(root: Path, targets: Iterable[str]) -> Iterator[str]:
    """Why `make` cannot make `targets` in `root`: a line for each reason, with what to do."""
    wanted = set(targets)
    yield from path_faults(root, copies=bool(wanted & COPIES))
    if wanted & (EXPERIMENTS | {"repro"}):
        yield from git_faults(root, experiments=bool(wanted & EXPERIMENTS))


def path_faults(root: Path, *, copies: bool) -> Iterator[str]:
    """What is wrong with the path `root`; with `copies`, also for experiments in a copy (--temp and the queue)."""
    bad = next((char for char in str(root) if char in UNUSABLE or not char.isprintable()), None)
    if bad is not None:
        yield f"the path of this folder contains {bad!r}, which programs here cannot handle: move the folder"
    elif copies and not str(root).isascii():
        yield f"DVC cannot run experiments in a copy below a path that is not ASCII ({root}): move the folder"


def git_faults(root: Path, *, experiments: bool) -> Iterator[str]:
    """What git lacks in `root` for `dvc repro`; with `experiments`, also for `dvc exp run`."""
    try:
        if "dubious ownership" in _git(root, "rev-parse", "--is-inside-work-tree").stderr:
            yield (
                "git does not trust this folder, because it belongs to another user: "
                f"git config --global --add safe.directory {shlex.quote(str(root))}"
            )
        elif _git(root, "rev-parse", "--is-inside-work-tree").returncode:
            yield f"this folder is no git repository, and DVC needs one: {CLONE}"
        elif experiments and _git(root, "cat-file", "-e", "HEAD:./dvc.yaml").returncode:
            yield f"git has no commit of this folder, and DVC's experiments need one: {COMMIT}"
        elif experiments and _git(root, "var", "GIT_COMMITTER_IDENT").returncode:
            yield (
                "git does not know who you are, and DVC's experiments are commits: "
                "git config --global user.name NAME; git config --global user.email ADDRESS"
            )
    except FileNotFoundError:
        yield "git is not installed, and DVC needs it"


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A git command, which may fail. In English, whatever language the user has set: its words are looked at."""
    english = os.environ | {"LC_ALL": "C"}
    return subprocess.run(
        ["git", *words], cwd=root, env=english, capture_output=True, text=True, errors="replace", check=False
    )


def main() -> None:
    """Called by the Makefile, with the targets as arguments. Ends with the first fault, if there is one."""
    if sys.version_info < (3, 11):  # noqa: UP036 (whatever Python there is)
        sys.exit("error: Python 3.11 or newer is needed (make PYTHON=python3.12 ...)")
    for fault in faults(Path.cwd(), sys.argv[1:]):
        sys.exit(f"error: {fault}")


if __name__ == "__main__":
    main()
