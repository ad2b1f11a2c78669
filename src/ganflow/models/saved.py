"""Trained networks on disk: weights as safetensors, and config.json with what is needed to rebuild them."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import load_model, save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from ganflow.errors import UserError, first_line
from ganflow.files import sha256, whole_file, write_json
from ganflow.models.config_file import read_config

Network = TypeVar("Network", bound=nn.Module)

WEIGHTS = "model.safetensors"
DISCRIMINATOR = "discriminator.safetensors"  # beside the last weights: only a training that starts from them needs it
CPU = torch.device("cpu")
ROOM = 10**6  # numbers that a network may hold besides those of its file


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
    config = read_config(folder)
    if config["network"] != kind.__name__:
        raise UserError(f"{folder} holds a {config['network']}, where a {kind.__name__} is needed")
    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            stored = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118, no dict
        with _NoMoreThan(stored + ROOM):
            network = kind(**config["arguments"])
        load_model(network, folder / WEIGHTS)
    except FileNotFoundError:
        raise UserError(f"there is no trained model in {folder}: it takes config.json and {WEIGHTS}") from None
    except Exception as fault:  # whatever a stranger's file makes the libraries raise
        raise UserError(f"{folder} does not hold a readable model: {first_line(fault)}") from None
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise UserError(
            f"the weights in {folder} are not all finite (nan or infinity): it draws nothing, train it again"
        )
    return network.eval().requires_grad_(False).to(device), config


class _NoMoreThan(TorchFunctionMode):
    """Within it, no more numbers are allocated than these: a config.json may describe a network of terabytes."""

    def __init__(self, numbers: int) -> None:
        self._left = numbers
        super().__init__()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.empty, torch.zeros, torch.ones):
            size = args[0] if args and isinstance(args[0], Sequence) else args
            self._left -= math.prod(size)
            if self._left < 0:
                raise ValueError(f"{WEIGHTS} has fewer weights than the network that config.json describes")
        return func(*args, **(kwargs or {}))


def weights_digest(folder: Path) -> str:
    """sha256 of the last weights in `folder`: it identifies the model in the tracking store."""
    last = folder / "last" / WEIGHTS
    return sha256(last if last.exists() else folder / WEIGHTS)
