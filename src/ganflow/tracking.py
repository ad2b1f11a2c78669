"""Runs in MLflow. The only file that imports it, and late: the import takes seconds.

Nothing here ever raises into a training or holds it up: writes go through one background thread, the first failure
ends tracking for this process with one line on stderr, and every number is in history.csv and metrics/*.json anyway.
"""

import contextlib
import logging
import os
import queue
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ganflow.files import locked, project_root

DRAIN_SECONDS = 60.0  # that a finished process waits for its last writes (a model's upload among them)
START_SECONDS = 20.0  # that a starting one waits for its run
BATCH = 1000  # metrics in one call, MLflow's limit
WEIGHTS_TAG = "ganflow.weights_sha256"
TRAINING_TAG = "ganflow.training"
KIND = {"mlflow.experimentKind": "custom_model_development"}  # the UI then opens on runs, not on its page for agents


@dataclass(frozen=True)
class Dataset:
    """What a model was trained on."""

    name: str
    digest: str
    source: str  # download or generated


def start(task: str, *, params: dict[str, Any], dataset: Dataset, training: str, tags: dict[str, str]) -> "Tracker":
    """Begin the run of one training in the experiment `task`, or go on with it.

    `training` is the training's own id, chosen before there is a run: the run carries it as a tag from its first
    moment, so that no kill leaves a run that nobody finds again.
    """

    def open_run(client: Any) -> tuple[str, bool]:
        experiment = _experiment(client, task)
        found = client.search_runs([experiment], f"tags.`{TRAINING_TAG}` = '{training}'", max_results=1)
        if found:
            run_id = found[0].info.run_id
            client.update_run(run_id, "RUNNING")
        else:
            name = os.environ.get("DVC_EXP_NAME") or f"{task}, seed {params['seed']}"
            all_tags = {TRAINING_TAG: training} | tags | _lineage()
            run_id = client.create_run(experiment, tags=all_tags, run_name=name).info.run_id
        _describe(client, run_id, params, dataset)
        return run_id, True

    return Tracker(open_run)


def attach(task: str, weights_digest: str) -> "Tracker":
    """Go on with the newest run in the experiment `task` that trained the weights with this digest.

    Where there is none (a deleted store, results that came from DVC's run cache), a run of its own takes what comes.
    """

    def open_run(client: Any) -> tuple[str, bool]:
        experiment = _experiment(client, task)
        found = client.search_runs([experiment], f"tags.`{WEIGHTS_TAG}` = '{weights_digest}'", max_results=1)
        if found:
            return found[0].info.run_id, False
        tags = {WEIGHTS_TAG: weights_digest, "ganflow.role": "evaluation only", **_lineage()}
        return client.create_run(experiment, tags=tags, run_name=f"{task} (evaluation only)").info.run_id, True

    return Tracker(open_run)


