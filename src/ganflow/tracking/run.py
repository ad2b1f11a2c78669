"""A training's run in MLflow, as its stage writes it. (Its evaluations: ganflow.tracking.evaluations.)

Nothing here raises into a training or delays it (ganflow.tracking.background). Every number is also in history.csv and
metrics/*.json.
"""

import re
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.comparison.champion import ValidationScore
from ganflow.config import dotted
from ganflow.errors import UserError
from ganflow.tracking import registry, store
from ganflow.tracking.abandoned import PROCESS_TAG, end_abandoned, this_process
from ganflow.tracking.background import Routine, Writer
from ganflow.tracking.lineage import lineage
from ganflow.tracking.logged_model import Exported, log_once
from ganflow.tracking.machine import SystemSampler, system_sampler
from ganflow.tracking.reading import CURVES, PICTURE, SELECTED, VALIDATION_FILE
from ganflow.tracking.store import NOTE

DRAIN_SECONDS = 60.0  # how long a finished process waits for its last writes to a server (a model's among them)
START_SECONDS = 30.0  # how long a starting one waits for a server's answer
LOCAL = 10  # times as long without a server: local files are slow only on a busy machine
BATCH = 1000  # metrics in one call, MLflow's limit
WEIGHTS_TAG = "ganflow.weights_sha256"
BEST_WEIGHTS_TAG = "ganflow.best_weights_sha256"
TRAINING_TAG = "ganflow.training"
PARENT_TAG = "mlflow.parentRunId"  # MLflow's own: its pages show a run below its parent


@dataclass(frozen=True)
class Dataset:
    """What a model was trained on."""

    name: str
    digest: str
    source: str  # download or generated


@dataclass(frozen=True)
class BestBy:
    """The curve by which the best epoch of a training is chosen."""

    curve: str
    higher: bool  # is better
    epoch_steps: int


def start_run(
    task: str,
    *,
    params: dict[str, Any],
    dataset: Dataset,
    training: str,
    tags: dict[str, str],
    parent: dict[str, str] | None = None,
    best_by: BestBy | None = None,
) -> "Tracker":
    """Begin the run of one training in the experiment `task`, or continue it.

    `training` is the training's own id, chosen before there is a run: the run carries it as a tag from its first
    moment, so that no kill leaves a run that cannot be found again. `parent`: tags one of which the run that it
    builds on has; of several runs the newest is meant.

    With `best_by` the values at the best epoch so far stand beside the last ones, as selected/<curve> and
    selected/epoch.
    """

    def open_run(client: Any) -> str:
        experiment = store.experiment(client, task)
        found = client.search_runs([experiment], f"tags.`{TRAINING_TAG}` = '{training}'", max_results=1)
        if found:
            run_id = found[0].info.run_id
            client.set_tag(run_id, PROCESS_TAG, this_process())
            client.update_run(run_id, "RUNNING")
        else:
            origin = lineage(task)
            all_tags = {TRAINING_TAG: training, NOTE: origin.description(), PROCESS_TAG: this_process()}
            all_tags |= tags | origin.tags()
            if parent and (builds_on := _newest_with(client, parent)):
                all_tags[PARENT_TAG] = builds_on
            name = origin.name(task, params, dataset.source)
            run_id = client.create_run(experiment, tags=all_tags, run_name=name).info.run_id
        _describe(client, run_id, params, dataset)
        end_abandoned(client, experiment)
        return run_id

    return Tracker(open_run, best_by)


