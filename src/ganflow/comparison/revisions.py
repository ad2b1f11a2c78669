"""Compares two revisions (`ganflow diff`) or several seeds (`ganflow seeds`), with the noise of each difference.

`dvc metrics diff` shows the same numbers, but cannot say which changes are more than noise.
"""

import json
import math
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from dvc import api
from dvc.exceptions import DvcException
from ruamel.yaml import YAML

from ganflow.comparison.differences import CODE, Difference, changes
from ganflow.errors import UserError
from ganflow.files import sha256
from ganflow.metrics.comparable import JUDGED, WEIGHTS, not_comparable
from ganflow.metrics.measures import BY_TASK

WORKSPACE = "workspace"


def differences_between(before: str, after: str) -> list[Difference]:
    """The differences in every measure that both revisions (a commit, an experiment's name, "workspace") have.

    Raises:
        UserError: there is no such revision, or no model that both measured.
    """
    found, missing = [], []
    for task in BY_TASK:
        try:
            a, b = _metrics(task, before), _metrics(task, after)
        except UserError as fault:
            missing.append(fault)  # a model that one of the two does not have
            continue
        found += changes(task, a, b, lambda task=task: (_images(task, before), _images(task, after)))
    if len(missing) == len(BY_TASK):
        raise missing[0] if (before, after) != ("HEAD", WORKSPACE) else _nothing_ran(missing[0])
    if not found:  # CycleGAN with and without test pairs, say
        raise UserError(f"no measure is in both '{before}' and '{after}': `dvc metrics diff` shows what each has")
    return found


def stale_results() -> list[str]:
    """For each model of this folder whose measures are of other weights: a line with the command that mends it."""
    found = []
    for task in BY_TASK:
        table, folder = Path(f"metrics/tables/{task}.json"), Path("models") / task
        weights = next(
            (path for place in ("last", ".") if (path := folder / place / "model.safetensors").exists()), None
        )
        measured = json.loads(table.read_text(encoding="utf-8")).get(WEIGHTS) if table.exists() else None
        if weights and measured and measured != sha256(weights):
            found.append(f"metrics/{task}.json is of other weights than models/{task}: dvc repro evaluate_{task}")
    return found


def _nothing_ran(fault: UserError) -> UserError:
    """Where the two that are compared by default have no results, but an experiment may have: `make demo` is one."""
    listed = ["git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps/??/*/*"]
    found = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
    if not found:
        return fault
    return UserError(
        "nothing to compare: this folder and its last commit have no results (`dvc repro` makes them). "
        f"Experiments that may have: {', '.join(sorted(found)[:9])}. Two of them: ganflow diff {min(found)} OTHER"
    )


@dataclass(frozen=True)
class Seeds:
    """Experiments that differ only in their seed."""

    names: str
    table: pd.DataFrame  # a row per measure: mean, deviation (n - 1) and the values by seed
    why_not: list[str]  # for each task without mean and deviation: "gan: not comparable: ..."


def across_seeds() -> list[Seeds]:
    """The groups of experiments on HEAD that differ only in their seed: of equal parameters, made by the same code.

    An experiment may hold code that is not committed. Of several with one seed the newest counts. A mean and a
    deviation are of comparable results alone: digits judged by one classifier, the same test images.
    """
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for row in api.exp_show():  # the newest first
        name = row["Experiment"]
        if name is None or row["State"] not in (None, "Success"):
            continue
        params = YAML(typ="safe", pure=True).load(api.read("params.yaml", rev=name))
        seed = params.pop("seed")
        recipe = json.dumps([params, _code(row["rev"])], sort_keys=True)
        groups[recipe].setdefault(seed, name)
    return [_seeds_table(dict(sorted(named.items()))) for named in groups.values() if len(named) > 1]


def _code(revision: str) -> str:
    """What differs where the code of two revisions does."""
    command = ["git", "ls-tree", "--end-of-options", revision, *CODE]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _seeds_table(named: dict[int, str]) -> Seeds:
    rows, refused = {}, []
    for task, measures in BY_TASK.items():
        try:
            by_seed = {seed: _metrics(task, name) for seed, name in named.items()}
        except UserError:  # a model that one of them does not have
            continue
        first, *others = (metrics.get(JUDGED) for metrics in by_seed.values())
        why_not = next(filter(None, (not_comparable(first, other) for other in others)), "")
        refused += [f"{task}: {why_not}"] if why_not else []
        for measure in measures:
            values = pd.Series({f"seed {seed}": metrics.get(measure.key) for seed, metrics in by_seed.items()})
            if values.notna().all():
                of_all = (math.nan, math.nan) if why_not else (values.mean(), values.std())
                rows[f"{task}: {measure.name}"] = {"mean": of_all[0], "deviation": of_all[1], **values}
    names = ", ".join(f"{name} (seed {seed})" for seed, name in named.items())
    return Seeds(names, pd.DataFrame(rows).T, refused)


def _images(task: str, revision: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(_read(f"metrics/{task}_images.csv", revision)))


def _metrics(task: str, revision: str) -> dict[str, Any]:
    return json.loads(_read(f"metrics/{task}.json", revision))


def _read(path: str, revision: str) -> str:
    if revision == WORKSPACE:
        if not Path(path).exists():
            raise UserError(f"there is no {path} here: `dvc repro` makes it")
        return Path(path).read_text(encoding="utf-8")
    if revision.startswith("-"):  # to git it would be an option
        raise UserError(f"'{revision}' is no commit and no experiment")
    try:
        return api.read(path, rev=revision)
    except (DvcException, FileNotFoundError) as fault:
        raise UserError(f"no {path} of '{revision}': {' '.join(str(fault).split())}") from None
