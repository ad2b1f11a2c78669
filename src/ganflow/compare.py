"""Runs compared so that a difference is told from noise: two revisions (`ganflow diff`) or seeds (`ganflow seeds`).

`dvc metrics diff` shows the same numbers; what it cannot do is to say which changes mean anything.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dvc import api
from dvc.exceptions import DvcException
from ruamel.yaml import YAML

from ganflow.errors import UserError
from ganflow.metrics import translation
from ganflow.metrics.bootstrap import multiplicities, plus_minus
from ganflow.metrics.measures import BY_TASK, Measure

WORKSPACE = "workspace"
TRANSLATORS = ("pix2pix", "cvae")  # whose images have counterparts; generated digits have none


@dataclass(frozen=True)
class Difference:
    """A measure in two runs, and the change from `before` to `after` with its 95 % interval."""

    task: str
    measure: Measure
    before: float
    after: float
    plus_minus: float
    paired: bool  # image by image: the same test images, so that their luck cancels out

    @property
    def verdict(self) -> str:
        """better, worse, or within noise."""
        change = self.after - self.before
        if abs(change) <= self.plus_minus:
            return "within noise"
        return "better" if (change > 0) == self.measure.higher else "worse"


def differences(before: str, after: str) -> list[Difference]:
    """Every measure that both revisions (a commit, an experiment's name, "workspace") have.

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
        raise missing[0]
    return found


def changes(
    task: str,
    a: dict[str, Any],  # metrics/<task>.json of the one
    b: dict[str, Any],
    images: Callable[[], tuple[pd.DataFrame, pd.DataFrame]],  # metrics/<task>_images.csv of both, read where they count
) -> list[Difference]:
    """Every measure that both have, from `a` to `b`; image by image where both measured the same test images."""
    one_by_one = task in TRANSLATORS and a.get("test_data") == b.get("test_data")
    paired = _paired(*images()) if one_by_one else {}
    found = []
    for measure in BY_TASK[task]:
        key = measure.key
        if f"{key}_pm" in a and f"{key}_pm" in b:
            noise = paired.get(key, float(np.hypot(a[f"{key}_pm"], b[f"{key}_pm"])))
            found.append(Difference(task, measure, a[key], b[key], noise, key in paired))
    return found


def across_seeds() -> list[tuple[str, pd.DataFrame]]:
    """Experiments on HEAD that differ in their seed alone: for each group its seeds, and a table of its measures.

    The table has a row per measure: mean, deviation (n - 1) and the values by seed.
    """
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for row in api.exp_show():
        name = row["Experiment"]
        if name is None or row["State"] not in (None, "Success"):
            continue
        params = YAML(typ="safe", pure=True).load(api.read("params.yaml", rev=name))
        seed = params.pop("seed")
        groups[json.dumps(params, sort_keys=True)][seed] = name
    return [_seeds_table(dict(sorted(named.items()))) for named in groups.values() if len(named) > 1]


def _seeds_table(named: dict[int, str]) -> tuple[str, pd.DataFrame]:
    rows = {}
    for task, measures in BY_TASK.items():
        try:
            by_seed = {seed: _metrics(task, name) for seed, name in named.items()}
        except UserError:  # as in `differences`
            continue
        for measure in measures:
            values = pd.Series({f"seed {seed}": metrics.get(measure.key) for seed, metrics in by_seed.items()})
            if values.notna().all():
                rows[f"{task}: {measure.name}"] = {"mean": values.mean(), "deviation": values.std(), **values}
    return ", ".join(f"{name} (seed {seed})" for seed, name in named.items()), pd.DataFrame(rows).T


def _images(task: str, revision: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(_read(f"metrics/{task}_images.csv", revision)))


def _paired(*frames: pd.DataFrame) -> dict[str, float]:
    """Half widths of the intervals of the changes between two runs that measured the same images one by one."""
    weights = multiplicities(len(frames[0]), seed=0)
    a, b = (translation.measures(frame, weights) for frame in frames)
    return {key: plus_minus(b[key] - a[key]) for key in a.keys() & b.keys()}


def _metrics(task: str, revision: str) -> dict[str, Any]:
    return json.loads(_read(f"metrics/{task}.json", revision))


def _read(path: str, revision: str) -> str:
    if revision == WORKSPACE:
        if not Path(path).exists():
            raise UserError(f"there is no {path} here: `dvc repro` makes it")
        return Path(path).read_text()
    try:
        return api.read(path, rev=revision)
    except (DvcException, FileNotFoundError) as fault:
        raise UserError(f"no {path} of '{revision}': {' '.join(str(fault).split())}") from None
