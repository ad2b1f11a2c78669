"""Runs in MLflow, as stages write them. Only this file and ganflow.runs import it, and late: the import takes seconds.

Nothing here ever raises into a training or holds it up: writes go through one background thread, the first failure
ends tracking for this process with one line on stderr, and every number is in history.csv and metrics/*.json anyway.
"""

import queue
import re
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

from ganflow.comparison.champion import Judged
from ganflow.config import dotted
from ganflow.tracking import registry, store
from ganflow.tracking.lineage import lineage
from ganflow.tracking.machine import Gauge, gauge
from ganflow.tracking.store import NOTE

DRAIN_SECONDS = 60.0  # that a finished process waits for a server to take its last writes (a model's among them)
START_SECONDS = 30.0  # that a starting one waits for a server's answer
LOCAL = 10  # times as long where there is no server, only files: whatever takes long then is a busy machine
BATCH = 1000  # metrics in one call, MLflow's limit
WEIGHTS_TAG = "ganflow.weights_sha256"
TRAINING_TAG = "ganflow.training"
PICTURE = "samples.png"  # artifact: the newest picture of the training, shown in the description


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


def start(
    task: str,
    *,
    params: dict[str, Any],
    dataset: Dataset,
    training: str,
    tags: dict[str, str],
    best_by: BestBy | None = None,
) -> "Tracker":
    """Begin the run of one training in the experiment `task`, or go on with it.

    `training` is the training's own id, chosen before there is a run: the run carries it as a tag from its first
    moment, so that no kill leaves a run that nobody finds again.

    With `best_by` the values at the best epoch so far stand beside the last ones, as best/<curve> and best/epoch.
    """

    def open_run(client: Any) -> tuple[str, bool]:
        experiment = store.experiment(client, task)
        found = client.search_runs([experiment], f"tags.`{TRAINING_TAG}` = '{training}'", max_results=1)
        if found:
            run_id = found[0].info.run_id
            client.update_run(run_id, "RUNNING")
        else:
            origin = lineage(task)
            all_tags = {TRAINING_TAG: training, NOTE: origin.description()} | tags | origin.tags()
            name = origin.name(task, params, dataset.source)
            run_id = client.create_run(experiment, tags=all_tags, run_name=name).info.run_id
        _describe(client, run_id, params, dataset)
        return run_id, True

    return Tracker(open_run, best_by)


def attach(task: str, weights_digest: str) -> "Tracker":
    """Go on with the newest run in the experiment `task` that trained the weights with this digest.

    Where there is none (a deleted store, results that came from DVC's run cache), a run of its own takes what comes.
    """

    def open_run(client: Any) -> tuple[str, bool]:
        experiment = store.experiment(client, task)
        found = client.search_runs([experiment], f"tags.`{WEIGHTS_TAG}` = '{weights_digest}'", max_results=1)
        if found:
            return found[0].info.run_id, False
        tags = {WEIGHTS_TAG: weights_digest, "ganflow.role": "evaluation only", **lineage(task).tags()}
        return client.create_run(experiment, tags=tags, run_name=f"{task} (evaluation only)").info.run_id, True

    return Tracker(open_run)


