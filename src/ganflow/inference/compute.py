"""Where and how a network runs: device, precision, threads, and torch's global settings."""

import ctypes
import os
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

import torch

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.inference import hardware

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h


@dataclass(frozen=True)
class Runtime:
    """The device and precision chosen, and why, for people and for MLflow."""

    device: torch.device
    bf16: bool
    reason: str

    def autocast(self) -> AbstractContextManager[object]:
        """bf16 autocast where it was chosen, else nothing."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def set_up(compute: Compute, processes: int = 1) -> Runtime:
    """Apply `compute` to torch's global settings, and say what was chosen.

    `processes`: how many share the CPU cores of this machine, this one included.

    Raises:
        UserError: `compute.device` is not available.
    """
    device = chosen_device(compute.device)
    torch.set_num_threads(compute.threads or max(1, hardware.usable_cores() // processes))
    _keep_freed_memory()
    # GAN gradients decay into denormals, on which a CPU is many times slower.
    torch.set_flush_denormal(True)
    if device.type == "cuda":
        _make_gpu_deterministic()
    fast, why = _bf16_is_faster(device)
    bf16 = fast if compute.precision == "auto" else compute.precision == "bf16"
    reason = f"{device.type}, {'bf16 autocast' if bf16 else 'fp32'}"
    reason += f" ({why})" if compute.precision == "auto" else ""
    return Runtime(device, bf16, f"{reason}, {torch.get_num_threads()} CPU threads")


def chosen_device(name: str) -> torch.device:
    """The device of this name (auto: the best there is).

    Raises:
        UserError: torch sees no such device.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[name]:
        raise UserError(f"compute.device = '{name}': torch sees no such device here (auto or cpu will run)")
    return torch.device(name)


def _make_gpu_deterministic() -> None:
    """Reproducible bytes matter more here than the fastest algorithm.

    An operation without a deterministic algorithm still runs, with a warning.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True


def _keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next step, which needs blocks of the same sizes again.

    By default it returns every large block to the kernel, and each step causes thousands of page faults.
    """
    with suppress(AttributeError):  # another C library
        adjust = ctypes.CDLL(None).mallopt
        adjust(_M_MMAP_MAX, 0)
        adjust(_M_TRIM_THRESHOLD, 2**31 - 1)


def _bf16_is_faster(device: torch.device) -> tuple[bool, str]:
    """Whether bf16 is faster than fp32 on this device, and why."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
        return fast, "this GPU multiplies in bf16" if fast else "this GPU does not multiply in bf16"
    if device.type == "cpu":
        return hardware.cpu_runs_bf16_faster(
            hardware.CPUINFO.read_text(encoding="utf-8") if hardware.CPUINFO.exists() else ""
        )
    return False, "bf16 is not used on this device"
