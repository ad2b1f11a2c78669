"""Reads runs: finds them by id, name or DVC experiment, with their curves and files."""

import io
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ganflow.comparison.champion import ValidationScore, from_text
from ganflow.errors import UserError
from ganflow.metrics.comparable import Judged, not_comparable
from ganflow.metrics.intervals import in_text
from ganflow.text import printable
from ganflow.tracking import store
from ganflow.tracking.abandoned import is_abandoned
from ganflow.tracking.lineage import COMMIT, EXPERIMENT, REMAKE, well_formed

VALIDATION_FILE = "validation.json"  # artifact of a run: its model's score on the validation split
CURVES = "curves/"  # begins the names of a training's curves in MLflow: its pages sort charts by this word
SELECTED = "selected/"  # begins those of its values at the epoch that the validation selected
PICTURE = "samples.png"  # artifact of a run: the newest picture of its training
TABLE_TAG = "ganflow.table_sha256"  # only an evaluation has it: the digest of its table
PARENT_TAG = "mlflow.parentRunId"  # of an evaluation: the run of its training. MLflow's page shows it below that one
LOGGED_TAG = "ganflow.logged"  # of an evaluation: when it was logged last, in ms since 1970
FAILURE_TAG = "ganflow.failure"  # of an evaluation: what the model failed at, if it did
CONDITION = "judged."  # begins the tags that hold an evaluation's conditions
MEASURED = ("metrics/", "figures/", "model card/")  # artifacts of an evaluation


@dataclass(frozen=True)
class LoggedRun:
    """A run as the store has it."""

    client: Any
    task: str
    run_id: str
    name: str
    status: str  # FINISHED, RUNNING, FAILED, KILLED
    started: datetime  # of an evaluation: when it was logged last
    params: dict[str, str]
    metrics: dict[str, float]  # last values; of curves by their names without CURVES
    tags: dict[str, str]
    evaluations: tuple["LoggedRun", ...] = ()  # the newest first; an evaluation without its training is its own

    @property
    def judged(self) -> dict[str, str]:
        """The conditions of its first evaluation; empty if it was not evaluated, or by an older version."""
        tags = (self.evaluations or (self,))[0].tags
        return {tag.removeprefix(CONDITION): value for tag, value in tags.items() if tag.startswith(CONDITION)}

    @property
    def failure(self) -> str:
        """What its model failed at on the test data of its first evaluation, or ""."""
        return printable((self.evaluations or (self,))[0].tags.get(FAILURE_TAG, ""))

    def evaluated(self, *evaluations: "LoggedRun") -> "LoggedRun":
        """The same run with these evaluations: the first one's measures and parameters are shown as the run's."""
        metrics = {key: value for key, value in self.metrics.items() if not key.startswith("test")}
        params = {name: value for name, value in self.params.items() if not name.startswith("evaluate.")}
        return replace(
            self,
            metrics=metrics | evaluations[0].metrics,
            params=params | evaluations[0].params,
            evaluations=evaluations,
        )

    def judged_as(self, conditions: Judged) -> "LoggedRun | None":
        """The same run with its newest evaluation under these conditions as its first; None if it has none."""
        for one in self.evaluations:
            found = self.evaluated(one, *(other for other in self.evaluations if other is not one))
            if not not_comparable(found.judged, conditions):
                return found
        return None

    @property
    def experiment(self) -> str:
        """DVC's name, or ""."""
        return well_formed(self.tags.get("dvc.exp.name", ""), EXPERIMENT)

    @property
    def commit(self) -> str:
        """The commit that it started from, as hexadecimal digits, or ""."""
        return well_formed(self.tags.get("mlflow.source.git.commit", ""), COMMIT)

    @property
    def remake(self) -> str:
        """The commands that remake it, safe to paste into a shell, or ""."""
        return well_formed(self.tags.get("ganflow.remake", ""), REMAKE)

    def curve(self, key: str) -> pd.Series:
        """The values of a metric, indexed by step."""
        history = self.client.get_metric_history
        points = history(self.run_id, f"{CURVES}{key}") or history(self.run_id, key)  # the latter of an older version
        return pd.Series({point.step: point.value for point in points}).sort_index()

    def file(self, path: str) -> bytes | None:
        """An artifact's content, fetched once; None if the run or its first evaluation has no such artifact."""
        if path.startswith(MEASURED) and self.evaluations:
            return self.evaluations[0].file(path)
        if path not in self._fetched:
            self._fetched[path] = artifact(self.client, self.run_id, path)
        return self._fetched[path]

    @cached_property
    def _fetched(self) -> dict[str, bytes | None]:
        return {}

    @property
    def validation_score(self) -> ValidationScore | None:
        """Its model's score on the validation split; None if there is none, or it cannot be read."""
        content = self.file(VALIDATION_FILE)
        try:
            return None if content is None else from_text(content.decode())
        except (ValueError, TypeError, KeyError):
            return None

    def validation_in_words(self) -> str:
        """`mean_iou 0.571 ± 0.033`: the validation value that selected its epoch, or "". From its metrics alone."""
        noise = re.compile(rf"{SELECTED}val_(\w+)_pm")
        for key in self.metrics:
            if (found := noise.fullmatch(key)) and key.removesuffix("_pm") in self.metrics:
                value = self.metrics[key.removesuffix("_pm")]
                return f"{found[1].removesuffix('_classifier')} {value:.3f} ± {in_text(self.metrics[key], 3)}"
        return ""

    @property
    def newest_sample(self) -> bytes | None:
        """The last picture of its training, as PNG."""
        return self.file(PICTURE)

    @property
    def table(self) -> dict[str, Any] | None:
        """What evaluate_<task> logged; None if that has not run."""
        content = self.file(f"metrics/{self.task}.json")
        return None if content is None else json.loads(content)

    @property
    def test_images(self) -> pd.DataFrame:
        """A row per test image, of a run that has a table."""
        content = self.file(f"metrics/{self.task}_images.csv")
        assert content is not None, "it is logged together with the table"
        return pd.read_csv(io.BytesIO(content))


