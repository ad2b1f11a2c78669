"""Device, precision, compilation and processes of a training."""

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

COMPILE_STEPS = 2000  # a training on a GPU compiles from this length on: it then saves the time that compiling costs


@dataclass(frozen=True)
class Machine(Runtime):
    """The device and precision of a training, whether its networks are compiled, and its processes."""

    compile: bool = False
    world: World = field(default_factory=World)

    def compiled(self, network: nn.Module) -> nn.Module:
        """`network`, compiled if that was chosen; it shares the parameters."""
        if not self.compile:
            return network
        compiled = torch.compile(network)
        assert isinstance(compiled, nn.Module)
        return compiled

    def synchronised(self, network: nn.Module, some_unused: bool = False) -> nn.Module:
        """`network` with gradients averaged over all processes; it shares the parameters.

        `some_unused`: whether there are steps whose loss does not depend on all of them.
        """
        if self.world.size == 1:
            return network
        return DistributedDataParallel(network, forward_sync_buffers=False, find_unused_parameters=some_unused)


def prepare(compute: Compute, steps: int = 0) -> Machine:
    """Apply `compute` to torch's global settings for a training of `steps` steps, and return what was chosen.

    Under torchrun, this process also joins the others of its job.

    Raises:
        UserError: the device is not available, there are fewer GPUs than processes, or no compiler.
    """
    local_size = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes of the job on this host
    runtime = set_up(compute, local_size)
    device = runtime.device
    if device.type == "cuda" and local_size > 1:
        processes.check_gpus(local_size)  # `launched` has not checked it if the user called torchrun
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    world = processes.join(device.type)
    compiled, note = _choose_compile(compute.compile, device, steps)
    reason = runtime.reason + note
    reason += f", {world.size} processes" if world.size > 1 else ""
    return Machine(device, runtime.bf16, reason, compiled, world)


def _choose_compile(choice: str, device: torch.device, steps: int) -> tuple[bool, str]:
    """Whether to compile the networks, and the words for it in `Machine.reason`."""
    # On a CPU a compiled step was slower (docs/performance.md): most of its time is spent in oneDNN either way.
    if choice == "off" or (choice == "auto" and (device.type != "cuda" or steps < COMPILE_STEPS)):
        return False, ""
    # For a CPU torch generates C++; for a GPU, Triton compiles the code that launches its kernels with a C compiler.
    variable, compilers = ("CXX", ("g++", "clang++")) if device.type == "cpu" else ("CC", ("gcc", "clang"))
    if variable in os.environ or any(map(shutil.which, compilers)):
        return True, ", compiled"
    missing = f"torch.compile needs {' or '.join(compilers)} here, and neither is installed"
    if choice == "on":
        raise UserError(f"compute.compile = 'on': {missing} (auto runs without it)")
    return False, f", not compiled ({missing})"
