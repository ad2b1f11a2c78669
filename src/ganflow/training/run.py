"""One training from start to saved model: lock, tracking, loop, outs. The common part of all train stages."""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from ganflow.comparison.champion import ValidationScore
from ganflow.errors import UserError
from ganflow.files import sha256, whole_dir, whole_file
from ganflow.models import saved
from ganflow.pipeline.checkpoint_folders import fingerprint
from ganflow.tracking.run import BEST_WEIGHTS_TAG, TRAINING_TAG, WEIGHTS_TAG, BestBy, Dataset, start_run
from ganflow.training.checkpoint import Checkpoints
from ganflow.training.compute import Machine
from ganflow.training.lifetime import Stopped, sole_user
from ganflow.training.loop import Batches, Model, Validation, train
from ganflow.training.plan import Plan
from ganflow.training.processes import fail_together, leave
from ganflow.training.start import Start, load_start


@dataclass(frozen=True)
class Outs:
    """Where a training's results go: exactly the outs that dvc.yaml declares for the stage."""

    model: Path  # folder; contains best/ and last/ if there is a validation
    history: Path  # CSV file
    samples: Path | None = None  # folder of one picture per epoch


def train_and_track(
    model: Model,
    data: Batches,
    plan: Plan,
    outs: Outs,
    *,
    params: dict[str, Any],  #        sections that this training depends on: logged, and part of the checkpoint's mark
    dataset: dict[str, Any],  #       training.json of the prepared data
    machine: Machine,
    example: np.ndarray,  #           real input of the model as MLflow serves it (tracking.logged_model)
    arguments: dict[str, Any],  #     of its constructor
    about: dict[str, Any],  #         what users of the model must know
    validation: Validation | None = None,
    start: Start | None = None,  #    weights to start from
) -> None:
    """Train `model` from its last checkpoint or from the start, write its outs, and log it as one MLflow run.

    The start is the state of a training of another length, where there is one that differs in nothing else.

    With a validation, two networks are saved: best/ (the epoch with the best value on the validation split) and last/.

    Raises:
        UserError: the batch cannot be divided among the processes, a loss is not finite, or the weights to start from
            do not fit.
        Stopped: SIGTERM or SIGINT was received; the state is saved.
    """
    world = machine.world
    result_params = _result_params(params)
    if start:  # what it holds, and not where it was
        result_params[plan.name] = params[plan.name] | {"start_from": start.digest}
        about = about | {"start_from": start.digest}
        with fail_together(world):
            load_start(model.networks, start, plan.name)
    # `compile: auto` looks at the training's length, so a longer one may go on from a state made without it.
    made_on = f"{machine.device.type} in {'bf16' if machine.bf16 else 'fp32'}{', compiled' if machine.compile else ''}"
    # Not of the arrays alone: the classes of labels, which are no pixels, choose the measure of the best epoch too.
    data_mark = hashlib.sha256(json.dumps(dataset, sort_keys=True).encode()).hexdigest()
    mark = fingerprint(plan.name, result_params, data_mark)
    checkpoints = Checkpoints(plan.name, mark, made_on, plan.constant_steps)
    if plan.batch_size % world.size:
        with fail_together(world):
            raise UserError(
                f"{plan.name}.batch_size = {plan.batch_size} cannot be shared evenly by {world.size} processes"
            )
    if not world.leads:
        with fail_together(world):
            train(model, data, plan, checkpoints, _NoCurves(), validation, world)
        leave()
        return
    print(f"{plan.name}: {plan.steps} steps of {plan.batch_size} images on {machine.reason}", file=sys.stderr)
    with sole_user(checkpoints.folder):
        identity = checkpoints.begin({"params": result_params, "data": data_mark})
        tags = {"ganflow.machine": machine.reason, "ganflow.data_source": dataset["source"]}
        parent = {WEIGHTS_TAG: start.weights, BEST_WEIGHTS_TAG: start.weights} if start else None
        if start:
            tags |= {"ganflow.start_from": start.address, "ganflow.start_weights_sha256": start.weights}
        if identity.continues:
            parent = {TRAINING_TAG: identity.continues}
            tags["ganflow.continues"] = plan.place(identity.step)
        tracker = start_run(
            plan.name,
            params=_logged_params(params),
            dataset=Dataset(dataset["name"], dataset["digest"], dataset["source"]),
            training=identity.training,
            tags=tags,
            parent=parent,
            best_by=None if validation is None else _best_by(validation, plan),
        )
        if identity.continues and checkpoints.newest_step() == identity.step:
            run = f" (run {tracker.parent[:12]})" if tracker.parent else ""
            print(
                f"{plan.name}: going on from {plan.place(identity.step)} of an earlier training{run}", file=sys.stderr
            )
        try:
            with fail_together(world):
                trained = train(model, data, plan, checkpoints, tracker, validation, world)
            leave()
            network = model.finished().requires_grad_(False).cpu()
            with whole_dir(outs.model) as partial:
                if validation is None or trained.best is None:
                    saved.save_network(partial, network, arguments, about)
                else:
                    saved.save_network(partial / "last", network, arguments, about | {"epoch": plan.epochs})
                    if "D" in model.networks:
                        saved.save_weights(partial / "last" / saved.DISCRIMINATOR, model.networks["D"])
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
            if validation and trained.best:
                tracker.tag(BEST_WEIGHTS_TAG, sha256(outs.model / "best" / saved.WEIGHTS))
            tracker.file(outs.history, "history")
            score = _validation_result(network, validation, machine, dataset["source"]) if validation else None
            tracker.model(
                outs.model / "best" if (outs.model / "best").exists() else outs.model, example, "model", score
            )
        except BaseException as fault:
            tracker.finish("KILLED" if isinstance(fault, Stopped) else "FAILED")
            raise
        tracker.finish("FINISHED")
        checkpoints.finish(outs.history)