def artifact(client: Any, run_id: str, path: str) -> bytes | None:
    """The content of a run's artifact; None if the run has no such artifact.

    Raises:
        MlflowException, OSError: the run or its artifact cannot be read.
    """
    if ".." in path.split("/"):  # a path may contain the name of the experiment, which anyone can choose
        return None
    if path not in [one.path for one in client.list_artifacts(run_id, path.rpartition("/")[0]) if not one.is_dir]:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, path, folder)).read_bytes()


@contextmanager
def open_store() -> Iterator[Any]:
    """A client of the store. In this context MLflow's errors become a UserError.

    Raises:
        UserError: there is no store, or it does not answer.
    """
    if not store.exists():
        raise UserError("there are no runs here yet: the first training makes mlflow.db")
    from mlflow.exceptions import MlflowException

    try:
        yield store.client()
    except MlflowException as fault:
        raise UserError(f"the store of runs does not answer: {store.cause(fault)}") from None


def list_runs(client: Any, task: str | None = None) -> list[LoggedRun]:
    """All trainings, or those of one task, the newest first, each with its evaluations.

    An evaluation whose training is not in the store is listed by itself; one that was cut off is not listed.
    """
    tasks = {one.experiment_id: one.name for one in client.search_experiments() if task in (None, one.name)}
    found: list[LoggedRun] = []
    token = None
    while tasks:
        page = client.search_runs(
            list(tasks), max_results=1000, order_by=["attributes.start_time DESC"], page_token=token
        )
        found += [_logged(client, run, tasks[run.info.experiment_id]) for run in page]
        token = page.token
        if not token:
            break
    return _with_evaluations(found)


