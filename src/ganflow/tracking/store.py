"""The store of runs: opening it, and creating it so that neither a kill nor a second process breaks it."""

import contextlib
import logging
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganflow.errors import UserError, first_line, is_disk_full, without_secrets
from ganflow.files import locked, project_root
from ganflow.tracking.address import SERVER, address, artifacts_folder, folder_made_by_mlflow, sqlite_file, sqlite_uri
from ganflow.tracking.locations import update_locations

KIND = {"mlflow.experimentKind": "custom_model_development"}  # not an agent: MLflow's pages differ
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
    """A client of the store at `address()`; a SQLite file is created if need be, and its locations follow it.

    Raises:
        UserError: there is no such store, or it cannot be opened. At once, where MLflow itself tries for two minutes.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow  # sets its loggers up

    for name in ("mlflow", "alembic", "torch.export"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its errors are exceptions too; here they are one line
    uri = address()
    file = sqlite_file(uri)
    try:
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            with locked(file.with_name(f".{file.name}.lock"), wait=True):
                if not _has_tables(uri):
                    _make(file)
                update_locations(file, is_ours=file == project_root() / "mlflow.db")
        elif not uri.startswith(SERVER):
            _has_tables(uri)
    except (OSError, sqlite3.Error) as fault:
        raise _unreadable(uri, fault) from None
    mlflow.set_tracking_uri(uri)
    return _opened(uri, file)


def cause(fault: BaseException) -> str:
    """Why the store of runs failed, in one line, with what to do where that is known."""
    line = first_line(fault)
    if "out-of-date database schema" in line:
        return (
            "the store was made by another version of MLflow: put it aside (the next training makes a new one), "
            f"or copy it and type: mlflow db upgrade {without_secrets(address())}"
        )
    if is_disk_full(fault):
        return f"the disk is full ({line})"
    return line


def is_remote() -> bool:
    """Whether the store is a server or a database that may be down, and not a file on this machine."""
    return sqlite_file(address()) is None


def exists() -> bool:
    """Whether there is a store to read. Does not create one.

    Raises:
        UserError: as `client`.
    """
    uri = address()
    return uri.startswith(SERVER) or _has_tables(uri)


def experiment(client: Any, task: str) -> str:
    """The experiment's id; created if it does not exist (another process may create it at the same moment)."""
    from mlflow.exceptions import MlflowException

    folder = artifacts_folder(client.tracking_uri)
    found = client.get_experiment_by_name(task)
    if found is None:
        try:
            where = (folder / task).as_uri() if folder else None
            return client.create_experiment(task, artifact_location=where, tags=KIND)
        except MlflowException:
            found = client.get_experiment_by_name(task)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":  # in MLflow's pages: it keeps its name, and refuses runs
        client.restore_experiment(found.experiment_id)
        sys.stderr.write(f"runs: the experiment {task} had been deleted in MLflow; it and its runs are restored\n")
    return found.experiment_id


def _has_tables(uri: str) -> bool:
    from sqlalchemy import NullPool, create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError

    file = sqlite_file(uri)
    if file and not file.exists():  # connecting would create it
        return False
    engine = create_engine(uri, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return inspect(connection).has_table("experiments")
    except SQLAlchemyError as fault:
        raise _unreadable(uri, getattr(fault, "orig", None) or fault) from None


def _unreadable(uri: str, fault: BaseException) -> UserError:
    return UserError(f"the store of runs at {without_secrets(uri)} cannot be opened: {first_line(fault)}")


def _make(file: Path) -> None:
    """Create the SQLite file under another name, then rename it. The caller holds its lock.

    Two processes that create one SQLite store at once break it for good, and so does a kill while tables are created.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    fresh = file.with_name(f".{file.name}.fresh")
    for leftover in (fresh, fresh.with_name(f"{fresh.name}-journal"), fresh.with_name(f"{fresh.name}-wal")):
        leftover.unlink(missing_ok=True)
    with _no_stray_folder(fresh):
        SqlAlchemyStore(sqlite_uri(fresh), (file.parent / "mlruns").as_uri())
    with contextlib.closing(sqlite3.connect(fresh)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode=DELETE")
    fresh.replace(file)


def _opened(uri: str, file: Path | None) -> Any:
    import mlflow

    if file is None or folder_made_by_mlflow(file) == file.parent:
        return mlflow.MlflowClient(uri)
    with _no_stray_folder(file):
        opened = mlflow.MlflowClient(uri)
        opened.search_experiments(max_results=1)  # opens the store now, and not later
        opened.search_registered_models(max_results=1)
    return opened


@contextlib.contextmanager
def _no_stray_folder(file: Path) -> Iterator[None]:
    """Remove the folder that MLflow makes beside that of `file` where the address had to be quoted."""
    stray = folder_made_by_mlflow(file)
    was_there = stray.exists()
    yield
    if not was_there and stray.exists():
        with contextlib.suppress(OSError):
            os.removedirs(stray)
