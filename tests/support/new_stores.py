"""MLflow takes seconds to make the tables of a new store, and to read what is installed: here it need not."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from mlflow.store.db import utils
from mlflow.utils import requirements_utils
from sqlalchemy import Engine, inspect

TEMPLATE = "GANFLOW_TEST_STORE"  # the environment variable that names the store to copy


def copy_tables() -> None:
    """From now on a new SQLite store of this process is a copy of the first one of the test run."""
    if TEMPLATE not in os.environ:  # `make exact` is no test run
        return
    make, template = utils._upgrade_db, Path(os.environ[TEMPLATE])

    def upgrade(engine: Engine) -> None:
        if engine.dialect.name != "sqlite" or "alembic_version" in inspect(engine).get_table_names():
            make(engine)
        elif template.exists():
            with closing(sqlite3.connect(template)) as made, closing(engine.raw_connection()) as new:
                made.backup(new.driver_connection)  # pyright: ignore[reportArgumentType]
        else:
            make(engine)
            with tempfile.TemporaryDirectory(dir=template.parent) as folder:
                whole = Path(folder, "store.db")
                with closing(engine.raw_connection()) as made, closing(sqlite3.connect(whole)) as copy:
                    made.driver_connection.backup(copy)  # pyright: ignore[reportOptionalMemberAccess]
                whole.rename(template)

    utils._upgrade_db = upgrade


def skip_packages() -> None:
    """Have MLflow not list the files of every installed package before it logs its first model.

    It looks there for the version of a requirement that is no package's name; ours are.
    """
    requirements_utils._MODULES_TO_PACKAGES = {}
