"""Several processes that train one model together: torch's own launcher and collectives, and what each one draws.

N processes take the very steps that one takes: `batch_size` counts the whole batch, of which each process has a share,
everything random is drawn for the whole batch and shared out, and gradients are averaged over all.
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

LEADER_SECONDS = 5.0  # that the leader gets to say what is wrong: when one process ends, the launcher ends all
PATIENCE = timedelta(hours=24)  # for a leader that waits its turn; a process that dies is noticed at once all the same


class World:
    """The processes of one training as one of them sees it: its `rank` of `size`. Rank 0 leads: it alone writes."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._shared = torch.Generator()

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def reseed(self, *parts: object) -> None:
        """Begin the randomness of a step: one stream that all processes share, and torch's own, apart in each."""
        self._shared.manual_seed(step_seed(*parts))
        torch.manual_seed(step_seed(*parts, "alone", self.rank))

    def draw(self, draw: Callable[[int, torch.Generator], Tensor], count: int) -> Tensor:
        """Own `count` rows of what `draw(rows, generator)` gives for all processes; on the CPU."""
        return self.share(draw(count * self.size, self._shared))

    def share(self, whole: Tensor) -> Tensor:
        """Own rows of a tensor that all processes have."""
        count = len(whole) // self.size
        return whole[self.rank * count : (self.rank + 1) * count]

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.size > 1:
            dist.all_reduce(values, dist.ReduceOp.SUM)
            values /= self.size
        return values

    def most(self, *values: int) -> list[int]:
        """The largest of each value over all processes: what one of them asks for, all do."""
        if self.size == 1:
            return list(values)
        asked = torch.tensor(values)  # on the CPU: a GPU is not made to wait for it
        dist.all_reduce(asked, dist.ReduceOp.MAX)
        return asked.tolist()

    def from_leader(self, state: Any) -> Any:
        """What the leader has."""
        if self.size == 1:
            return state
        box = [state]
        dist.broadcast_object_list(box)
        return box[0]


def join(device: str) -> World:
    """This process's place in the job that torchrun started, or a world of its own."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return World()
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    return World(dist.get_rank(), dist.get_world_size())


@contextmanager
def as_one_of(world: World) -> Iterator[None]:
    """Train as one of `world`: what ends one process ends all, and the leader alone says why."""
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
            f"another of the {world.size} processes has ended; the last checkpoint is kept, the same command goes on"
        ) from None
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def check_gpus(count: int) -> None:
    """Refuse more processes on this machine than it has GPUs.

    Raises:
        UserError: there are more.
    """
    if count > (gpus := torch.cuda.device_count()):
        raise UserError(f"compute.processes = {count}: each takes a GPU of its own, and torch sees {gpus} here")


def launched(compute: Compute) -> bool:
    """Run this very command as `compute.processes` processes, as torchrun does, and say whether that was done.

    Where it was not (one process is asked for, or this is one of them already) the caller does the work itself.

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
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all on this host
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # compute.prepare sets the number; silences a warning
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