class Tracker:
    """One MLflow run. Its methods return at once; `finish` waits for what is still to be written.

    `open_run` gives the run's id, and whether the run ends when this tracker does (an attached one ended before: its
    end stays the end of the training).
    """

    run_id: str | None = None

    def __init__(self, open_run: Callable[[Any], tuple[str, bool]]) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()  # None: the end
        self._points: list[tuple[str, float, int]] = []  # waiting to be sent in one call
        self._lock = threading.Lock()
        self._failed = False
        self._client: Any = None
        self._ends = False
        self._last: dict[str, tuple[int, float]] = {}  # newest step and value already in the run: a resumption repeats
        self._images: dict[tuple[str, int], list[str]] = {}  # files of a key and step: the picture and its thumbnail
        self._worker = threading.Thread(target=self._run, daemon=True, name="tracking")
        self._worker.start()
        opened = threading.Event()

        def begin() -> None:
            try:
                self._client = _client()
                self.run_id, self._ends = open_run(self._client)
                self._recall()
            finally:
                opened.set()

        self._work.put(begin)
        if not opened.wait(START_SECONDS):
            self._give_up(f"no answer within {START_SECONDS:.0f} s")

    def metrics(self, values: dict[str, float], step: int) -> None:
        """Points of curves. Those of steps that the run already has are left out."""
        with self._lock:
            self._points += [(key, value, step) for key, value in values.items()]
        self._put(self._send_points)

    def results(self, values: dict[str, float]) -> None:
        """Final numbers, which have no step. One measured anew, and otherwise than before, replaces the old one."""

        def send() -> None:
            self._send([(key, value, 0) for key, value in values.items() if self._last.get(key) != (0, value)])

        self._put(send)

    def image(self, image: Image.Image, key: str, step: int) -> None:
        """A picture of step `step`: the UI shows all steps of a key with a slider."""

        def send() -> None:
            match self._images.get((key, step)):
                case None:
                    self._client.log_image(self.run_id, image, key=key, step=step)
                case [picture]:  # killed between the two
                    self._send_thumbnail(image, picture)

        self._put(send)

    def file(self, path: Path, folder: str) -> None:
        """A file as an artifact below `folder`."""
        self._put(lambda: self._client.log_artifact(self.run_id, str(path), folder))

    def tag(self, key: str, value: str) -> None:
        self._put(lambda: self._client.set_tag(self.run_id, key, value))

    def model(self, network: torch.nn.Module, example: torch.Tensor, name: str) -> None:
        """The network in MLflow's own format: no pickle, with signature and example, for load_model and serving.

        It is exported here and now, and only sent in the background: a process that ends while another of its threads
        is inside torch's C++ aborts.
        """
        if self._failed:
            return
        folder = tempfile.TemporaryDirectory(prefix="ganflow-model-")
        try:
            _export(network, example, Path(folder.name))
        except Exception as fault:
            self._give_up(_first_line(fault))

        def send() -> None:
            with folder:
                self._send_model(Path(folder.name), name)

        self._put(send)

    def finish(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED, once all is written or the time for it is up."""
        self._put(lambda: self._client.set_terminated(self.run_id, status) if self._ends else None)
        self._work.put(None)
        if not self._failed:
            self._worker.join(DRAIN_SECONDS)
            if self._worker.is_alive():
                self._give_up(f"not all was written within {DRAIN_SECONDS:.0f} s")

    def _put(self, work: Callable[[], None]) -> None:
        if not self._failed:
            self._work.put(work)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            if self._failed:
                continue
            try:
                work()
            except Exception as fault:  # whatever it is, the training goes on
                self._give_up(_first_line(fault))

    def _give_up(self, reason: str) -> None:
        with self._lock:
            if not self._failed:
                # One write, and before anyone can see the failure and end the process: a line is never cut off.
                sys.stderr.write(f"warning: MLflow tracking is off from here on: {reason[:200]}\n")
                self._failed = True

    def _recall(self) -> None:
        """What the run already holds of curves and pictures."""
        for key, value in self._client.get_run(self.run_id).data.metrics.items():
            self._last[key] = (max(point.step for point in self._client.get_metric_history(self.run_id, key)), value)
        for artifact in self._client.list_artifacts(self.run_id, "images"):
            if named := re.match(r"(.+)([+%])step\2(\d+)\2", Path(artifact.path).name):  # MLflow's own naming
                self._images.setdefault((named[1], int(named[3])), []).append(artifact.path)

    def _send_thumbnail(self, image: Image.Image, picture: str) -> None:
        """What MlflowClient.log_image does after it has sent the picture itself."""
        from mlflow.tracking.multimedia import compress_image_size
        from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES

        with tempfile.TemporaryDirectory(prefix="ganflow-thumbnail-") as folder:
            path = Path(folder) / f"{Path(picture).stem}+compressed.webp"
            compress_image_size(image).save(path)
            self._client.log_artifact(self.run_id, str(path), "images")
        self._client.set_tag(self.run_id, MLFLOW_LOGGED_IMAGES, True)

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

    def _send_model(self, folder: Path, name: str) -> None:
        """What mlflow.pytorch.log_model does after its export."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus
        from mlflow.models import Model

        run = self._client.get_run(self.run_id)
        # A resumed training may have sent it before, or some of it.
        begun = self._client.search_logged_models([run.info.experiment_id], f"source_run_id = '{self.run_id}'")
        logged = begun[0] if begun else None
        if logged is None:
            logged = self._client.create_logged_model(
                run.info.experiment_id, name, source_run_id=self.run_id, params=run.data.params
            )
        if logged.status == LoggedModelStatus.READY:
            return
        if not (run.outputs and run.outputs.model_outputs):
            self._client.log_outputs(self.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        described = Model.load(str(folder))
        described.run_id, described.model_id, described.model_uuid = self.run_id, logged.model_id, logged.model_id
        described.artifact_path = logged.artifact_location
        described.save(str(folder / "MLmodel"))
        self._client.log_model_artifacts(logged.model_id, str(folder))
        self._client.finalize_logged_model(logged.model_id, "READY")


def _export(network: torch.nn.Module, example: torch.Tensor, folder: Path) -> None:
    from mlflow.models import infer_signature
    from mlflow.pytorch import save_model

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_model(
            network,
            str(folder),
            signature=infer_signature(example.numpy(), network(example).numpy()),
            input_example=example.numpy(),
            pip_requirements=[f"torch=={torch.__version__.split('+')[0]}"],
        )


def _first_line(fault: Exception) -> str:
    return (str(fault).strip() or type(fault).__name__).splitlines()[0]


def _describe(client: Any, run_id: str, params: dict[str, Any], dataset: Dataset) -> None:
    """Parameters and data. Said again, they change nothing."""
    from mlflow.entities import Dataset as MlflowDataset
    from mlflow.entities import DatasetInput, InputTag, Param
    from mlflow.exceptions import MlflowException

    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in _flat(params).items()])
    described = MlflowDataset(dataset.name, dataset.digest[:36], dataset.source, f'{{"source": "{dataset.source}"}}')
    inputs = [DatasetInput(described, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException:  # another training brought the same data set at this very moment: now it is there
        client.log_inputs(run_id, inputs)
    client.set_tag(run_id, "ganflow.data_sha256", dataset.digest)


def _flat(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in params.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _lineage() -> dict[str, str]:
    """Where this run comes from, as tags: the commit, whether files differed from it, and DVC's experiment."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    tags = {
        "mlflow.source.git.commit": git("rev-parse", "--verify", "--quiet", "HEAD"),
        "git.dirty": str(bool(git("status", "--porcelain"))),
    }
    for tag, variable in {
        "dvc.stage": "DVC_STAGE",
        "dvc.exp.name": "DVC_EXP_NAME",
        "dvc.exp.baseline": "DVC_EXP_BASELINE_REV",
    }.items():
        tags[tag] = os.environ.get(variable, "")
    return {tag: value for tag, value in tags.items() if value}


def _experiment(client: Any, task: str) -> str:
    """The experiment's id; made if it is not there (another process may make it at the same moment)."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(task):
        return found.experiment_id
    # A server decides itself where artifacts go.
    ours = client.tracking_uri == _store_uri(project_root())
    where = (project_root() / "mlruns" / task).as_uri() if ours else None
    try:
        return client.create_experiment(task, artifact_location=where, tags=KIND)
    except MlflowException:
        if found := client.get_experiment_by_name(task):
            return found.experiment_id
        raise


def _client() -> Any:
    """A client of the store at MLFLOW_TRACKING_URI, or of <root>/mlflow.db, which is created if need be."""
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic", "torch.export"):
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _local_store(project_root())
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)


def _local_store(root: Path) -> str:
    """The address of <root>/mlflow.db, whole: made under a lock and under another name first.

    Two processes that create one sqlite store at once break it for good, and so does a kill while tables are made.
    """
    store = root / "mlflow.db"
    with locked(root / ".mlflow.db.lock", wait=True):
        if not store.exists():
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            fresh = root / ".mlflow.db.fresh"
            for leftover in root.glob(".mlflow.db.fresh*"):
                leftover.unlink()
            SqlAlchemyStore(f"sqlite:///{fresh}", (root / "mlruns").as_uri())
            with contextlib.closing(sqlite3.connect(fresh)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                database.execute("PRAGMA journal_mode=DELETE")
            fresh.replace(store)
    return _store_uri(root)


def _store_uri(root: Path) -> str:
    return f"sqlite:///{root / 'mlflow.db'}"
