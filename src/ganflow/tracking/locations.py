"""Updates artifact locations after a project was moved or copied: MLflow stores them as absolute paths."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Where MLflow 3.17 stores the locations of files.
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
TEMPORARY = "/.dvc/tmp/"  # folders in which `dvc exp run --temp` and the queue work, and which they delete


def update_locations(store: Path, *, is_ours: bool) -> None:
    """Make all locations in the SQLite file `store` point to the folder mlruns beside it. Prints a line if any changed.

    In the project's own store (`is_ours`) they differ after the project was moved or copied. In other stores only
    locations in a temporary folder of DVC are changed: the user has chosen the others.

    It is one transaction: a kill leaves the old locations or the new ones. The caller holds the store's lock.

    Raises:
        sqlite3.Error: the file cannot be read or written.
    """
    here = (store.parent / "mlruns").as_uri()
    with closing(sqlite3.connect(store, timeout=60, isolation_level=None)) as database:
        elsewhere = [folder for folder in _folders(database) if folder != here and (is_ours or TEMPORARY in folder)]
        if not elsewhere:
            return
        database.execute("BEGIN IMMEDIATE")
        for folder in elsewhere:
            for table, column in COLUMNS:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (here, len(folder) + 1, len(folder) + 1, f"{folder}/"),
                )
        database.execute("COMMIT")
    before = ", ".join(unquote(urlsplit(folder).path) for folder in elsewhere)
    now = f"they are read from and written to {store.parent}/mlruns from now on"
    sys.stderr.write(f"runs: the files of those in {store.name} were in {before}; {now}\n")


def _folders(database: sqlite3.Connection) -> list[str]:
    """The mlruns folders of experiments with the usual locations, mlruns/NAME (ganflow's) or mlruns/ID (MLflow's)."""
    found = {}
    for number, name, location in database.execute("SELECT experiment_id, name, artifact_location FROM experiments"):
        folder, _, last = (location or "").rpartition("/")
        if folder.endswith("/mlruns") and folder.startswith(("file:///", "/")) and unquote(last) in (name, str(number)):
            found[folder] = None
    return list(found)
