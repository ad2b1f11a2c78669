"""How far the whole run is: a stage's place among all, and how long it and those after it took the last time here.

DVC runs the stages in the order of dvc.yaml, and tells none of them which others are out of date. So the time left is
that of all stages to come, if they all run.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from ganflow import config
from ganflow.errors import UserError
from ganflow.files import project_root, write_json

FILE = Path(".dvc/tmp/ganflow/seconds.json")  # of this machine: git and DVC ignore it


def heading(stage: str, stages: list[str], size: str) -> str:
    """`[10/19] train_pix2pix … about 7 min left of 11, as the last time`; without times where not all are known.

    `size`: of this run (`size_of_run`). Only times of runs of the same size are used.
    """
    place = stages.index(stage)
    seconds = _known().get(size, {})
    line = f"[{place + 1}/{len(stages)}] {stage}"
    if not size or any(one not in seconds for one in stages[place:]):
        return line
    left, whole = (sum(seconds.get(one, 0.0) for one in names) for names in (stages[place:], stages))
    return f"{line} … about {_minutes(left)} left of {_minutes(whole)}, as the last time"


def remember(stage: str, seconds: float, size: str) -> None:
    """Keep how long a stage took in a run of this size, if there is a place for it."""
    path = project_root() / FILE
    if not size or not path.parents[1].is_dir():
        return
    known = _known()
    try:
        write_json(path, known | {size: known.get(size, {}) | {stage: round(seconds, 1)}})
    except OSError:  # a full disk, say: nothing depends on it
        sys.stderr.write("how long this stage took could not be kept\n")


def size_of_run() -> str:
    """A word for what decides how long a run takes: all parameters but weights and rates (the real numbers) and seeds.

    "" if params.yaml cannot be read, which check_params reports.
    """
    try:
        sizes = config.dotted(config.load_params().model_dump())
    except (UserError, OSError):
        return ""
    kept = {name: value for name, value in sizes.items() if not isinstance(value, float) and "seed" not in name}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def _known() -> dict[str, Any]:
    """Seconds by size of the run and stage."""
    try:
        return json.loads((project_root() / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
