"""Data-parallel training in several processes, with torch's launcher and collectives.

N processes take the same steps as one: `batch_size` is that of the whole batch, of which each process gets an equal
share; random numbers are drawn for the whole batch and shared in the same way; gradients are averaged over all.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.inference.compute import chosen_device
from ganflow.seeds import step_seed

LEADER_SECONDS = 5.0  # other processes exit so much later: the launcher then ends the leader, which must print first
COLLECTIVE_TIMEOUT = timedelta(hours=24)  # the leader may wait for a lock; a process that dies is noticed at once


class World:
    """This process's place among the processes of a training: `rank` of `size`. Rank 0 leads: only it writes."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._shared = torch.Generator()

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def reseed(self, *parts: object) -> None:
        """Seed a step: one generator that is equal in all processes, and torch's own, different in each."""
        self._shared.manual_seed(step_seed(*parts))
        torch.manual_seed(step_seed(*parts, "alone", self.rank))

    def draw(self, draw: Callable[[int, torch.Generator], Tensor], count: int) -> Tensor:
        """This process's `count` rows of `draw(rows of all processes, generator)`; on the CPU."""
        return self.share(draw(count * self.size, self._shared))

    def share(self, whole: Tensor) -> Tensor:
        """This process's equal share of the rows of a tensor that all processes have."""
        count = len(whole) // self.size
        return whole[self.rank * count : (self.rank + 1) * count]

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.size > 1:
            dist.all_reduce(values, dist.ReduceOp.SUM)
            values /= self.size
        return values

    def maximum(self, *values: int) -> list[int]:
        """The maximum of each value over all processes, so that a request to one of them reaches all."""
        if self.size == 1:
            return list(values)
        maxima = torch.tensor(values)  # on the CPU: no GPU has to wait for it
        dist.all_reduce(maxima, dist.ReduceOp.MAX)
        return maxima.tolist()

    def from_leader(self, state: Any) -> Any:
        """The leader's `state`."""
        if self.size == 1:
            return state
        states = [state]
        dist.broadcast_object_list(states)
        return states[0]


def join(device: str) -> World:
    """This process's place in the job that torchrun started; a world of size 1 without torchrun."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return World()
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=COLLECTIVE_TIMEOUT)
    return World(dist.get_rank(), dist.get_world_size())


@contextmanager
def fail_together(world: World) -> Iterator[None]:
    """Within it, an error of one process ends all of `world`, and only the leader prints a message.

    Raises:
        UserError: in the leader (or alone), for its own error or because another process has ended.
        SystemExit: in the other processes.
    """
    try:
        try:
            yield
        except (UserError, RuntimeError) as fault:
            if world.size == 1:
                raise
            if not isinstance(fault, UserError) and not any(name in str(fault).lower() for name in ("gloo", "nccl")):
                raise
            if not world.leads:
                time.sleep(LEADER_SECONDS)
                sys.exit(1)
            if isinstance(fault, UserError):
                raise
            raise UserError(
                f"another of the {world.size} processes has ended; the same command goes on from the last checkpoint"
            ) from None
    except BaseException:
        leave()
        raise


def leave() -> None:
    """Take this process out of the others' group, where there is one: it has no more to say to them."""
    if dist.is_initialized():
        dist.destroy_process_group()


def check_gpus(count: int) -> None:
    """Refuse more processes on this machine than it has GPUs.

    Raises:
        UserError: there are more.
    """
    if count > (gpus := torch.cuda.device_count()):
        raise UserError(f"compute.processes = {count}: each process needs its own GPU, and torch finds {gpus} here")


def launched(compute: Compute) -> bool:
    """Run this command as `compute.processes` processes, as torchrun does. Whether it was run so.

    If not (there is to be one process, or this is one of several already), the caller must do the work itself.

    Raises:
        UserError: there are fewer GPUs than processes.
        SystemExit: the job failed or was stopped; its message is on stderr.
    """
    count = compute.processes
    if count == 1 or "TORCHELASTIC_RUN_ID" in os.environ:
        return False
    if chosen_device(compute.device).type == "cuda":
        check_gpus(count)
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are on this host
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # silences a warning; compute.prepare sets the real number
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.5,
    )
    try:
        elastic_launch(config, sys.executable)(*sys.orig_argv[1:])
    except SignalException as stop:
        sys.exit(128 + stop.sigval)
    except ChildFailedError as failed:
        rank, first = failed.get_first_failure()
        if first.exitcode < 0:
            name = signal.Signals(-first.exitcode).name
            print(f"error: process {rank} of {count} was ended by {name}; the others were stopped", file=sys.stderr)
        sys.exit(first.exitcode if first.exitcode > 0 else 128 - first.exitcode)
    return True
