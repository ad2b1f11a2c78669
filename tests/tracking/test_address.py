"""Which store MLFLOW_TRACKING_URI means, and one line where it means none."""

import os
import sqlite3
from pathlib import Path

import forks
import pytest

from ganflow import doctor
from ganflow.errors import UserError, without_secrets
from ganflow.tracking import store
from ganflow.tracking.address import address, artifacts_folder, sqlite_file
from ganflow.tracking.reading import open_store
from ganflow.tracking.run import Dataset, start_run

SRC = Path(__file__).parents[2] / "src"
ODD = "a b%20c?d#e'fü&$[g]"


def run_of(task: str = "gan") -> str:
    tracker = start_run(task, params={"seed": 0}, dataset=Dataset("mnist", "00", "generated"), training="a", tags={})
    tracker.finish("FINISHED")
    if tracker.run_id:
        store.client().log_text(tracker.run_id, "here", "note.txt")
    return tracker.run_id or ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "mlflow.db"),
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:///./mlflow.db", "mlflow.db"),
        ("sqlite:///sub/runs.db", "sub/runs.db"),
        ("sqlite:////elsewhere/runs.db", "/elsewhere/runs.db"),
        ("sqlite:////else%20where/runs.db", "/else where/runs.db"),
    ],
)
def test_a_relative_file_is_one_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    monkeypatch.chdir("/")
    assert sqlite_file(address()) == tmp_path / expected
    assert artifacts_folder(address()) == (tmp_path / expected).parent / "mlruns"


@pytest.mark.parametrize("given", ["sqlite:///mlflow.db", "sqlite:///{}/other/runs.db"])
def test_runs_of_a_temporary_folder_are_kept_with_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], given: str
) -> None:
    temporary = tmp_path / ".dvc/tmp/exps/tmp1"
    temporary.mkdir(parents=True)
    monkeypatch.chdir(temporary)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given.format(tmp_path))
    run_of()
    assert capfd.readouterr().err == "", "nothing to say of a store that is made"
    monkeypatch.chdir(tmp_path)
    assert not list(temporary.iterdir())
    (file,) = tmp_path.rglob("note.txt")
    assert ".dvc" not in str(file)
    with open_store() as client:
        experiment = client.get_experiment_by_name("gan")
        assert experiment.artifact_location == (sqlite_file(address()).parent / "mlruns/gan").as_uri()


@pytest.mark.parametrize("own_address", [True, False], ids=["by address", "by default"])
def test_any_letters_in_a_path_work_and_leave_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_address: bool
) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(folder))
    if own_address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    run_id = run_of()
    with open_store() as client:
        assert client.get_run(run_id).info.status == "FINISHED"
        assert Path(client.download_artifacts(run_id, "note.txt")).read_text() == "here"
    assert [path.name for path in tmp_path.iterdir()] == [ODD]
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "mlruns", ".mlflow.db.lock"}
    assert "1 in mlflow.db" in doctor._store().state


WRONG = [
    "file:///tmp/mlruns",
    "/tmp/mlruns",
    "nonsense:",
    "nonsense://user:hunter2@host/x",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:////proc/none/runs.db",
    "sqlite:////proc",
    "sqlite:////proc/self/environ",
    "postgresql://user:hunter2@127.0.0.1:1/x",
    "postgresql+psycopg2://user:hunter2@127.0.0.1:x/x",
    "mysql+nodriver://user:hunter2@127.0.0.1/x",
]


@pytest.mark.parametrize("given", WRONG)
def test_an_address_that_is_none_is_one_line_at_once_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    """The training goes on; who looks is told the same."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert run_of() == ""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: MLflow tracking is off from here on: ")
    with pytest.raises(UserError) as fault, open_store():
        pass
    found = doctor._store()
    for said in (line, str(fault.value), found.state):
        assert "hunter2" not in said
        assert "\n" not in said


def test_looking_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.db").touch()
    for given in ("", "sqlite:///mlflow.db", "sqlite:///new/runs.db", "sqlite:///empty.db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
        assert not store.exists()
        with pytest.raises(UserError, match="no runs here yet"), open_store():
            pass
        doctor._store()
    assert [path.name for path in tmp_path.rglob("*")] == ["empty.db"]
    assert (tmp_path / "empty.db").stat().st_size == 0
    run_of()
    assert store.exists()


def test_the_doctor_leaves_no_file_beside_a_store(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "mlflow.db")
    database.executescript("PRAGMA journal_mode=WAL; CREATE TABLE runs (id); INSERT INTO runs VALUES (1)")
    database.close()
    assert doctor._store().state == "1 in mlflow.db (make ui)"
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize(
    "secret",
    [
        "http://user:hunter2@host:5000/path",
        "https://hunter2@host",
        "postgresql://user:hun/ter2@p@host/db",
        "https://host/path?token=hunter2&x=1",
        "API request to http://u:hunter2@host/api failed: Max retries",
    ],
)
def test_secrets_of_addresses_are_masked(secret: str) -> None:
    shown = without_secrets(secret)
    assert "ter2" not in shown
    assert "host" in shown
    for other in ("sqlite:////home/a@b/mlflow.db", "http://127.0.0.1:5000/#/x", "mail a@b.c"):
        assert without_secrets(other) == other


@pytest.mark.parametrize("words", [["runs"], ["ui"], ["compare", "a", "b"], ["runs", "x"]])
def test_commands_end_in_one_line(tmp_path: Path, words: list[str]) -> None:
    environment = os.environ | {"PYTHONPATH": str(SRC), "MLFLOW_TRACKING_URI": "postgresql://u:hunter2@127.0.0.1:1/x"}
    done = forks.run(["-m", "ganflow.cli", *words], tmp_path, environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: MLFLOW_TRACKING_URI=postgresql://***@127.0.0.1:1/x needs a driver")
    assert done.stderr.count("\n") == 1