class Tracker:
    """One MLflow run, whose id `open_run` gives. Its methods return at once; `finish` waits for what is unwritten."""

    run_id: str | None = None
    parent: str | None = None  # the id of the run that this one builds on

    def __init__(self, open_run: Callable[[Any], str], best_by: BestBy | None = None) -> None:
        self._points: list[tuple[str, float, int]] = []  # waiting to be sent in one call
        self._lock = threading.Lock()
        self._client: Any = None
        self._last: dict[
            str, tuple[int, float]
        ] = {}  # key: newest step and value in the run; a resumed training repeats some
        self._images: set[tuple[str, int]] = set()  # key and step of the pictures already in the run
        self._best_by, self._best = best_by, None
        self._sampler: SystemSampler | None = None
        self._machine_step = 0  # samples so far, as MLflow counts them
        self._writer = Writer("MLflow tracking")

        def begin() -> None:
            self._client = store.client()
            self.run_id = open_run(self._client)
            self._read_logged()

        self._writer.wait_for(begin, time_limit(START_SECONDS))
        self._writer.put(self._watch_machine)

    def metrics(self, values: dict[str, float], step: int) -> None:
        """Log points of curves, except at steps that the run already has."""
        with self._lock:
            curves = {f"{CURVES}{key}": value for key, value in values.items()}
            self._points += [(key, value, step) for key, value in (curves | self._best_of(values, step)).items()]
        self._writer.put(self._send_points)

    def _best_of(self, values: dict[str, float], step: int) -> dict[str, float]:
        """The validation's values under SELECTED, where they are the best so far (of equal ones the earlier)."""
        by = self._best_by
        if by is None or by.curve not in values:
            return {}
        value = values[by.curve]
        if self._best is not None and not (value > self._best if by.higher else value < self._best):
            return {}
        self._best = value
        measured = {f"{SELECTED}{key}": found for key, found in values.items() if key.startswith("val_")}
        return measured | {f"{SELECTED}epoch": float(step // by.epoch_steps)}

    def image(self, image: Image.Image, key: str, step: int) -> None:
        """Log a picture. MLflow's page has a slider over all steps of a key; the run's description shows the newest."""

        def send() -> None:
            if (key, step) in self._images:
                return
            self._client.log_image(self.run_id, image, key=key, step=step)
            with tempfile.TemporaryDirectory() as folder:
                image.save(Path(folder) / PICTURE)
                self._client.log_artifact(self.run_id, str(Path(folder) / PICTURE))
            note = self._client.get_run(self.run_id).data.tags.get(NOTE, "")
            if PICTURE not in note:
                # A relative address works on any server. It comes after the commands, because the page shows only the
                # first hundred pixels or so of a description until it is opened.
                shown = f"![The newest samples](get-artifact?path={PICTURE}&run_uuid={self.run_id})"
                parts = note.split("\n\n")
                parts.insert(2, shown)
                self._client.set_tag(self.run_id, NOTE, "\n\n".join(parts))

        self._writer.put(send)

    def file(self, path: Path, folder: str) -> None:
        """Log a file as an artifact below `folder`."""
        self._writer.put(lambda: self._client.log_artifact(self.run_id, str(path), folder))

    def tag(self, key: str, value: str) -> None:
        self._writer.put(lambda: self._client.set_tag(self.run_id, key, value))

    def model(
        self,
        model: Path,
        example: np.ndarray,
        name: str,
        score: ValidationScore | None = None,
    ) -> None:
        """Log the model in the folder `model` in MLflow's own format: no pickle, with signature and example.

        It becomes the next version of the registered model of the run's experiment, and its champion if its validation
        `score` is better by more than the noise (ganflow.comparison.champion).

        It is copied in this thread, and only sent in the background: the folder may be replaced meanwhile.
        """
        if self._writer.gave_up:
            return
        try:
            folder = tempfile.TemporaryDirectory(prefix="ganflow-model-")
            exported = Exported(model, example, Path(folder.name))
        except Exception as fault:
            self._writer.give_up(store.cause(fault))
            return

        def send() -> None:
            with folder:
                run = self._client.get_run(self.run_id)
                model_id = log_once(self._client, run, exported, name)
            if score is not None:
                self._client.log_text(self.run_id, score.text(), VALIDATION_FILE)
                noise = {f"{SELECTED}val_{score.measure}_pm": score.plus_minus}
                self._send([(key, value, 0) for key, value in noise.items() if key not in self._last])
            task = self._client.get_experiment(run.info.experiment_id).name
            registry.register(self._client, task, run.info.run_id, model_id, score)

        self._writer.put(send)

    def finish(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED, once everything is written or the time limit is reached."""

        def end() -> None:
            if self.run_id is not None:
                self._client.set_terminated(self.run_id, status)

        self._writer.put(self._measure_machine)
        self._writer.close(end, time_limit(DRAIN_SECONDS))

    def _watch_machine(self) -> None:
        if self.run_id is not None and (found := system_sampler(self.run_id)):
            self._sampler = found
            self._writer.routine = Routine(self._measure_machine, lambda: found.wait)

    def _measure_machine(self) -> None:
        if self._sampler is None:
            return
        try:
            found = self._sampler.sample()
        except Exception:  # a driver's fault, say: the run goes on without system metrics
            self._sampler = self._writer.routine = None
            return
        self._machine_step += 1
        self._send([(key, value, self._machine_step) for key, value in found.items()])

    def _read_logged(self) -> None:
        """Note which points and pictures the run already has."""
        data = self._client.get_run(self.run_id).data
        self.parent = data.tags.get(PARENT_TAG)
        for key, value in data.metrics.items():
            self._last[key] = (max(point.step for point in self._client.get_metric_history(self.run_id, key)), value)
            if key.startswith("system/"):
                self._machine_step = self._last[key][0]
        for artifact in self._client.list_artifacts(self.run_id, "images"):
            # MLflow's file names. The thumbnail is written last: a picture without one is incomplete, and logged again.
            named = re.match(r"(.+)([+%])step\2(\d+)\2.*compressed", Path(artifact.path).name)
            if named:
                self._images.add((named[1], int(named[3])))

    def _send_points(self) -> None:
        with self._lock:
            waiting, self._points = self._points, []
        self._send([(key, value, step) for key, value, step in waiting if step > self._last.get(key, (-1, 0))[0]])

    def _send(self, points: list[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(key, value, now, step) for key, value, step in points]
        for begin in range(0, len(metrics), BATCH):
            self._client.log_batch(self.run_id, metrics=metrics[begin : begin + BATCH])


def time_limit(seconds: float) -> float:
    """`seconds` for a server, which may be down; more for local files, which a slow machine only delays."""
    try:
        return seconds * (1 if store.is_remote() else LOCAL)
    except UserError:  # the writer meets the same error, and reports it
        return seconds


def _newest_with(client: Any, tags: dict[str, str]) -> str | None:
    """The id of the newest run, of any experiment, with one of these tags."""
    experiments = [one.experiment_id for one in client.search_experiments()]
    for tag, value in tags.items():
        if found := client.search_runs(experiments, f"tags.`{tag}` = '{value}'", max_results=1):
            return found[0].info.run_id
    return None


def _describe(client: Any, run_id: str, params: dict[str, Any], dataset: Dataset) -> None:
    """Log parameters and data. Logging them again changes nothing."""
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import DatasetInput, InputTag, Param
    from mlflow.exceptions import MlflowException

    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in dotted(params).items()])
    described = MlflowDataset(dataset.name, dataset.digest[:36], dataset.source, f'{{"source": "{dataset.source}"}}')
    inputs = [DatasetInput(described, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException:  # another training logged the same data set at this moment: now it exists
        client.log_inputs(run_id, inputs)
    client.set_tag(run_id, "ganflow.data_sha256", dataset.digest)