class Tracker:
    """One MLflow run. Its methods return at once; `finish` waits for what is still to be written.

    `open_run` gives the run's id, and whether the run ends when this tracker does (an attached one ended before: its
    end stays the end of the training).
    """

    run_id: str | None = None

    def __init__(self, open_run: Callable[[Any], tuple[str, bool]], best_by: BestBy | None = None) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()  # None: the end
        self._points: list[tuple[str, float, int]] = []  # waiting to be sent in one call
        self._lock = threading.Lock()
        self._failed = False
        self._client: Any = None
        self._ends = False
        self._last: dict[str, tuple[int, float]] = {}  # newest step and value already in the run: a resumption repeats
        self._images: dict[tuple[str, int], list[str]] = {}  # files of a key and step: the picture and its thumbnail
        self._best_by, self._best = best_by, None
        self._gauge: Gauge | None = None  # of a run that trains here
        self._machine_step = 0  # samples so far, as MLflow counts them
        self._worker = threading.Thread(target=self._run, daemon=True, name="tracking")
        self._worker.start()
        opened = threading.Event()

        def begin() -> None:
            try:
                self._client = store.client()
                self.run_id, self._ends = open_run(self._client)
                self._recall()
            finally:
                opened.set()
            if self._ends:
                self._gauge = gauge(self.run_id)

        self._work.put(begin)
        limit = START_SECONDS * (1 if store.is_remote() else LOCAL)
        if not opened.wait(limit):
            self._give_up(f"no answer within {limit:.0f} s")

    def metrics(self, values: dict[str, float], step: int) -> None:
        """Points of curves. Those of steps that the run already has are left out."""
        with self._lock:
            self._points += [(key, value, step) for key, value in (values | self._best_of(values, step)).items()]
        self._put(self._send_points)

    def _best_of(self, values: dict[str, float], step: int) -> dict[str, float]:
        """The validation's values under best/, where they are the best so far (of equal ones the earlier is kept)."""
        by = self._best_by
        if by is None or by.curve not in values:
            return {}
        value = values[by.curve]
        if self._best is not None and not (value > self._best if by.higher else value < self._best):
            return {}
        self._best = value
        measured = {f"best/{key}": found for key, found in values.items() if key.startswith("val_")}
        return measured | {"best/epoch": float(step // by.epoch_steps)}

    def results(self, values: dict[str, float]) -> None:
        """Final numbers, which have no step. One measured anew, and otherwise than before, replaces the old one."""

        def send() -> None:
            self._send([(key, value, 0) for key, value in values.items() if self._last.get(key) != (0, value)])

        self._put(send)

    def image(self, image: Image.Image, key: str, step: int) -> None:
        """A picture of step `step`: the UI shows all steps of a key with a slider, and the description the newest."""

        def send() -> None:
            match self._images.get((key, step)):
                case None:
                    self._client.log_image(self.run_id, image, key=key, step=step)
                case [picture]:  # killed between the two
                    self._send_thumbnail(image, picture)
                case _:
                    return
            with tempfile.TemporaryDirectory() as folder:
                image.save(Path(folder) / PICTURE)
                self._client.log_artifact(self.run_id, str(Path(folder) / PICTURE))
            note = self._client.get_run(self.run_id).data.tags.get(NOTE, "")
            if PICTURE not in note:
                # Relative: the page's own server has it, wherever that is. Behind the commands: the page shows some
                # hundred pixels of a description until it is opened.
                shown = f"![The newest samples](get-artifact?path={PICTURE}&run_uuid={self.run_id})"
                parts = note.split("\n\n")
                parts.insert(2, shown)
                self._client.set_tag(self.run_id, NOTE, "\n\n".join(parts))

        self._put(send)

    def file(self, path: Path, folder: str) -> None:
        """A file as an artifact below `folder`."""
        self._put(lambda: self._client.log_artifact(self.run_id, str(path), folder))

    def also(self, work: Callable[[Any], None]) -> None:
        """Anything else to be done with the store's client, on the same terms."""
        self._put(lambda: work(self._client))

    def tag(self, key: str, value: str) -> None:
        self._put(lambda: self._client.set_tag(self.run_id, key, value))

    def model(self, network: torch.nn.Module, example: torch.Tensor, name: str, judged: Judged | None = None) -> None:
        """The network in MLflow's own format: no pickle, with signature and example, for load_model and serving.

        It becomes the next version of the registered model of the run's experiment, and its champion if what the
        validation says of it (`judged`) is better by more than its noise: ganflow.comparison.champion.

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
                run = self._client.get_run(self.run_id)
                model_id = self._send_model(run, Path(folder.name), name)
            if judged is not None:
                self._client.log_text(self.run_id, judged.text(), registry.JUDGED)
                noise = {f"best/val_{judged.measure}_pm": judged.plus_minus}
                self._send([(key, value, 0) for key, value in noise.items() if key not in self._last])
            task = self._client.get_experiment(run.info.experiment_id).name
            registry.register(self._client, task, run.info.run_id, model_id, judged)

        self._put(send)

    def finish(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED, once all is written or the time for it is up."""

        def end() -> None:
            if self._ends:
                self._measure_machine()
                self._client.set_terminated(self.run_id, status)

        self._put(end)
        self._work.put(None)
        if not self._failed:
            limit = DRAIN_SECONDS * (1 if store.is_remote() else LOCAL)
            self._worker.join(limit)
            if self._worker.is_alive():
                self._give_up(f"not all was written within {limit:.0f} s")

    def _put(self, work: Callable[[], None]) -> None:
        if not self._failed:
            self._work.put(work)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            if self._failed:
                continue
            try:
                work()
            except Exception as fault:  # whatever it is, the training goes on
                self._give_up(_first_line(fault))

    def _next(self) -> Callable[[], None] | None:
        """What there is to do; where there is nothing for a while, a look at the machine."""
        try:
            return self._work.get(timeout=self._gauge.wait if self._gauge else None)
        except queue.Empty:
            return self._measure_machine

    def _measure_machine(self) -> None:
        if self._gauge is None:
            return
        try:
            found = self._gauge.sample()
        except Exception:  # a driver's whim: the curves go on without it
            self._gauge = None
            return
        self._machine_step += 1
        self._send([(key, value, self._machine_step) for key, value in found.items()])

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
            if key.startswith("system/"):
                self._machine_step = self._last[key][0]
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

    def _send_model(self, run: Any, folder: Path, name: str) -> str:
        """What mlflow.pytorch.log_model does after its export. Returns the logged model's id."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus
        from mlflow.models import Model

        # A resumed training may have sent it before, or some of it.
        begun = self._client.search_logged_models([run.info.experiment_id], f"source_run_id = '{self.run_id}'")
        logged = begun[0] if begun else None
        if logged is None:
            logged = self._client.create_logged_model(
                run.info.experiment_id, name, source_run_id=self.run_id, params=run.data.params
            )
        if logged.status == LoggedModelStatus.READY:
            return logged.model_id
        if not (run.outputs and run.outputs.model_outputs):
            self._client.log_outputs(self.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        described = Model.load(str(folder))
        described.run_id, described.model_id, described.model_uuid = self.run_id, logged.model_id, logged.model_id
        described.artifact_path = logged.artifact_location
        described.save(str(folder / "MLmodel"))
        self._client.log_model_artifacts(logged.model_id, str(folder))
        self._client.finalize_logged_model(logged.model_id, "READY")
        return logged.model_id


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

    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in dotted(params).items()])
    described = MlflowDataset(dataset.name, dataset.digest[:36], dataset.source, f'{{"source": "{dataset.source}"}}')
    inputs = [DatasetInput(described, [InputTag("mlflow.data.context", "training")])]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException:  # another training brought the same data set at this very moment: now it is there
        client.log_inputs(run_id, inputs)
    client.set_tag(run_id, "ganflow.data_sha256", dataset.digest)
