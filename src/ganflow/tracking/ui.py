"""MLflow's pages (`make ui`), and the addresses that open each model's list of runs."""

import os
import sys
from typing import Any

from ganflow.text import printable
from ganflow.tracking.address import sqlite_file
from ganflow.tracking.store import VIEW

# Without it MLflow's page opens its part for agents: traces, judges, prompts.
KIND = "workflowType=machine_learning"


def addresses(client: Any, base: str) -> dict[str, str]:
    """The address of each experiment's list of runs, by name; with test measures as columns where there are any."""
    found = {}
    for experiment in client.search_experiments():
        if client.search_runs([experiment.experiment_id], max_results=1):
            view = f"viewStateShareKey={VIEW.rpartition('.')[2]}&" if VIEW in experiment.tags else ""
            found[printable(experiment.name)] = f"{base}/#/experiments/{experiment.experiment_id}/runs?{view}{KIND}"
    return dict(sorted(found.items()))


def serve(store: str, port: int) -> None:
    """Replace this process by MLflow's server for `store`. `store.client()` must have run: it sets MLflow up."""
    if file := sqlite_file(store):  # so the address needs no quoting; MLflow would create a quoted folder
        os.chdir(file.parent)
        store = f"sqlite:///{file.name}"
    # Not an argument: it may contain a password, and the list of processes shows arguments to all users.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": store}
    words = ["mlflow", "ui", "--workers", "1", "--port", str(port)]
    os.execve(sys.executable, [sys.executable, "-m", *words], environment)
