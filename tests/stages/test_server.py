"""Trainings that share an MLflow server: nothing but MLFLOW_TRACKING_URI tells them of it."""

import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import forks
import pytest
from workspace import often_saving, project, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server with a database and an artifact store of its own, through which all files go."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    words += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    address = f"http://127.0.0.1:{port}"
    # A session of its own: its workers end with it.
    with forks.Fork(words, tmp_path, environment, session=True) as started:
        try:
            until(lambda: not started.process.is_alive() or _is_well(address), seconds=120)
            assert started.process.is_alive(), started.said()
            yield address
        finally:
            os.killpg(started.pid, signal.SIGTERM)
            started.done(60)


def _is_well(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def test_two_trainings_at_once_have_all_on_the_server_and_nothing_beside_it(
    server: str, prepared: Path, tmp_path: Path
) -> None:
    folders = [project(tmp_path / f"lambda {value}", pix2pix={"lambda_l1": value}) for value in (20, 50)]
    for folder in folders:
        (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    first, second = (often_saving(folder, "train_pix2pix", MLFLOW_TRACKING_URI=server) for folder in folders)
    with first, second:
        for training in (first, second):
            done = training.done(240)
            assert done.returncode == 0, done.stderr
            assert "tracking is off" not in done.stderr

    import mlflow
    import pandas as pd

    store = mlflow.MlflowClient(server)
    experiment = store.get_experiment_by_name("pix2pix")
    assert experiment.artifact_location.startswith("mlflow-artifacts:/")
    runs = store.search_runs([experiment.experiment_id])
    assert sorted(float(run.data.params["pix2pix.lambda_l1"]) for run in runs) == [20, 50]
    history = pd.read_csv(folders[0] / "metrics/history/pix2pix.csv")
    for run in runs:
        assert run.info.status == "FINISHED"
        points = store.get_metric_history(run.info.run_id, "curves/loss_d")
        assert [point.step for point in points] == history["step"].tolist()
        assert store.list_artifacts(run.info.run_id, "images")
        assert store.list_artifacts(run.info.run_id, "history")
    models = store.search_logged_models([experiment.experiment_id])
    assert [str(model.status) for model in models] == ["READY", "READY"]
    assert not [path for folder in folders for path in folder.glob("ml*")], "no store of their own"
