"""A training of another length goes on from the state that both have in common, and ends as one from scratch."""

import runpy
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import torch
from workspace import ROOT, TASKS, outs, project

from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.pipeline import checkpoint_folders
from ganflow.tracking.run import PARENT_TAG
from ganflow.training import loop, run

SMALL = {"gan": {"batch_size": 512}, "cgan": {"batch_size": 512}, "pix2pix": {}, "cvae": {}}


class NoTracker:
    """In the place of MLflow's, which takes seconds."""

    parent = None

    def __init__(self, *_: object, **__: object) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "start_run", NoTracker)


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

    def train(self, epochs: int, decay_epochs: int = 2, **changes: object) -> dict[str, bytes]:
        """Train, and let DVC have committed the outs. Returns them."""
        self.interrupted(epochs, decay_epochs, **changes)
        found = outs(self.folder)
        for path in self.folder.glob(f"checkpoints/*/*/{checkpoint_folders.FINISHED}"):
            digest = checkpoint_folders.read_object(path)["history_md5"]
            (self.folder / "dvc.lock").write_text(f"md5: {digest}\n")
        checkpoint_folders.release([f"models/{self._task}"])
        return found

    def interrupted(self, epochs: int, decay_epochs: int = 2, **changes: object) -> None:
        length = {"epochs": epochs, "decay_epochs": decay_epochs}
        project(self.folder, **{self._task: SMALL[self._task] | length | changes})
        self._patch.chdir(self.folder)
        self._patch.setenv("DVC_ROOT", str(self.folder))
        stage(f"train_{self._task}")


def steps_counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every step that is taken from now on, by the images seen before it."""
    taken: list[int] = []
    add = loop._History.add
    monkeypatch.setattr(loop._History, "add", lambda self, step, scalars: (taken.append(step), add(self, step, scalars)))
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
    """4, then 9 epochs: the bytes of 9, and five epochs' steps and the two of the decay, not nine epochs'."""
    expected = Place(tmp_path / "from scratch", data, task, monkeypatch).train(9)
    longer = Place(tmp_path / "longer", data, task, monkeypatch)
    longer.train(4)
    taken = steps_counted(monkeypatch)
    capsys.readouterr()
    assert longer.train(9) == expected
    assert f"{task}: going on from epoch 2 of an earlier training\n" in capsys.readouterr().err
    steps = int(pd.read_csv(longer.folder / f"metrics/history/{task}.csv")["step"].iloc[-1])
    assert taken == list(range(steps * 2 // 9 + 1, steps + 1))
    kept = checkpoint_folders.list_folders(longer.folder)
    assert [(one.step * 9 / steps, one.state, one.other) for one in kept] == [(2, "kept", ""), (7, "kept", "")]
