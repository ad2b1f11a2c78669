"""Where runs are kept: MLFLOW_TRACKING_URI if it is set, else mlflow.db in the project's root."""

import os
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ganflow.errors import UserError, without_secrets
from ganflow.files import project_root

VARIABLE = "MLFLOW_TRACKING_URI"
SERVER = ("http://", "https://")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")  # that MLflow can write to
ACCEPTED = "sqlite:///FILE, http://SERVER or a database such as postgresql+psycopg2://…"


def address() -> str:
    """The store's address, absolute: a relative SQLite file is one of the project's root.

    It is not one of the current folder: `dvc exp run --temp` and the queue delete theirs.

    Raises:
        UserError: MLFLOW_TRACKING_URI is no address that MLflow can write to on this machine.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return sqlite_uri(project_root() / "mlflow.db")
    if given.startswith(SERVER):
        return given
    shown = f"{VARIABLE}={without_secrets(given)}"
    try:
        url = make_url(given)
        if url.get_backend_name() not in DATABASES:
            raise ArgumentError(url.get_backend_name())
        url.get_dialect().import_dbapi()
    except (ArgumentError, ValueError):  # ValueError: the port is not a number
        raise UserError(f"{shown} is no address of a store of runs: {ACCEPTED}") from None
    except ImportError as fault:
        raise UserError(f"{shown} needs a driver that is not installed ({fault}): pip install it") from None
    if url.get_backend_name() != "sqlite":
        return given
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise UserError(f"{shown} names no file, so no run would be kept: {ACCEPTED}")
    return sqlite_uri((project_root() / url.database).resolve())


def sqlite_uri(path: Path) -> str:
    """The address of a SQLite file. Quoted: SQLAlchemy unquotes it, and reads what follows a "?" as options."""
    return f"sqlite:///{_quoted(path)}"


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite address; None for another kind of store."""
    if not uri.startswith("sqlite"):
        return None
    return Path(make_url(uri).database or "")


def folder_made_by_mlflow(path: Path) -> Path:
    """The folder that MLflow (3.17) makes for the SQLite file `path`: it does not unquote the address."""
    return Path(_quoted(path)).parent


def artifacts_folder(uri: str) -> Path | None:
    """Where the files of new experiments go; None: a server decides that itself."""
    if uri.startswith(SERVER):
        return None
    file = sqlite_file(uri)
    return (file.parent if file else project_root()) / "mlruns"


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3F")
