"""Where and how the arithmetic runs: device, precision, threads, and the randomness of a step."""

import hashlib
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from ganflow.config import Compute
from ganflow.errors import UserError


@dataclass(frozen=True)
class Machine:
    """The device and precision chosen, and why, for people and for MLflow."""

    device: torch.device
    bf16: bool
    reason: str

    def autocast(self) -> AbstractContextManager[object]:
        """bf16 autocast where it was chosen, else nothing."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def prepare(compute: Compute) -> Machine:
    """Apply `compute` to torch's global settings and say what was chosen.

    Raises:
        UserError: the asked device is not there.
    """
    device = chosen_device(compute.device)
    torch.set_num_threads(compute.threads or os.cpu_count() or 1)
    # GAN gradients decay into denormals, on which a CPU is many times slower.
    torch.set_flush_denormal(True)
    # Same bytes every time is worth more here than cuDNN's fastest algorithm.
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    fast = _multiplies_bf16(device)
    bf16 = fast if compute.precision == "auto" else compute.precision == "bf16"
    reason = f"{device.type}, {'bf16 autocast' if bf16 else 'fp32'}"
    if compute.precision == "auto":
        reason += f" ({'the hardware multiplies' if fast else 'no hardware that multiplies'} in bf16)"
    return Machine(device, bf16, f"{reason}, {torch.get_num_threads()} CPU threads")


def chosen_device(name: str) -> torch.device:
    """The device of this name (auto: the best there is).

    Raises:
        UserError: there is none.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[name]:
        raise UserError(f"compute.device = '{name}': torch sees no such device here (auto or cpu will run)")
    return torch.device(name)


def _multiplies_bf16(device: torch.device) -> bool:
    """Whether bf16 products are done in hardware. Emulated ones are hundreds of times slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def latents(count: int, dim: int, *seed: object) -> torch.Tensor:
    """N(0, 1) latents [count, dim] from the `step_seed` of these parts: the same on every device and at every call."""
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(step_seed(*seed)))


def step_seed(*parts: object) -> int:
    """A 63-bit seed from e.g. (seed, model, step): no generator state needs to be carried from step to step."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
