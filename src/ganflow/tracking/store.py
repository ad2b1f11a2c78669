"""The store: where runs are kept, how it is opened, and how it is made without breaking."""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path
from typing import Any

from ganflow.files import locked, project_root

KIND = {"mlflow.experimentKind": "custom_model_development"}  # and not of an agent, for pages that ask
NOTE = "mlflow.note.content"  # tag: the description on the page of a run or an experiment
VIEW = "mlflow.sharedViewState.test-scores"  # tag of an experiment: a saved view of its list of runs
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # of the pages
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def client() -> Any:
    """A client of the store at MLFLOW_TRACKING_URI, or of <root>/mlflow.db, which is created if need be."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic", "torch.export"):
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _local_store(project_root())
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)


def is_remote() -> bool:
    """Whether the store is a server, which may be down, and not files on this machine."""
    return os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http")


def exists() -> bool:
    """Whether there is a store to read: one is never made by looking."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (project_root() / "mlflow.db").exists()


def experiment(client: Any, task: str) -> str:
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
