"""Where and how the arithmetic runs: device, precision, threads, compilation, and how many processes share it."""

import ctypes
import os
import shutil
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.training import processes
from ganflow.training.processes import World

COMPILE_STEPS = 2000  # of a training, above which a GPU is taken to win back the time of compiling
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h


@dataclass(frozen=True)
class Machine:
    """The device and precision chosen, and why, for people and for MLflow."""

    device: torch.device
    bf16: bool
    reason: str
    compile: bool = False
    world: World = field(default_factory=World)

    def compiled(self, network: nn.Module) -> nn.Module:
        """`network`, same parameters, compiled where that was chosen."""
        if not self.compile:
            return network
        compiled = torch.compile(network)
        assert isinstance(compiled, nn.Module)
        return compiled

    def synchronised(self, network: nn.Module) -> nn.Module:
        """`network`, same parameters: gradients of what it computes are averaged over all processes."""
        return DistributedDataParallel(network, forward_sync_buffers=False) if self.world.size > 1 else network

    def autocast(self) -> AbstractContextManager[object]:
        """bf16 autocast where it was chosen, else nothing."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def prepare(compute: Compute, steps: int = 0) -> Machine:
    """Apply `compute` to torch's global settings for a job of `steps` training steps, and say what was chosen.

    Under torchrun this process joins the others of the job.

    Raises:
        UserError: the asked device is not there, or no compiler.
    """
    device = chosen_device(compute.device)
    world = processes.join(device.type)
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes on this host, ourselves included
    if device.type == "cuda" and beside > 1:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    torch.set_num_threads(compute.threads or max(1, (os.cpu_count() or 1) // beside))
    _keep_freed_memory()
    # GAN gradients decay into denormals, on which a CPU is many times slower.
    torch.set_flush_denormal(True)
    # Same bytes every time is worth more here than cuDNN's fastest algorithm.
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    fast = _multiplies_bf16(device)
    bf16 = fast if compute.precision == "auto" else compute.precision == "bf16"
    compiled = _compiles(compute.compile, device, steps)
    reason = f"{device.type}, {'bf16 autocast' if bf16 else 'fp32'}"
    if compute.precision == "auto":
        reason += f" ({'the hardware multiplies' if fast else 'no hardware that multiplies'} in bf16)"
    reason += f", {torch.get_num_threads()} CPU threads"
    reason += ", compiled" if compiled else ""
    reason += f", {world.size} processes" if world.size > 1 else ""
    return Machine(device, bf16, reason, compiled, world)


def _compiles(wanted: str, device: torch.device, steps: int) -> bool:
    if wanted == "on" and device.type == "cpu" and not (shutil.which("g++") or shutil.which("clang++")):
        raise UserError("compute.compile = 'on': compiling for the CPU takes g++, which is not here (auto will run)")
    # On a CPU the compiled step was slower, after a minute of compiling (docs/performance.md): its time is in oneDNN.
    return wanted == "on" or (wanted == "auto" and device.type == "cuda" and steps >= COMPILE_STEPS)


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next step, which needs the very same blocks again.

    By default it hands every large block back to the kernel, and each step pays for thousands of page faults.
    """
    with suppress(AttributeError):  # another C library
        adjust = ctypes.CDLL(None).mallopt
        adjust(_M_MMAP_MAX, 0)
        adjust(_M_TRIM_THRESHOLD, 2**31 - 1)


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
