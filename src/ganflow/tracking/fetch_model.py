"""The folder of a trained model that MLflow keeps: of a run, an experiment, or a registered version."""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ganflow.errors import UserError
from ganflow.tracking.lookup import runs_of
from ganflow.tracking.reading import open_store

REGISTERED = "models:/"


def fetch_model(wanted: str, tasks: Sequence[str]) -> tuple[Path, str]:
    """The folder (config.json, model.safetensors) of the model that `wanted` stands for, and a line that says which.

    wanted: a run's id, its beginning or name, a DVC experiment, or "models:/NAME@ALIAS" or "models:/NAME/VERSION".
    tasks: of an experiment with several runs, the first of these is taken.

    Raises:
        UserError: there is no store, no such model, or none that can be read.
    """
    with open_store() as client:
        from mlflow.artifacts import download_artifacts
        from mlflow.entities import LoggedModelStatus

        if wanted.startswith(REGISTERED):
            run_id, model_id, said = _registered(client, wanted)
        else:
            by_task = {run.task: run for run in reversed(runs_of(client, wanted))}  # the newest of each
            task = next((task for task in tasks if task in by_task), None)
            if task is None:
                raise UserError(
                    f"'{wanted}' trained {', '.join(by_task)}, where {' or '.join(tasks)} is needed: `ganflow runs`"
                )
            run = by_task[task]
            run_id, model_id, said = run.run_id, None, f"model: {task} of run {run.name} ({run.run_id[:12]})"
        experiment = client.get_run(run_id).info.experiment_id
        logged = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
        whole = [one for one in logged if one.status == LoggedModelStatus.READY]  # a kill leaves others half-written
        chosen = next((one for one in whole if model_id in (None, one.model_id)), None)
        if chosen is None:
            raise UserError(f"run {run_id[:12]} has no model (yet): `ganflow runs` shows whether it is finished")
        own = None  # of a model on this machine MLflow names the very folder it keeps: nothing is to be removed there
        if urlsplit(chosen.artifact_location).scheme not in ("", "file"):
            own = tempfile.mkdtemp(prefix="ganflow-")
            atexit.register(shutil.rmtree, own, ignore_errors=True)
        place = Path(download_artifacts(artifact_uri=chosen.artifact_location, dst_path=own))
    for config in place.glob("data/*/config.json"):
        return config.parent, said
    raise UserError(f"the model of run {run_id[:12]} is of an older ganflow: train it again, or name a folder")


def _registered(client: Any, wanted: str) -> tuple[str, str | None, str]:
    """The run and the model's id of a registered version."""
    from mlflow.exceptions import MlflowException

    name, at, alias = wanted.removeprefix(REGISTERED).partition("@")
    name, _, version = name.partition("/")
    try:
        found = client.get_model_version_by_alias(name, alias) if at else client.get_model_version(name, version)
    except MlflowException:
        raise UserError(f"there is no {wanted}: e.g. models:/pix2pix@champion or models:/pix2pix/1 (make ui)") from None
    if not found.run_id:
        raise UserError(f"{wanted} was registered by hand, of no run: name one of `ganflow runs`, or a folder")
    return found.run_id, found.model_id, f"model: {name} version {found.version} of run {found.run_id[:12]}"
