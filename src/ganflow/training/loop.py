"""The training loop of all models. It knows no network and no loss: a model supplies `step` and its networks.

To resume an interrupted training, run the same command again.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.data.batches import Draw
from ganflow.errors import UserError
from ganflow.files import whole_file
from ganflow.training.checkpoint import Checkpoints
from ganflow.training.lifetime import Stopped, stop_on_signals
from ganflow.training.plan import Plan
from ganflow.training.processes import World
from ganflow.training.progress import Progress

LOG_STEPS = 50  # between two points of a curve

_AXES = ("step", "epoch", "images")  # columns of the history that are x axes, not curves


class Model(Protocol):
    """What the loop needs of a model. The next step depends on these networks and optimisers alone."""

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update of every network on one batch; returns scalars (on the device) to be averaged and logged.

        `images_seen` includes this batch, of all processes. A schedule (of a weight, say) may follow it, and never the
        share of the training that is done: a longer training must take the same steps (`Plan.constant_steps`).
        """
        ...

    def finished(self) -> nn.Module:
        """The network to validate and save, as it is after the last step, in evaluation mode."""
        ...

    def sample(self, network: nn.Module) -> Image.Image | None:
        """A picture of what the finished network generates from fixed inputs, or None. Shows progress to people.

        Like `finished`, it must change nothing that the next step depends on.
        """
        ...


class Batches(Protocol):
    """What the loop needs of a data set."""

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor, draw: Draw) -> tuple[Tensor, ...]: ...


class Curves(Protocol):
    """Receives each point and picture, besides the history: a `tracking.run.Tracker`, or `run._NoCurves`."""

    def metrics(self, values: dict[str, float], step: int) -> None: ...

    def image(self, image: Image.Image, key: str, step: int) -> None: ...


# Of a network and of baselines, by name: measures as (value, half the width of its 95 % interval).
Rows = dict[str, dict[str, tuple[float, float]]]


@dataclass(frozen=True)
class Validation:
    """Measures of a network in evaluation mode, and the one of them by which the best epoch is chosen.

    `measure` must change nothing that the next training step depends on; an epoch that it gives no `best_by` is not
    chosen. `resampled` gives `best_by` on the whole split
    and on resamples of it, [1 + R]: the same ones for every network that is `judged` alike (metrics.comparable); and
    the headline measures there, of the network and of the trivial baseline, for metrics.failures.failure.
    """

    measure: Callable[[nn.Module], dict[str, float]]
    best_by: str
    higher_is_better: bool
    resampled: Callable[[nn.Module], tuple[np.ndarray, Rows]] | None = None
    judged: Mapping[str, str | int] = field(default_factory=dict)
    classes: int = 10  # of the digits that a GAN draws

    def better(self, value: float, than: float) -> bool:
        """Strictly better, so that the earliest of equal epochs is kept."""
        return value > than if self.higher_is_better else value < than


@dataclass
class Best:
    """The best epoch so far on the validation split (counted from 1), its value and its weights."""

    epoch: int
    value: float
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Trained:
    """The history, one row per logged point, and the best epoch; None without a validation."""

    history: pd.DataFrame
    best: Best | None


