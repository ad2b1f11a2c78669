"""MLflow's pages (`make ui`), with the addresses that open on what people look for."""

import os
import sys
from typing import Any

from ganflow.tracking.address import sqlite_file
from ganflow.tracking.reading import printable
from ganflow.tracking.store import VIEW

# Without it MLflow's page opens on what it has for agents: traces, judges, prompts.
KIND = "workflowType=machine_learning"


def addresses(client: Any, base: str) -> dict[str, str]:
    """Of each experiment's list of runs, by name; with test measures as columns where there are any."""
    found = {}
    for experiment in client.search_experiments():
        if client.search_runs([experiment.experiment_id], max_results=1):
            view = f"viewStateShareKey={VIEW.rpartition('.')[2]}&" if VIEW in experiment.tags else ""
            found[printable(experiment.name)] = f"{base}/#/experiments/{experiment.experiment_id}/runs?{view}{KIND}"
    return dict(sorted(found.items()))


def serve(store: str, port: int) -> None:
    """Become the server of the pages of `store`, the address of the client that was opened before: it set MLflow up."""
    if file := sqlite_file(store):  # from there MLflow needs no quoted address, which it would make a folder of
        os.chdir(file.parent)
        store = f"sqlite:///{file.name}"
    # Not as an argument: it may hold a password, and the list of processes shows arguments to everybody.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": store}
    words = ["mlflow", "ui", "--workers", "1", "--port", str(port)]
    os.execve(sys.executable, [sys.executable, "-m", *words], environment)
