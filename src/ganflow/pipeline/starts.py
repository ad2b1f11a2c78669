"""What `start_from` names: found, and held against the parameters before anything runs."""

import math
from pathlib import Path
from typing import Any

from ganflow.config import Params
from ganflow.errors import UserError
from ganflow.files import project_root
from ganflow.pipeline.checkpoint_folders import read_object

KINDS = {
    "gan": "DigitGenerator",
    "cgan": "DigitGenerator",
    "pix2pix": "UNet",
    "cvae": "ConditionalVae",
    "cyclegan": "CycleGenerators",
}


def check_starts(params: Params) -> None:
    """Refuse a `start_from` that is not there or that holds another network than the parameters ask for.

    Raises:
        UserError: naming the parameter, and what differs.
    """
    for task, kind in KINDS.items():
        address = getattr(params, task).start_from
        if not address:
            continue
        config = read_object(find_start(task, address) / "config.json")
        found, theirs = config.get("network", "file that is no model's"), config.get("arguments", {})
        said = f"{task}.start_from = {address}"
        if found != kind:
            raise UserError(f"{said}: it holds a {found}, and {task} trains a {kind}")
        for key, value in theirs.items():
            name, asked = _asked(task, key, params)
            if name and value != asked:
                raise UserError(f"{said}: it was trained with {key} = {value}, and {name} asks for {asked}")


def find_start(task: str, address: str) -> Path:
    """The folder of the trained network that `address` names.

    address: a folder, or what MLflow keeps: a run's id, its beginning or name, a DVC experiment,
    "models:/NAME@ALIAS" or "models:/NAME/VERSION".

    Raises:
        UserError: there is none.
    """
    places = Path(address), project_root() / address
    for place in places:
        for folder in (place, place / "best"):
            if (folder / "config.json").is_file():
                return folder
    try:
        if Path(address).is_absolute() or any(place.exists() for place in places):
            raise UserError("name the folder that holds its config.json")
        from ganflow.tracking.fetch_model import fetch_model  # mlflow takes seconds to import

        return fetch_model(address, [task])[0]
    except UserError as fault:
        raise UserError(f"{task}.start_from = {address}: no trained model is there; {fault}") from None


def _asked(task: str, argument: str, params: Params) -> tuple[str, Any]:
    """The parameter that decides on an argument of the task's network, and its value there; "" where none does.

    What own pairs decide, such as the number of channels, is left to `training.start.load_start`.
    """
    section = getattr(params, task)
    match argument:
        case "classes" if params.own_digits:  # how many there are, the data says
            return "", None
        case "classes":
            return task, 10 if task == "cgan" else 0
        case "levels":
            name = "pairs.crop_size" if params.own_pairs else "maps.crop_size"
            return name, min(8, int(math.log2(params.translation.crop_size)))
        case "inputs" | "outputs" if not params.own_pairs:
            return "pairs.folder (the maps)", 3
        case "residual":  # "auto": as the model that it starts from
            value = section.residual
            return ("", None) if value == "auto" else (f"{task}.residual", value == "on")
        case "palette":  # how many colours there are, the targets say
            return "", None
        case "channels" if hasattr(section, "generator_channels"):
            argument = "generator_channels"
        case "dropout":  # no weight depends on it
            return "", None
    return (f"{task}.{argument}", getattr(section, argument)) if hasattr(section, argument) else ("", None)
