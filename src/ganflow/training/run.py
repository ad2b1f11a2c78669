"""One training from start to saved model: lock, tracking, loop, outs. What every train stage does around its model."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

from ganflow.comparison.champion import Judged
from ganflow.errors import UserError
from ganflow.files import whole_dir, whole_file
from ganflow.models import saved
from ganflow.pipeline.checkpoint_folders import mark
from ganflow.tracking.run import WEIGHTS_TAG, BestBy, Dataset, start_run
from ganflow.training.checkpoint import Checkpoints
from ganflow.training.compute import Machine
from ganflow.training.lifetime import Stopped, sole_user
from ganflow.training.loop import Batches, Model, Validation, train
from ganflow.training.plan import Plan
from ganflow.training.processes import as_one_of


@dataclass(frozen=True)
class Outs:
    """Where a training's results go: exactly the outs that dvc.yaml declares for the stage."""

    model: Path  # folder, with best/ and last/ in it where there is a validation
    history: Path  # CSV file
    samples: Path | None = None  # folder of one picture per epoch


def train_and_track(
    model: Model,
    data: Batches,
    plan: Plan,
    outs: Outs,
    *,
    params: dict[str, Any],  #        the sections this training depends on: logged, and part of the checkpoint's mark
    dataset: dict[str, Any],  #       training.json of the prepared data
    machine: Machine,
    example: Tensor,  #               one input of the saved network, for MLflow's signature
    arguments: dict[str, Any],  #     that rebuild it
    about: dict[str, Any],  #         what its users must know
    validation: Validation | None = None,
) -> None:
    """Train (or go on training) `model`, put its outs in place and everything about it into one MLflow run.

    A model with a validation is kept twice, in best/ (the epoch with the best value on the validation split) and last/.
    """
    world = machine.world
    asked = _of_results(params)
    made_on = f"{machine.device.type} in {'bf16' if machine.bf16 else 'fp32'}"
    checkpoints = Checkpoints(plan.name, mark(plan.name, asked, dataset["digest"]), made_on)
    if plan.batch_size % world.size:
        with as_one_of(world):
            raise UserError(
                f"{plan.name}.batch_size = {plan.batch_size} cannot be shared evenly by {world.size} processes"
            )
    if not world.leads:
        with as_one_of(world):
            train(model, data, plan, checkpoints, _Nowhere(), validation, world)
        return
    print(f"{plan.name}: {plan.steps} steps of {plan.batch_size} images on {machine.reason}", file=sys.stderr)
    with sole_user(checkpoints.folder):
        tracker = start_run(
            plan.name,
            params=_compared(params),
            dataset=Dataset(dataset["name"], dataset["digest"], dataset["source"]),
            training=checkpoints.training({"params": asked, "data": dataset["digest"]}),
            tags={"ganflow.machine": machine.reason, "ganflow.data_source": dataset["source"]},
            best_by=None if validation is None else _best_by(validation, plan),
        )
        try:
            with as_one_of(world):
                trained = train(model, data, plan, checkpoints, tracker, validation, world)
            network = model.finished().requires_grad_(False).cpu()
            with whole_dir(outs.model) as partial:
                if validation is None or trained.best is None:
                    saved.save_network(partial, network, arguments, about)
                else:
                    saved.save_network(partial / "last", network, arguments, about | {"epoch": plan.epochs})
                    network.load_state_dict(trained.best.weights)
                    chosen = {"epoch": trained.best.epoch, "best_by": validation.best_by, "val": trained.best.value}
                    saved.save_network(partial / "best", network, arguments, about | chosen)
            with whole_file(outs.history) as partial:
                trained.history.to_csv(partial, index=False)
            if outs.samples is not None:
                with whole_dir(outs.samples) as partial:
                    for picture in sorted(checkpoints.samples.glob("epoch_*.png")):
                        (partial / picture.name).write_bytes(picture.read_bytes())
            tracker.tag(WEIGHTS_TAG, saved.weights_digest(outs.model))
            tracker.file(outs.history, "history")
            judged = _judged(network, validation, machine, dataset["source"]) if validation else None
            tracker.model(network, example, "model", judged)
        except BaseException as fault:
            tracker.finish("KILLED" if isinstance(fault, Stopped) else "FAILED")
            raise
        tracker.finish("FINISHED")
        checkpoints.finish(outs.history)


def _of_results(params: dict[str, Any]) -> dict[str, Any]:
    """`params` less where it runs: a checkpoint of one process goes on with two."""
    where = ("device", "threads", "processes")
    return params | {"compute": {name: value for name, value in params["compute"].items() if name not in where}}


def _compared(params: dict[str, Any]) -> dict[str, Any]:
    """What runs are compared by: `params` less where it ran (a tag tells that) and weights that weigh nothing."""
    shown = {name: value for name, value in params.items() if name != "compute"}
    for name, section in shown.items():
        if isinstance(section, dict):
            no_game = section.get("lambda_gan") == 0
            idle = {"lambda_gp"} if no_game or section.get("objective") != "wgan_gp" else set()
            idle |= {"lambda_features"} if no_game else set()
            shown[name] = {key: value for key, value in section.items() if key not in idle}
    return shown


class _Nowhere:
    """Curves of a process that does not lead."""

    def metrics(self, values: dict[str, float], step: int) -> None: ...

    def image(self, image: Image.Image, key: str, step: int) -> None: ...


def _best_by(validation: Validation, plan: Plan) -> BestBy:
    return BestBy(f"val_{validation.best_by}", validation.higher_is_better, plan.epoch_steps)


def _judged(network: nn.Module, validation: Validation, machine: Machine, source: str) -> Judged | None:
    """What the validation split says of the network kept, with its noise: whether it becomes champion hangs on it."""
    if validation.resampled is None:
        return None
    values = validation.resampled(network.to(machine.device))
    network.cpu()
    return Judged(validation.best_by, validation.higher_is_better, validation.images, source, values)
