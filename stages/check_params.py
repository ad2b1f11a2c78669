"""Stage check_params: refuse a wrong params.yaml before any other stage runs.

DVC removes a stage's outs before it runs the stage. Every stage depends on this one's out, so this one runs first,
whichever stage was named, and a wrong parameter ends the command while all earlier results are still in place. The out
always has the same bytes: a valid change of a parameter makes no other stage out of date through it.
"""

import os
from pathlib import Path

from ganflow import config
from ganflow.errors import UserError
from ganflow.files import project_root
from ganflow.pipeline.checks import check
from ganflow.pipeline.stage import CHECKED, run_stage

TEXT = "Made by the stage check_params. Every other stage depends on this file and so runs after it.\n"


def main() -> None:
    try:
        check(config.load_params())
    except UserError as fault:
        raise UserError(f"{fault} ({_way_back()})") from None
    CHECKED.parent.mkdir(parents=True, exist_ok=True)
    CHECKED.write_text(TEXT, encoding="utf-8")


def _way_back() -> str:
    if project_root() != Path.cwd().resolve():  # of `dvc exp run --temp` or the queue
        return "nothing is changed: your params.yaml is as it was"
    if "DVC_EXP_NAME" in os.environ:  # `dvc exp run -S` writes the file before it runs anything, and leaves it so
        _show_to_git(Path("params.yaml"))
        return "params.yaml keeps it; `git checkout params.yaml` takes it back"
    return "correct it; `git checkout params.yaml` takes back all changes since the last commit"


def _show_to_git(path: Path) -> None:
    """Change the time of `path`, so that git sees that it differs from the commit.

    git compares size and time in seconds. DVC writes git's index in the same second as the file: a new value as long as
    the old one (auto, cuda) would look unchanged, and `git checkout` would not restore the file.
    """
    seen = path.stat()
    os.utime(path, (seen.st_atime, seen.st_mtime + 2))


if __name__ == "__main__":
    run_stage(main)
