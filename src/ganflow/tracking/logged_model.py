"""A trained network in MLflow's own format: exported in the caller's thread, logged completely and only once."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import torch


class Exported:
    """A network saved without pickle, with signature and example: a flavor for `mlflow.models.Model.log`."""

    def __init__(self, network: torch.nn.Module, example: torch.Tensor, folder: Path) -> None:
        from mlflow.models import infer_signature
        from mlflow.pytorch import save_model

        self._folder = folder
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_model(
                network,
                str(folder),
                signature=infer_signature(example.numpy(), network(example).numpy()),
                input_example=example.numpy(),
                pip_requirements=[f"torch=={torch.__version__.split('+')[0]}"],
            )

    def save_model(self, path: str, mlflow_model: Any, **_: object) -> None:
        """Put the export at `path`, with what `mlflow_model` says of its run and id."""
        from mlflow.models import Model

        shutil.copytree(self._folder, path)
        exported = Model.load(str(self._folder))
        mlflow_model.flavors = exported.flavors
        mlflow_model.signature = exported.signature
        mlflow_model.saved_input_example_info = exported.saved_input_example_info
        mlflow_model.model_size_bytes = exported.model_size_bytes
        mlflow_model.save(f"{path}/MLmodel")


def log_once(client: Any, run: Any, exported: Exported, name: str) -> str:
    """Log the model of `run` unless it has one. Returns its id. An incomplete one, left by a kill, is logged again."""
    from mlflow.entities import LoggedModelStatus
    from mlflow.models import Model

    run_id, experiment = run.info.run_id, run.info.experiment_id
    for earlier in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        if earlier.status == LoggedModelStatus.READY:
            return earlier.model_id
        client.delete_logged_model(earlier.model_id)
    logged = client.create_logged_model(experiment, name, source_run_id=run_id, params=run.data.params)
    # The validation of the serving input would run the network in this thread.
    Model.log(None, exported, name=name, run_id=run_id, model_id=logged.model_id, validate_serving_input=False)
    return logged.model_id
