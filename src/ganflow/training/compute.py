"""What a training adds to how networks run: compilation, and the processes that share the work."""

import os
import shutil
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.inference.compute import Runtime, set_up
from ganflow.training import processes
from ganflow.training.processes import World

COMPILE_STEPS = 2000  # of a training, above which a GPU is taken to win back the time of compiling


@dataclass(frozen=True)
class Machine(Runtime):
    """The device and precision of a training, whether its networks are compiled, and the processes it shares."""

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


def prepare(compute: Compute, steps: int = 0) -> Machine:
    """Apply `compute` to torch's global settings for a job of `steps` training steps, and say what was chosen.

    Under torchrun this process joins the others of the job.

    Raises:
        UserError: the asked device is not there, fewer GPUs than processes, or no compiler.
    """
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes on this host, ourselves included
    runtime = set_up(compute, beside)
    device = runtime.device
    if device.type == "cuda" and beside > 1:
        processes.check_gpus(beside)  # started by torchrun itself
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    world = processes.join(device.type)
    compiled, said = _compiles(compute.compile, device, steps)
    reason = runtime.reason + said
    reason += f", {world.size} processes" if world.size > 1 else ""
    return Machine(device, runtime.bf16, reason, compiled, world)


def _compiles(wanted: str, device: torch.device, steps: int) -> tuple[bool, str]:
    """Whether to compile the networks, and what to say of it."""
    # On a CPU the compiled step was slower, after a minute of compiling (docs/performance.md): its time is in oneDNN.
    if wanted == "off" or (wanted == "auto" and (device.type != "cuda" or steps < COMPILE_STEPS)):
        return False, ""
    # torch writes C++ for a CPU; for a GPU, Triton builds what launches its kernels with a C compiler.
    variable, compilers = ("CXX", ("g++", "clang++")) if device.type == "cpu" else ("CC", ("gcc", "clang"))
    if variable in os.environ or any(map(shutil.which, compilers)):
        return True, ", compiled"
    missing = f"torch.compile takes {' or '.join(compilers)} here, and neither is installed"
    if wanted == "on":
        raise UserError(f"compute.compile = 'on': {missing} (auto will run)")
    return False, f", not compiled ({missing})"
