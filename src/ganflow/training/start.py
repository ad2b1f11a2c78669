"""A training that starts from given weights (`start_from`): those of G, and of D where the folder has them."""

import json
import shutil
import sys
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

# The U-Nets of a task, by what their weights' names begin with in its G, and which side of a pair each draws.
DRAWN = {
    "pix2pix": {"": "target"},
    "cvae": {"generator.": "target"},
    "cyclegan": {"there.": "target", "back.": "input"},
}
LAST_LAYER = ("up.0.", "output.")  # the same of a U-Net's last layer


@dataclass(frozen=True)
class Start:
    """Where a training starts. `address`: `start_from` as the user wrote it.

    `anew`: what the names of the weights begin with that keep their initial values, as D then does too: the last layers
    of generators whose pictures have other classes here than where they were trained.
    """

    address: str
    folder: Path
    anew: tuple[str, ...] = ()

    @property
    def weights(self) -> str:
        """sha256 of G's weights."""
        return sha256(self.folder / WEIGHTS)

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the network that it gives (models.saved)."""
        return _config(self.folder)["arguments"]

    def palettes(self, task: str) -> list[int | None]:
        """How many colours each of its U-Nets mixes (unet.Palette); None: that begins anew."""
        counts = self.arguments.get("palettes") or [self.arguments.get("palette", 0)]
        kept = (not any(name.startswith(unet) for name in self.anew) for unet in DRAWN[task])
        return [count if keeps else None for count, keeps in zip(counts, kept, strict=True)]

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


def start_of(task: str, address: str, sides: tuple[dict[str, Any], dict[str, Any]] | None = None) -> Start | None:
    """Where the training of `task` starts; None: from scratch.

    `sides`: what the input and the target of a translator are (data.prepared.sides). Labels of other classes have other
    colours: the layer that mixes the old ones is of no use, and a D that knows the old ones tells the new ones from
    anything drawn at once, so that G learns nothing from it.
    """
    if not address:
        return None
    if sides is None:
        return Start(address, FOLDER / task)
    anew: list[str] = []
    here, trained = {"input": sides[0], "target": sides[1]}, _config(FOLDER / task)
    for unet, side in DRAWN[task].items():
        if side in trained and trained[side]["classes"] != here[side]["classes"]:
            anew += [unet + layer for layer in LAST_LAYER]
    if anew:
        what = "the last layer of G, and D," if task != "cyclegan" else "the last layers that draw them, and D,"
        print(f"{task}: {address} was trained on other classes: {what} begin anew", file=sys.stderr)
    return Start(address, FOLDER / task, tuple(anew))


def load_start(networks: dict[str, nn.Module], start: Start, task: str) -> None:
    """Put the weights of `start` into the networks of a model: D's into "D", G's into all others (G and its average).

    Without weights of D, or where its last layers begin anew, D keeps its initial ones.

    Raises:
        UserError: they are of a network of other sizes.
    """
    for name, network in networks.items():
        path = start.folder / (DISCRIMINATOR if name == "D" else WEIGHTS)
        if name == "D" and (start.anew or not path.exists()):
            continue
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as fault:
            raise UserError(f"{task}.start_from = {start.address}: {path.name} cannot be read: {fault}") from None
        initial = network.state_dict()
        weights = {key: value for key, value in weights.items() if not key.startswith(start.anew)}
        weights |= {key: value for key, value in initial.items() if key.startswith(start.anew)}
        theirs, ours = ({key: value.shape for key, value in of.items()} for of in (weights, initial))
        if found := shape_difference(name, theirs, ours):
            raise UserError(
                f"{task}.start_from = {start.address}: {found}: train with the channels and sizes that it was trained "
                "with (its config.json has them)"
            )
        network.load_state_dict(weights)


def _config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))
