"""A trained model in MLflow's own format: its folder and the code that uses it, logged completely and only once."""

import json
import shutil
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ganflow.data.kinds import PHOTO, Kind

PACKAGE = Path(__file__).parents[1]
# What ganflow.inference.served imports, with what that imports. (ganflow itself is on no package index: it is inside.)
REQUIREMENTS = ("numpy", "pillow", "pydantic", "ruamel.yaml", "safetensors", "tifffile", "torch")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Interface:
    """What goes into a kind of network as MLflow serves it, and what comes out."""

    use: str
    takes: tuple[np.dtype[Any], Shape]
    gives: tuple[np.dtype[Any], Shape]
    params: tuple[tuple[str, int], ...] = ()  # with their defaults


DIGITS = (np.dtype(np.uint8), (-1, 28, 28))
INTERFACES = {
    "DigitGenerator": Interface(
        "One number per row, int64 [N], to `n` pictures of digits for each, uint8 [N * n, 28, 28], white (255) on "
        "black (0). For a class-conditional model (cgan) the number is the class to draw (of digits: the digit), and "
        "`seed` chooses how; for one that draws any digit (gan) it is the random seed.",
        (np.dtype(np.int64), (-1,)),
        DIGITS,
        (("seed", 0), ("n", 1)),
    ),
    "DigitClassifier": Interface(
        "Pictures of digits, uint8 [N, 28, 28], white (255) on black (0), to the probability of each class (of "
        "digits: 0 to 9), float32 [N, classes].",
        DIGITS,
        (np.dtype(np.float32), (-1, -1)),
    ),
}


def interface(config: dict[str, Any]) -> Interface:
    """How MLflow serves the model with this config.json."""
    network = config["network"]
    if network in INTERFACES:
        return INTERFACES[network]
    takes, gives = (Kind(**config[side]) if side in config else PHOTO for side in ("input", "target"))
    samples = network == "ConditionalVae"
    return Interface(
        f"Pictures, {_said(takes)}, of any size, to {'`n` different ' if samples else ''}pictures of the same size, "
        f"{_said(gives)}{', for each. `seed` chooses them' if samples else ''}.",
        (np.dtype(takes.dtype), (-1, -1, -1, takes.file_channels)),
        (np.dtype(gives.dtype), (-1, -1, -1, gives.file_channels)),
        (("seed", 0), ("n", 1)) if samples else (),
    )


def _said(kind: Kind) -> str:
    shape = f"{kind.dtype} [N, height, width, {kind.file_channels}]{' in RGB' if kind.file_channels == 3 else ''}"
    values = f"labels of {len(kind.labels)} classes" if kind.labels else f"{kind.low:g} to {kind.high:g}"
    return f"{shape}, {values}"


class Exported:
    """A model's folder (config.json, model.safetensors) as a pyfunc: a flavor for `mlflow.models.Model.log`.

    `example`: real input, as the interface of the network takes it.
    """

    def __init__(self, model: Path, example: np.ndarray, folder: Path) -> None:
        from mlflow.models import ModelSignature
        from mlflow.pyfunc import save_model
        from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec

        served = interface(json.loads((model / "config.json").read_text(encoding="utf-8")))
        self.use = served.use
        self._folder = folder / "exported"
        data = folder / "model"
        shutil.copytree(model, data)
        takes, gives = (Schema([TensorSpec(kind, shape)]) for kind, shape in (served.takes, served.gives))
        # None where there are none, as MLflow's own default; its annotation does not say so.
        params: Any = ParamSchema([ParamSpec(name, "long", default) for name, default in served.params])
        params = params if served.params else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_model(
                str(self._folder),
                loader_module="ganflow.inference.served",
                data_path=str(data),
                code_paths=[str(PACKAGE)],
                signature=ModelSignature(takes, gives, params),
                input_example=example,
                pip_requirements=[f"{name}=={metadata.version(name).split('+')[0]}" for name in REQUIREMENTS],
                metadata={"use": served.use},
            )

    def save_model(self, path: str, mlflow_model: Any, **_: object) -> None:
        """Put the export at `path`, with what `mlflow_model` says of its run and id."""
        from mlflow.models import Model

        shutil.copytree(self._folder, path)
        exported = Model.load(str(self._folder))
        mlflow_model.flavors = exported.flavors
        mlflow_model.signature = exported.signature
        mlflow_model.metadata = exported.metadata
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
    tags = {"mlflow.note.content": exported.use}
    logged = client.create_logged_model(experiment, name, source_run_id=run_id, params=run.data.params, tags=tags)
    # The validation of the serving input would run the network in this thread.
    Model.log(None, exported, name=name, run_id=run_id, model_id=logged.model_id, validate_serving_input=False)
    return logged.model_id
