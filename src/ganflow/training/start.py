"""A training that starts from given weights (`start_from`): those of G, and of D where the folder has them."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ganflow.errors import UserError
from ganflow.files import sha256, whole_dir, write_json
from ganflow.models.saved import DISCRIMINATOR, WEIGHTS
from ganflow.pipeline.starts import shape_difference

FOLDER = Path("data/start")  # where the stage start_weights puts a copy of what `start_from` names


@dataclass(frozen=True)
class Start:
    """Where a training starts. `address`: `start_from` as the user wrote it."""

    address: str
    folder: Path

    @property
    def weights(self) -> str:
        """sha256 of G's weights."""
        return sha256(self.folder / WEIGHTS)

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the network that it gives (models.saved)."""
        return json.loads((self.folder / "config.json").read_text(encoding="utf-8"))["arguments"]

    @property
    def residual(self) -> bool:
        """Whether G adds to its input (models.unet)."""
        return self.arguments.get("residual", False)

    @property
    def digest(self) -> str:
        """Of all weights that it gives."""
        files = [self.folder / name for name in (WEIGHTS, DISCRIMINATOR)]
        return "+".join(sha256(path)[:16] for path in files if path.exists())


def copy_start(source: Path | None, to: Path) -> None:
    """Copy the trained network in the folder `source` to the folder `to`, which says so if there is none."""
    with whole_dir(to) as partial:
        write_json(partial / "start.json", {"from_scratch": source is None})
        for path in sorted(source.iterdir()) if source else ():
            if path.name in ("config.json", WEIGHTS, DISCRIMINATOR):
                shutil.copyfile(path, partial / path.name)


def start_of(task: str, address: str) -> Start | None:
    """Where the training of `task` starts; None: from scratch."""
    return Start(address, FOLDER / task) if address else None


def load_start(networks: dict[str, nn.Module], start: Start, task: str) -> None:
    """Put the weights of `start` into the networks of a model: D's into "D", G's into all others (G and its average).

    Without weights of D, D keeps its initial ones.

    Raises:
        UserError: they are of a network of other sizes.
    """
    for name, network in networks.items():
        path = start.folder / (DISCRIMINATOR if name == "D" else WEIGHTS)
        if name == "D" and not path.exists():
            continue
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as fault:
            raise UserError(f"{task}.start_from = {start.address}: {path.name} cannot be read: {fault}") from None
        theirs, ours = ({key: value.shape for key, value in of.items()} for of in (weights, network.state_dict()))
        if found := shape_difference(name, theirs, ours):
            raise UserError(
                f"{task}.start_from = {start.address}: {found}: train with the channels and sizes that it was trained "
                "with (its config.json has them)"
            )
        network.load_state_dict(weights)
