"""Reads runs: finds them by id, name or DVC experiment, with their curves and files."""

import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ganflow.comparison.champion import ValidationScore, from_text
from ganflow.errors import UserError, first_line
from ganflow.tracking import store
from ganflow.tracking.lineage import COMMIT, EXPERIMENT, REMAKE, well_formed

VALIDATION_FILE = "validation.json"  # artifact of a run: its model's score on the validation split
PICTURE = "samples.png"  # artifact of a run: the newest picture of its training


@dataclass(frozen=True)
class LoggedRun:
    """A run as the store has it."""

    client: Any
    task: str
    run_id: str
    name: str
    status: str  # FINISHED, RUNNING, FAILED, KILLED
    started: datetime
    params: dict[str, str]
    metrics: dict[str, float]  # last values
    tags: dict[str, str]

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
        points = self.client.get_metric_history(self.run_id, key)
        return pd.Series({point.step: point.value for point in points}).sort_index()

    def file(self, path: str) -> bytes | None:
        """An artifact's content, fetched once; None if the run has no such artifact."""
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
        raise UserError(f"the store of runs does not answer: {first_line(fault)[:200]}") from None


def list_runs(client: Any, task: str | None = None) -> list[LoggedRun]:
    """All runs, or those of one task, the newest first."""
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
    return found


def runs_named(runs: list[LoggedRun], wanted: str) -> dict[str, LoggedRun]:
    """By task, the newest run whose name, experiment or id is `wanted`; else the one whose id begins with it.

    Raises:
        UserError: there is none, or several ids begin so.
    """
    by_name: dict[str, LoggedRun] = {}
    for run in runs:
        if wanted in (run.name, run.experiment, run.run_id):
            by_name.setdefault(run.task, run)
    if by_name:
        return by_name
    by_id = [run for run in runs if re.fullmatch("[0-9a-f]{3,32}", wanted) and run.run_id.startswith(wanted)]
    if len(by_id) > 1:
        ids = ", ".join(f"{run.run_id[:12]} ({run.name})" for run in by_id[:4])
        raise UserError(f"'{wanted}' begins the ids of {len(by_id)} runs: {ids}")
    if not by_id:
        raise UserError(f"no run is called '{wanted}': `ganflow runs` lists them (an id, its beginning, a name)")
    return {by_id[0].task: by_id[0]}


def two_runs(runs: list[LoggedRun], a: str, b: str, task: str | None) -> tuple[LoggedRun, LoggedRun]:
    """The two runs of one task that `a` and `b` stand for.

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
        raise UserError(f"'{a}' and '{b}' are one and the same run, {first.run_id[:12]}")
    return first, second


def printable(text: str) -> str:
    """`text` without control characters, which could steer a terminal: in a shared store others choose names."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _logged(client: Any, run: Any, task: str) -> LoggedRun:
    began = datetime.fromtimestamp(run.info.start_time / 1000)
    info = run.info
    return LoggedRun(
        client,
        task,
        info.run_id,
        printable(info.run_name),
        info.status,
        began,
        run.data.params,
        run.data.metrics,
        run.data.tags,
    )