def _result_params(params: dict[str, Any]) -> dict[str, Any]:
    """`params` without the device, threads and processes: two processes can continue the checkpoint of one."""
    ignored = ("device", "threads", "processes")
    return params | {"compute": {name: value for name, value in params["compute"].items() if name not in ignored}}


def _logged_params(params: dict[str, Any]) -> dict[str, Any]:
    """`params` by which runs are compared: without the hardware (a tag has that) and what has no effect."""
    logged = {name: value for name, value in params.items() if name != "compute"}
    for name, section in logged.items():
        if isinstance(section, dict):
            no_discriminator = section.get("lambda_gan") == 0
            objective = None if no_discriminator else section.get("objective")
            unused = {"lambda_gp"} if objective != "wgan_gp" else set()
            unused |= {"gamma"} if objective != "relativistic" else set()
            unused |= {"lambda_features"} if no_discriminator else set()
            unused |= {"lambda_aux", "lambda_kl"} if section.get("aux_dim") == 0 else set()
            unused |= {key for key in ("start_from", "growing_epochs", "aux_dim") if not section.get(key)}
            logged[name] = {key: value for key, value in section.items() if key not in unused}
    return logged


class _NoCurves:
    """Curves of a process other than the leader: discarded."""

    def metrics(self, values: dict[str, float], step: int) -> None: ...

    def image(self, image: Image.Image, key: str, step: int) -> None: ...


def _best_by(validation: Validation, plan: Plan) -> BestBy:
    return BestBy(f"val_{validation.best_by}", validation.higher_is_better, plan.epoch_steps)


def _validation_result(
    network: nn.Module, validation: Validation, machine: Machine, source: str
) -> ValidationScore | None:
    """The saved network's value on the validation split and on its resamples, which decide on the champion."""
    if validation.resampled is None:
        return None
    values, rows = validation.resampled(network.to(machine.device))
    network.cpu()
    chosen_by = validation.best_by, validation.higher_is_better
    return ValidationScore.measured(*chosen_by, validation.judged, source, rows, values, validation.classes)
