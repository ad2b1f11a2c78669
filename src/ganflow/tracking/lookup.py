"""Finds the MLflow runs of a DVC experiment or commit: by the experiment's name, or by its trained weights."""

import hashlib
from pathlib import Path
from typing import Any

from dvc import api
from dvc.exceptions import DvcException

from ganflow.errors import UserError
from ganflow.models.saved import WEIGHTS, weights_digest
from ganflow.tracking.reading import LoggedRun, list_runs, runs_named
from ganflow.tracking.run import WEIGHTS_TAG

TASKS = ("classifier", "gan", "cgan", "pix2pix", "cvae", "cyclegan")


def runs_of(client: Any, wanted: str) -> list[LoggedRun]:
    """The runs of a DVC experiment, a commit or "workspace", the newest first; else the run of that name or id.

    An experiment that took a model from DVC's cache did not train it: the run that did is found by the weights.

    Raises:
        UserError: nothing has that name, or no run here trained its models.
    """
    runs = list_runs(client)
    weights = {found for task in TASKS if (found := _weights(task, wanted))}
    found = [run for run in runs if run.experiment == wanted or run.tags.get(WEIGHTS_TAG) in weights]
    if found:
        return found
    if weights:
        raise UserError(f"no run here trained the models of '{wanted}': they came from another store or a remote")
    return list(runs_named(runs, wanted).values())


def _weights(task: str, revision: str) -> str | None:
    """sha256 of a revision's last weights of `task` (saved.weights_digest), or None if none is in the cache."""
    folder = Path("models") / task
    if revision == "workspace":
        return weights_digest(folder) if list(folder.rglob(WEIGHTS)) else None
    if revision.startswith("-"):  # to git it would be an option
        return None
    for path in (folder / "last" / WEIGHTS, folder / WEIGHTS):
        try:
            with api.open(str(path), rev=revision, mode="rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except (DvcException, OSError):  # no such revision, not in it, or not in the cache
            continue
    return None