def train(
    model: Model,  #                 networks, optimisers and one step
    data: Batches,  #                indexable training images
    plan: Plan,  #                   how many steps, in which order, how fast
    checkpoints: Checkpoints,  #     to resume from; also holds the samples until the end
    curves: Curves,  #               tracking
    validation: Validation | None,
    world: World | None = None,  #   all processes of the training; only the leader validates and writes
) -> Trained:
    """Train from the last checkpoint, or the start, to the end.

    All randomness of a step comes from (seed, model, step), so a resumed run takes exactly the same steps. Writes one
    picture per epoch to `checkpoints.samples`.

    Raises:
        UserError: a loss is not finite. Names the step, the terms and the last good checkpoint.
        Stopped: SIGTERM or SIGINT was received; the state is saved.
    """
    world = world or World()
    step, history, best = 0, _History(plan, checkpoints, curves, world), None
    if state := world.from_leader(checkpoints.load() if world.leads else None):
        step = state["step"]
        best = Best(**state["best"]) if state["best"] else None
        history.load_state(state["history"])
        for name, part in _stateful_parts(model).items():
            part.load_state_dict(state["model"][name])
    saved_at, pause = time.monotonic(), checkpoint_pause(0.0)
    order = plan.order(step // plan.epoch_steps)
    with stop_on_signals() as stop, Progress(plan, step, quiet=not world.leads) as progress:
        if step and world.leads:
            print(f"{plan.name}: resuming after step {step} of {plan.steps}", file=sys.stderr)
        while step < plan.steps:
            # Seed and data
            epoch, index = divmod(step, plan.epoch_steps)
            if index == 0:
                order = plan.order(epoch)
            world.reseed(plan.seed, plan.name, step)
            indices = order[index * plan.batch_size : (index + 1) * plan.batch_size]
            batch = data.batch(world.share(indices), world.draw)

            # Optimise
            for optimiser in model.optimisers.values():
                for group in optimiser.param_groups:
                    group["lr"] = plan.rate(step)
            scalars = model.step(batch, (step + 1) * plan.batch_size)
            step += 1

            # Log, sample, validate
            history.add(step, scalars)
            if step % plan.epoch_steps == 0 and world.leads:
                network = model.finished()
                measures = validation.measure(network) if validation else {}
                history.log(step, measures)
                value = measures.get(validation.best_by) if validation else None
                if (
                    validation
                    and value is not None
                    and math.isfinite(value)
                    and (best is None or validation.better(value, best.value))
                ):
                    best = Best(epoch + 1, value, _cpu_copy(network))
                if picture := model.sample(network):
                    path = checkpoints.samples / f"epoch_{epoch + 1:04d}.png"
                    with whole_file(path) as partial:
                        picture.save(partial, "PNG")
                    checkpoints.add_picture(path)
                    curves.image(picture, "samples", step)
            elif step % LOG_STEPS == 0 or step % plan.epoch_steps == 0:
                history.log(step, {})
            progress(step, history.rows)

            # Checkpoint
            due = world.leads and time.monotonic() - saved_at > pause
            signal, save = world.maximum(stop.received or 0, due)
            if signal or save or step in (plan.constant_steps, plan.steps):
                history.check()  # a state with a loss that is not finite must never be saved
                began = time.monotonic()
                if world.leads:
                    parts = {name: part.state_dict() for name, part in _stateful_parts(model).items()}
                    state = {"step": step, "history": history.state(), "best": best and vars(best), "model": parts}
                    checkpoints.save(step, state)
                saved_at = time.monotonic()
                pause = checkpoint_pause(saved_at - began)
            if signal and step < plan.steps:
                if world.leads:
                    print(
                        f"{plan.name}: saved after step {step} of {plan.steps}; the same command goes on from there",
                        file=sys.stderr,
                    )
                raise Stopped(128 + signal)
    return Trained(pd.DataFrame(history.rows), best)


def checkpoint_pause(took: float) -> float:
    """Seconds between a checkpoint that took `took` seconds and the next: a minute, or more to keep saving to 1 %.

    With the paper's networks a checkpoint is 0.9 GB. SIGTERM and SIGINT save first, so only SIGKILL loses this time.
    """
    return max(60.0, 100 * took)


def _cpu_copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _stateful_parts(model: Model) -> dict[str, nn.Module | torch.optim.Optimizer]:
    return {**model.networks, **{f"{name} optimiser": part for name, part in model.optimisers.items()}}


class _History:
    """The curves. Scalars stay on the device until a point is due: a copy at every step would make the GPU wait."""

    def __init__(self, plan: Plan, checkpoints: Checkpoints, curves: Curves, world: World) -> None:
        self.rows: list[dict[str, float]] = []  # one per point
        self._since: list[list[float]] = []  # scalars of the steps since the last point, checked
        self._waiting: list[tuple[int, Tensor]] = []  # step and its scalars, not yet checked
        self._names: list[str] = []
        self._plan, self._checkpoints, self._curves, self._world = plan, checkpoints, curves, world

    def add(self, step: int, scalars: dict[str, Tensor]) -> None:
        self._names = list(scalars)
        values = torch.stack([value.detach().float() for value in scalars.values()])
        self._waiting.append((step, values))
        if values.device.type == "cpu":  # checking is cheap here
            self.check()

    def log(self, step: int, measures: dict[str, float]) -> None:
        """Close the point at `step`: the means of the steps since the last point, and `measures` as val_*."""
        self.check()
        # fsum is exact: a point has the same value wherever a checkpoint split its steps.
        columns = zip(*self._since, strict=True)
        means = {name: math.fsum(column) / len(column) for name, column in zip(self._names, columns, strict=True)}
        self._since.clear()
        means["learning_rate"] = self._plan.rate(step - 1)
        means |= {f"val_{name}": value for name, value in measures.items()}
        epoch = (step - 1) // self._plan.epoch_steps + 1
        position = (step, epoch, step * self._plan.batch_size)
        self.rows.append(dict(zip(_AXES, position, strict=True)) | means)
        self._curves.metrics(means, step)

    def state(self) -> dict[str, Any]:
        return {"rows": self.rows, "since": self._since}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from `state`. Sends its points and pictures to tracking again: some may never have arrived."""
        self.rows, self._since = state["rows"], state["since"]
        for row in self.rows:
            self._curves.metrics({name: value for name, value in row.items() if name not in _AXES}, int(row["step"]))
        for name in sorted(self._checkpoints.pictures):
            step = int(name.removeprefix("epoch_").removesuffix(".png")) * self._plan.epoch_steps
            with Image.open(self._checkpoints.samples / name) as opened:
                self._curves.image(opened.copy(), "samples", step)

    def check(self) -> None:
        """Copy waiting scalars to the host, as means over all processes.

        Raises:
            UserError: one is not finite.
        """
        if not self._waiting:
            return
        values = self._world.mean(torch.stack([value for _, value in self._waiting])).tolist()
        for (step, _), row in zip(self._waiting, values, strict=True):
            if not all(map(math.isfinite, row)):
                terms = ", ".join(f"{name} = {value:.4g}" for name, value in zip(self._names, row, strict=True))
                newest = self._checkpoints.newest() or "none yet"
                raise UserError(
                    f"{self._plan.name}: a loss is no longer finite at step {step} ({terms}). The last good "
                    f"checkpoint: {newest}. Try a lower learning_rate or another objective"
                )
        self._since += values
        self._waiting.clear()
