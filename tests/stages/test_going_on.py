"""Going on from what was trained: with more epochs, to the same bytes as from scratch; or from given weights."""

import json
import os
import runpy
import shutil
import signal
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import torch
from workspace import ROOT, TASKS, outs, project

from ganflow import config
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.pipeline import checkpoint_folders
from ganflow.pipeline.starts import check_starts
from ganflow.tracking.run import PARENT_TAG
from ganflow.training import gan, loop, run
from ganflow.training.lifetime import Stopped

ADD = loop._History.add
SMALL = {"gan": {"batch_size": 512}, "cgan": {"batch_size": 512}, "pix2pix": {}, "cvae": {}, "cyclegan": {}}


class NoTracker:
    """In the place of MLflow's, which takes seconds, as does the noise of what the validation found."""

    parent = None

    def __init__(self, *_: object, **__: object) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "start_run", NoTracker)
    monkeypatch.setattr(run, "_validation_result", lambda *_: None)
    monkeypatch.setattr(gan, "RECALIBRATION_BATCHES", 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with prepared data and an untrained classifier."""
    folder = project(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("mnist", "maps"):
            stage(f"prepare_{name}")
    torch.manual_seed(0)
    saved.save_network(folder / "models/classifier", DigitClassifier(), {}, {})
    return folder


def stage(name: str) -> None:
    """Run a stage in this process and folder."""
    runpy.run_path(str(ROOT / f"stages/{name}.py"), run_name="stage")["main"]()


class Place:
    """Trainings of one model in a folder of its own, run in this process."""

    def __init__(self, folder: Path, data: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._task, self._patch = project(folder), task, monkeypatch
        (folder / "data/prepared").symlink_to(data / "data/prepared")
        (folder / "models").mkdir()
        (folder / "models/classifier").symlink_to(data / "models/classifier")

    def train(self, epochs: int, decay_epochs: int = 1, **changes: object) -> dict[str, bytes]:
        """Train, and let DVC have committed the outs. Returns them."""
        self.set(epochs, decay_epochs, **changes)
        stage(f"train_{self._task}")
        found = outs(self.folder)
        for path in self.folder.glob(f"checkpoints/*/*/{checkpoint_folders.FINISHED}"):
            digest = checkpoint_folders.read_object(path)["history_md5"]
            (self.folder / "dvc.lock").write_text(f"md5: {digest}\n")
        checkpoint_folders.release([f"models/{self._task}"])
        return found

    def set(self, epochs: int, decay_epochs: int = 1, **changes: object) -> None:
        """Write the parameters, and make the folder the current one."""
        length = {"epochs": epochs, "decay_epochs": decay_epochs}
        project(self.folder, **{self._task: SMALL[self._task] | length | changes})
        self._patch.chdir(self.folder)
        self._patch.setenv("DVC_ROOT", str(self.folder))


def steps_counted(monkeypatch: pytest.MonkeyPatch, stop_after: int = 0) -> list[int]:
    """The number of each step that is taken from now on. After one of them SIGTERM may be sent."""
    taken: list[int] = []

    def add(self: loop._History, step: int, scalars: dict[str, torch.Tensor]) -> None:
        taken.append(step)
        ADD(self, step, scalars)
        if step == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(loop._History, "add", add)
    return taken


@pytest.mark.usefixtures("untracked")
@pytest.mark.parametrize("task", TASKS)
def test_a_longer_training_is_the_shorter_one_continued(
    data: Path,
    tmp_path: Path,
    task: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """3, then 6 epochs, of which the rate falls in the last: the bytes of 6, and no step of the first two repeated."""
    expected = Place(tmp_path / "from scratch", data, task, monkeypatch).train(6)
    longer = Place(tmp_path / "longer", data, task, monkeypatch)
    longer.train(3)
    taken = steps_counted(monkeypatch)
    capsys.readouterr()
    assert longer.train(6) == expected
    assert f"{task}: going on from epoch 2 of an earlier training\n" in capsys.readouterr().err
    steps = int(pd.read_csv(longer.folder / f"metrics/history/{task}.csv")["step"].iloc[-1])
    assert taken == list(range(steps * 2 // 6 + 1, steps + 1))
    kept = checkpoint_folders.list_folders(longer.folder)
    assert [(one.step * 6 // steps, one.state, one.other) for one in kept] == [(2, "kept", ""), (5, "kept", "")]


@pytest.mark.usefixtures("untracked")
def test_it_goes_on_from_an_interrupted_training_too_and_survives_an_interruption_itself(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Place(tmp_path / "from scratch", data, "pix2pix", monkeypatch).train(6)
    longer = Place(tmp_path / "longer", data, "pix2pix", monkeypatch)
    steps = int(pd.read_csv(tmp_path / "from scratch/metrics/history/pix2pix.csv")["step"].iloc[-1])
    for epochs, last in ((9, 8), (6, 9), (6, steps - 2)):  # steps: in the second epoch, right after it, in the last
        taken = steps_counted(monkeypatch, stop_after=last)
        with pytest.raises(Stopped):
            longer.train(epochs)
        assert taken[-1] == last
    taken = steps_counted(monkeypatch)
    assert longer.train(6) == expected
    assert taken == [steps - 1, steps]


@pytest.mark.usefixtures("untracked")
def test_only_a_training_that_differs_in_its_length_alone_is_continued(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "changes", data, "pix2pix", monkeypatch)
    place.train(3)
    # Another rate, the same again, a shorter one.
    trainings: list[tuple[int, dict[str, Any]]] = [(6, {"learning_rate": 0.0003}), (3, {}), (2, {})]
    for epochs, changes in trainings:
        taken = steps_counted(monkeypatch)
        place.train(epochs, **changes)
        assert taken[0] == 1, (epochs, changes)


def test_the_longer_training_has_a_run_of_its_own_below_the_shorter_ones(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the points and pictures of all epochs, each once."""
    place = Place(tmp_path / "tracked", data, "pix2pix", monkeypatch)
    place.train(3)
    place.train(6)
    store = mlflow.MlflowClient(f"sqlite:///{place.folder}/mlflow.db")
    longer, shorter = store.search_runs([one.experiment_id for one in store.search_experiments()])
    assert longer.data.tags[PARENT_TAG] == shorter.info.run_id
    assert longer.data.tags["ganflow.continues"] == "epoch 2"
    assert PARENT_TAG not in shorter.data.tags
    assert f"pix2pix: going on from epoch 2 of an earlier training (run {shorter.info.run_id[:12]})\n" in (
        capsys.readouterr().err
    )
    history = pd.read_csv(place.folder / "metrics/history/pix2pix.csv").set_index("step")
    for curve in ("loss_l1", "val_mae"):
        points = [
            (point.step, point.value) for point in store.get_metric_history(longer.info.run_id, f"curves/{curve}")
        ]
        assert points == list(history[curve].dropna().items())
    assert len(list(place.folder.glob(f"mlruns/**/{longer.info.run_id}/artifacts/images/*.png"))) == 6


@pytest.mark.usefixtures("untracked")
def test_a_training_that_starts_from_given_weights_begins_at_their_quality(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the folder as it was when the parameter was set: the training replaces it."""
    place = Place(tmp_path / "start", data, "pix2pix", monkeypatch)
    place.train(12)
    history = place.folder / "metrics/history/pix2pix.csv"
    before, last = pd.read_csv(history)["val_mae"].dropna(), place.folder / "models/pix2pix/last"
    trained = saved.weights_digest(place.folder / "models/pix2pix")
    for start, expected in ((str(last.relative_to(place.folder)), before.iloc[-1]), ("", before.iloc[0])):
        place.set(1, learning_rate=1e-6, start_from=start)
        check_starts(config.load_params())
        stage("start_weights")
        shutil.rmtree(place.folder / "models/pix2pix")  # as DVC does
        stage("train_pix2pix")
        found = pd.read_csv(history)["val_mae"].dropna().iloc[0]
        assert found == pytest.approx(expected, rel=0.05) if start else found > 1.2 * before.iloc[-1]
        told = json.loads((last / "config.json").read_text())
        assert told.get("start_from", "").startswith(trained[:16] if start else "")
        assert ("start_from" in told) is bool(start)
    assert (last / saved.DISCRIMINATOR).exists()


@pytest.mark.usefixtures("untracked")
@pytest.mark.parametrize("task", ["pix2pix", "cvae", "cyclegan"])
def test_a_start_brings_its_number_of_colours(
    data: Path, tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the targets are drawn with more: no parameter could make them fewer."""
    place = Place(tmp_path / "colours", data, task, monkeypatch)
    place.train(1, palette=5)
    start = shutil.copytree(place.folder / f"models/{task}/last", place.folder / "given")
    place.set(1, start_from=str(start))
    check_starts(config.load_params())
    stage("start_weights")
    stage(f"train_{task}")
    given, found = (
        json.loads((folder / "config.json").read_text())["arguments"]
        for folder in (start, place.folder / f"models/{task}/last")
    )
    assert given == found
    assert given.get("palette", given.get("palettes")) in (5, [5, 0])
