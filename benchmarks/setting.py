"""What every bench is given: parameters, the machine they choose, and how large to measure."""

import math
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import Elsewhere, Run, here
from torch import Tensor

from ganflow.config import Params, Pix2Pix
from ganflow.training import compute
from ganflow.training.compute import Machine
from ganflow.training.pix2pix import Pix2PixModel

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Setting:
    """`tiny`: as small as it runs at all, for the tests."""

    params: Params
    machine: Machine
    tiny: bool = False
    rounds_asked: int | None = None

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    @property
    def device(self) -> str:
        return str(self.machine.device)

    def rounds(self, usual: int) -> int:
        return 1 if self.tiny else self.rounds_asked or usual

    def pick(self, usual: int, tiny: int) -> int:
        return tiny if self.tiny else usual

    def textbook(self, build: Callable[..., Callable[[], object]], *arguments: object) -> AbstractContextManager[Run]:
        """The step that `build(*arguments)` gives, in a process of its own; in this one if tiny."""
        return nullcontext(here(build(*arguments))) if self.tiny else Elsewhere(self.threads, build, *arguments)

    def paper(self, batch: int) -> tuple[Pix2Pix, int]:
        """Pix2Pix with the paper's networks, and its size: 64 channels, batch norm, dropout, transposed, 256 px."""
        channels = self.pick(64, 4)
        own = {"generator_channels": channels, "discriminator_channels": channels, "batch_size": batch}
        own |= {"norm": "batch", "upsample": "transposed", "dropout": 0.5, "objective": "non_saturating"}
        own |= {"lambda_gan": 1.0, "lambda_l1": 100.0, "lambda_rare": 0.0, "lambda_features": 0.0}
        own["learning_rate"] = 0.0002
        return self.params.pix2pix.model_copy(update=own), self.pick(256, 32)

    def translators(self) -> dict[str, tuple[Pix2Pix, int]]:
        """By name: Pix2Pix's parameters, with their batch size, and the side of its crops."""
        own, size = self.params.pix2pix, self.params.maps.crop_size
        cases = {f"default, batch {own.batch_size}, {size} px": (own, size)}
        for batch in (1, 4):
            case, size = self.paper(batch)
            cases[f"paper's networks, batch {batch}, {size} px"] = (case, size)
        return cases

    def plain(self) -> Machine:
        """fp32 and nothing compiled."""
        settings: dict[str, Any] = {"precision": "fp32"}
        if "compile" in type(self.params.compute).model_fields:
            settings["compile"] = "off"
        return compute.prepare(self.params.compute.model_copy(update=settings))


def pix2pix(own: Pix2Pix, size: int, machine: Machine) -> Pix2PixModel:
    nothing = np.zeros((1, size, size, 3), np.uint8)
    colours = torch.zeros(own.palette, 3, dtype=torch.uint8)
    return Pix2PixModel(own, size, 0, machine, (nothing, nothing), torch.zeros(3, dtype=torch.uint8), colours)


def noise(batch: int, size: int, device: str | torch.device) -> tuple[Tensor, Tensor]:
    """Input and target [batch, 3, size, size], uniform in [-1, 1]."""
    x, y = torch.rand(2, batch, 3, size, size, device=device) * 2 - 1
    return x, y


def levels(size: int) -> int:
    """Of a U-Net for tiles of this size, as the project chooses them."""
    return min(8, int(math.log2(size)))


def environment(setting: Setting) -> dict[str, Any]:
    """What the figures were measured on."""
    cuda = torch.cuda.is_available()
    return {
        "machine": setting.machine.reason,
        "device": torch.cuda.get_device_name() if cuda else setting.device,
        "precision": "bf16 autocast" if setting.machine.bf16 else "fp32",
        "threads": setting.threads,
        "torch": torch.__version__,
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def cpu_name() -> str:
    """As the kernel names it, where it does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"
