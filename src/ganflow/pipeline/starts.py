"""What `start_from` names: found, and held against the parameters before anything runs."""

import math
from pathlib import Path
from typing import Any

from ganflow.config import Params
from ganflow.errors import UserError
from ganflow.files import project_root
from ganflow.pipeline.checkpoint_folders import read_object

KINDS = {"gan": "DigitGenerator", "cgan": "DigitGenerator", "pix2pix": "UNet", "cvae": "ConditionalVae"}


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
        for key, (name, value) in _expected(task, params).items():
            if theirs.get(key, value) != value:
                raise UserError(f"{said}: it was trained with {key} = {theirs[key]}, and {name} asks for {value}")


def find_start(task: str, address: str) -> Path:
    """The folder of the trained network that `address` names.

    Raises:
        UserError: there is none.
    """
    for place in (Path(address), project_root() / address):
        for folder in (place, place / "best"):
            if (folder / "config.json").is_file():
                return folder
    raise UserError(
        f"{task}.start_from = {address}: no trained model is there; name the folder that holds its config.json"
    )


def _expected(task: str, params: Params) -> dict[str, tuple[str, Any]]:
    """Of the arguments that give a network its sizes: the parameter that decides, and what it asks for."""
    section = getattr(params, task)
    names = {"channels": "channels" if task in ("gan", "cgan") else "generator_channels"}
    names |= {key: key for key in ("latent_dim", "norm", "upsample", "encoder_channels", "prior")}
    found = {key: (f"{task}.{name}", getattr(section, name)) for key, name in names.items() if hasattr(section, name)}
    if task in ("gan", "cgan"):
        return found | {"classes": (task, 10 if task == "cgan" else 0)}
    return found | {"levels": ("maps.crop_size", min(8, int(math.log2(params.maps.crop_size))))}
