"""A project that is moved or copied, with its store: runs, pictures and champion follow."""

import os
import shutil
import signal
import sqlite3
from pathlib import Path

import forks
import mlflow
import numpy as np
import pytest
from PIL import Image
from small_model import EXAMPLE, small_model

from ganflow.comparison.champion import ValidationScore
from ganflow.tracking import locations, store
from ganflow.tracking.reading import list_runs, open_store
from ganflow.tracking.run import Dataset, start_run

SRC = Path(__file__).parents[2] / "src"


def trained(training: str, value: float, folder: Path) -> str:
    """A run with a picture, a table and a model, whose validation said `value`."""
    dataset = Dataset("maps", "ab" * 32, "download")
    tracker = start_run("pix2pix", params={"seed": 0}, dataset=dataset, training=training, tags={})
    tracker.image(Image.new("RGB", (8, 8)), "samples", 1)
    values = np.array([value, value + 0.001, value - 0.001])
    score = ValidationScore("mean_iou", True, {"n": 96}, "download", "", values)
    tracker.model(small_model(folder), EXAMPLE, "model", score)
    tracker.finish("FINISHED")
    assert tracker.run_id
    store.client().log_text(tracker.run_id, '{"about": {}, "rows": {}}', "metrics/pix2pix.json")
    return tracker.run_id


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where a project with a run was made, and a copy of it."""
    folder, kept = (tmp_path_factory.mktemp(name) / "old" for name in ("made", "kept"))
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", "")  # noted, so that what MLflow sets is undone
        trained("first", 0.5, folder.parent)
    shutil.copytree(folder, kept)
    return folder, kept


@pytest.fixture
def project(made: tuple[Path, Path]) -> Path:
    """The project where it was made, whatever the test before did to it."""
    folder, kept = made
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder)
    return folder


@pytest.mark.parametrize("name", ["new", "below", "a b%20?#'ü"])
@pytest.mark.parametrize("how", ["moved", "copied"])
def test_runs_files_and_champion_follow(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
    name: str,
) -> None:
    shutil.copytree(project, tmp_path / "kept")
    if how == "moved":
        shutil.rmtree(project)
    new = project / tmp_path.name if name == "below" else tmp_path / name  # MLflow has opened no store of that path yet
    shutil.move(tmp_path / "kept", new)
    before = files(project) if how == "copied" and name != "below" else {}
    monkeypatch.setenv("DVC_ROOT", str(new))
    with open_store() as client:
        (run,) = list_runs(client)
        assert run.newest_sample
        assert run.table == {"about": {}, "rows": {}}
        assert run.validation_score
        # MLflow 3.17 finds no model of the registry below a path with a percent sign, only that of the run.
        address = f"runs:/{run.run_id}/model" if "%" in name else "models:/pix2pix@champion"
        model = mlflow.pyfunc.load_model(address)
        assert model.predict(np.zeros((3, 4, 4, 3), np.uint8)).shape == (3, 4, 4, 3)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"runs: the files of those in mlflow.db were in {project}/mlruns; they are read from")
    second = trained("second", 0.6, tmp_path)
    assert capsys.readouterr().err == "", "said once"
    client = mlflow.MlflowClient()
    (version,) = client.search_model_versions(f"run_id = '{second}'")
    assert "Better than the champion's 0.5" in version.description
    assert list((new / "mlruns").rglob(f"{second}/artifacts/samples.png"))
    if before:
        assert files(project) == before, "a copy never writes below the original"
    if how == "moved" and name != "below":
        assert not project.exists()


KILLED = """
import os, signal, sys
from ganflow.tracking import locations, store
def counting():
    for count, column in enumerate(kept):
        if count == int(sys.argv[1]):
            break
        yield column
    os.kill(os.getpid(), signal.SIGKILL)
kept = locations.COLUMNS
locations.COLUMNS = counting()
store.client()
"""


def test_a_kill_in_the_middle_leaves_the_store_whole(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    project.rename(new)
    monkeypatch.setenv("DVC_ROOT", str(new))
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    for after in range(len(locations.COLUMNS) + 1):
        killed = forks.run([str(script), str(after)], tmp_path, os.environ | {"PYTHONPATH": str(SRC)})
        assert killed.returncode == -signal.SIGKILL, killed
        with sqlite3.connect(new / "mlflow.db") as database:
            for table, column in locations.COLUMNS:
                found = [
                    value for (value,) in database.execute(f"SELECT {column} FROM {table}") if "/" in (value or "")
                ]
                assert all(value.startswith((project.as_uri(), "models:/")) for value in found)
    with open_store() as client:
        assert list_runs(client)[0].newest_sample


def test_files_that_somebody_keeps_elsewhere_stay_there(tmp_path: Path) -> None:
    """Only what the project itself chose is changed, and in a store of others only DVC's temporary folders."""
    store = tmp_path / "mlflow.db"
    with sqlite3.connect(store) as database:
        database.execute("CREATE TABLE experiments (experiment_id, name, artifact_location)")
        for table, column in locations.COLUMNS[1:]:
            exists = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            database.execute(f"ALTER TABLE {table} ADD {column}" if exists else f"CREATE TABLE {table} ({column})")
    kept = ["s3://bucket/mlruns/a", "file:///big/disk/a", "mlflow-artifacts:/3", "file:///x/mlruns/other name"]
    ours = ["file:///old/mlruns/a", "/old/mlruns/3", "file:///old/.dvc/tmp/exps/tmp1/mlruns/a"]
    for is_ours, moved in ((False, ours[2:]), (True, ours)):
        with sqlite3.connect(store) as database:
            database.execute("DELETE FROM experiments")
            rows = [(3, "a", location) for location in kept + ours]
            database.executemany("INSERT INTO experiments VALUES (?, ?, ?)", rows)
        locations.update_locations(store, is_ours=is_ours)
        with sqlite3.connect(store) as database:
            found = [location for (location,) in database.execute("SELECT artifact_location FROM experiments")]
        here = (tmp_path / "mlruns").as_uri()
        expected = kept + [f"{here}/{one.rpartition('/')[2]}" if one in moved else one for one in ours]
        assert found == expected
