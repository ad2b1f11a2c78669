"""Trained networks on disk: weights as safetensors, and config.json with what is needed to rebuild them."""

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_file
from torch import nn

from ganflow.errors import UserError
from ganflow.files import sha256, whole_file, write_json

Network = TypeVar("Network", bound=nn.Module)

WEIGHTS = "model.safetensors"
DISCRIMINATOR = "discriminator.safetensors"  # beside the last weights: only a training that starts from them needs it
CPU = torch.device("cpu")


def save_network(folder: Path, network: nn.Module, arguments: dict[str, Any], about: dict[str, Any]) -> None:
    """Write `network` into `folder`. `arguments`: of its constructor; `about`: what its users must know."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder / WEIGHTS, network)
    write_json(folder / "config.json", {"network": type(network).__name__, "arguments": arguments, **about})


def save_weights(path: Path, network: nn.Module) -> None:
    """Write the weights of `network` alone."""
    weights = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    with whole_file(path) as partial:
        save_file(weights, partial)


def load_network(folder: Path, kind: type[Network], device: torch.device = CPU) -> tuple[Network, dict[str, Any]]:
    """The network of this kind in `folder`, in evaluation mode on `device`, and its config.json.

    Raises:
        UserError: the folder does not hold a whole model of that kind.
    """
    try:
        config = json.loads((folder / "config.json").read_text())
        if config["network"] != kind.__name__:
            raise UserError(f"{folder} holds a {config['network']}, where a {kind.__name__} is needed")
        network = kind(**config["arguments"])
        load_model(network, folder / WEIGHTS)
    except FileNotFoundError:
        raise UserError(f"there is no trained model in {folder}: it takes config.json and {WEIGHTS}") from None
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as fault:
        raise UserError(f"{folder} does not hold a readable model: {str(fault).splitlines()[0]}") from None
    return network.eval().requires_grad_(False).to(device), config


def weights_digest(folder: Path) -> str:
    """sha256 of the last weights in `folder`: it identifies the model in the tracking store."""
    last = folder / "last" / WEIGHTS
    return sha256(last if last.exists() else folder / WEIGHTS)
