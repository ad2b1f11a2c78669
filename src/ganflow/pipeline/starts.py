"""What `start_from` names: found, and held against the parameters before anything runs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganflow.config import Params
from ganflow.errors import UserError, first_line
from ganflow.files import project_root
from ganflow.models.config_file import read_config

if TYPE_CHECKING:
    from torch import nn

KINDS = {
    "gan": "DigitGenerator",
    "cgan": "DigitGenerator",
    "pix2pix": "UNet",
    "cvae": "ConditionalVae",
    "cyclegan": "CycleGenerators",
}


def check_starts(params: Params) -> None:
    """Refuse a `start_from` that is not there or that holds other networks than the parameters ask for.

    Raises:
        UserError: naming the parameter, and what differs.
    """
    for task, kind in KINDS.items():
        address = getattr(params, task).start_from
        if not address:
            continue
        folder = find_start(task, address)
        config = read_config(folder)
        found, theirs = config["network"], config["arguments"]
        said = f"{task}.start_from = {address}"
        if found != kind:
            raise UserError(f"{said}: it holds a {found}, and {task} trains a {kind}")
        for key, value in ({"residual": False} | theirs).items():  # of before there was `residual`
            name, asked = _asked(task, key, params)
            if name and value != asked:
                raise UserError(f"{said}: it was trained with {key} = {value}, and {name} asks for {asked}")
        _check_weights(task, folder, said, theirs, params)


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


def shape_difference(name: str, theirs: Mapping[str, Sequence[int]], ours: Mapping[str, Sequence[int]]) -> str:
    """The first weights of the network `name` whose shapes differ, with both shapes; "" if none do."""
    for key in [*theirs, *ours]:
        found, here = (list(shapes[key]) if key in shapes else "none" for shapes in (theirs, ours))
        if found != here:
            return f"its {key} of {name} is {found}, here it is {here}"
    return ""


def _check_weights(task: str, folder: Path, said: str, arguments: dict[str, Any], params: Params) -> None:
    """Refuse weights that cannot be read, and a discriminator of other sizes. `arguments`: of the generator there."""
    import torch  # takes seconds to import

    from ganflow.models.saved import DISCRIMINATOR, WEIGHTS

    _shapes(folder / WEIGHTS, said)
    if not (folder / DISCRIMINATOR).exists():
        return
    with torch.device("meta"):  # shapes alone
        expected = _discriminator(task, params, arguments).state_dict()
    theirs = _shapes(folder / DISCRIMINATOR, said)
    if found := shape_difference("D", theirs, {key: value.shape for key, value in expected.items()}):
        name = "discriminator_channels" if hasattr(getattr(params, task), "discriminator_channels") else "norm"
        raise UserError(
            f"{said}: {found}: set {task}.{name} as it was trained, or start from a folder without {DISCRIMINATOR}, "
            "such as best"
        )


def _discriminator(task: str, params: Params, arguments: dict[str, Any]) -> "nn.Module":
    """The discriminator that `task` would train beside a generator of such `arguments`, which say what data decides."""
    from torch import nn

    from ganflow.models.dcgan import DigitDiscriminator
    from ganflow.models.patchgan import PatchGan

    own = getattr(params, task)
    if task in ("gan", "cgan"):
        return DigitDiscriminator(own.channels, arguments.get("classes", 0), own.deep, own.norm)
    inputs, outputs = arguments.get("inputs", 3), arguments.get("outputs", 3)
    if task == "cyclegan":
        sides = {"y": outputs, "x": inputs}
        return nn.ModuleDict({name: PatchGan(own.discriminator_channels, own.norm, n) for name, n in sides.items()})
    return PatchGan(own.discriminator_channels, own.norm, inputs + outputs)


def _shapes(path: Path, said: str) -> dict[str, list[int]]:
    """The shapes of the weights in a file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118, no dict
    except (OSError, SafetensorError) as fault:
        raise UserError(f"{said}: {path.name} cannot be read: {first_line(fault)}") from None


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
        case "residual" if hasattr(section, "residual"):  # "auto": as the model that it starts from
            value = section.residual
            return ("", None) if value == "auto" else (f"{task}.residual", value == "on")
        case "palette" | "palettes":  # as many colours as the model that it starts from, but for none
            return ("", None) if section.palette else (f"{task}.palette", 0 if argument == "palette" else [0, 0])
        case "channels" if hasattr(section, "generator_channels"):
            argument = "generator_channels"
        case "dropout":  # no weight depends on it
            return "", None
    return (f"{task}.{argument}", getattr(section, argument)) if hasattr(section, argument) else ("", None)