def _with_evaluations(runs: list[LoggedRun]) -> list[LoggedRun]:
    trained = {run.run_id for run in runs if TABLE_TAG not in run.tags}
    evaluations: dict[str, list[LoggedRun]] = defaultdict(list)
    listed = []
    for run in runs:
        parent = run.tags.get(PARENT_TAG, "")
        if TABLE_TAG not in run.tags:
            listed.append(run)
        elif run.status == "FINISHED":
            evaluations[parent if parent in trained else run.run_id].append(run)
            if parent not in trained:
                listed.append(run)
    for own in evaluations.values():
        own.sort(key=lambda one: one.started, reverse=True)
    return [run.evaluated(*evaluations[run.run_id]) if run.run_id in evaluations else run for run in listed]


def runs_named(runs: list[LoggedRun], wanted: str) -> dict[str, LoggedRun]:
    """By task, the newest run whose name, experiment or id is `wanted`; else the one whose id begins with it.

    The id of an evaluation stands for its training's run, with this evaluation as its only one.

    Raises:
        UserError: there is none, or several ids begin so.
    """
    by_name: dict[str, LoggedRun] = {}
    for run in runs:
        if wanted in (run.name, run.experiment, run.run_id):
            by_name.setdefault(run.task, run)
    if by_name:
        return by_name
    known = {one.run_id: run.evaluated(one) for run in runs for one in run.evaluations} | {
        run.run_id: run for run in runs
    }
    is_id = re.fullmatch("[0-9a-f]{3,32}", wanted)
    by_id = [run for run_id, run in known.items() if is_id and run_id.startswith(wanted)]
    if len(by_id) > 1:
        ids = ", ".join(f"{run.run_id[:12]} ({run.name})" for run in by_id[:4])
        raise UserError(f"'{wanted}' begins the ids of {len(by_id)} runs: {ids}")
    if not by_id:
        raise UserError(f"no run is called '{wanted}': `ganflow runs` lists them (an id, its beginning, a name)")
    return {by_id[0].task: by_id[0]}


def two_runs(runs: list[LoggedRun], a: str, b: str, task: str | None) -> tuple[LoggedRun, LoggedRun]:
    """The two runs of one task that `a` and `b` stand for, with evaluations that are comparable if they have such.

    Raises:
        UserError: there are none, more than one pair, or they are one run.
    """
    of_a, of_b = runs_named(runs, a), runs_named(runs, b)
    common = [name for name in of_a if name in of_b and task in (None, name)]
    if not common:
        wanted = f" and --task {task}" if task else ""
        tasks = f"'{a}' is of {', '.join(of_a)}, '{b}' of {', '.join(of_b)}{wanted}"
        raise UserError(f"only runs of the same task can be compared: {tasks}")
    if len(common) > 1:
        raise UserError(f"both have runs of {', '.join(common)}: choose one with --task")
    first, second = of_a[common[0]], of_b[common[0]]
    if first.run_id == second.run_id:
        if first.evaluations[:1] == second.evaluations[:1]:
            raise UserError(f"'{a}' and '{b}' are one and the same run, {first.run_id[:12]}")
        return first, second
    alike = (second.judged_as(first.evaluated(one).judged) for one in first.evaluations)
    found = next(filter(None, alike), None)
    return (first, second) if found is None else (first.judged_as(found.judged) or first, found)


def _logged(client: Any, run: Any, task: str) -> LoggedRun:
    info, logged = run.info, run.data.tags.get(LOGGED_TAG, "")
    began = datetime.fromtimestamp(
        (int(logged) if re.fullmatch(r"\d{13}", logged, re.ASCII) else info.start_time) / 1000
    )
    return LoggedRun(
        client,
        task,
        info.run_id,
        printable(info.run_name),
        "KILLED" if is_abandoned(info.status, run.data.tags) else info.status,
        began,
        run.data.params,
        {key.removeprefix(CURVES): value for key, value in run.data.metrics.items()},
        run.data.tags,
    )
