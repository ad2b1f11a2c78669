"""One training from start to saved model: lock, tracking, loop, outs. What every train stage does around its model."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor, nn

from ganflow import tracking
from ganflow.files import whole_dir, whole_file
from ganflow.models import saved
from ganflow.training.checkpoint import Checkpoints, fingerprint
from ganflow.training.compute import Machine
from ganflow.training.lifetime import Stopped, sole_user
from ganflow.training.loop import Batches, Model, Plan, train


@dataclass(frozen=True)
class Outs:
    """Where a training's results go: exactly the outs that dvc.yaml declares for the stage."""

    model: Path  # folder
    history: Path  # CSV file
    samples: Path | None = None  # folder of one picture per epoch


def train_and_track(
    model: Model,
    data: Batches,
    plan: Plan,
    outs: Outs,
    *,
    params: dict[str, Any],  #        the sections this training depends on: logged, and part of the checkpoint's name
    dataset: dict[str, Any],  #       meta.json of the prepared data
    machine: Machine,
    example: Tensor,  #               one input of the saved network, for MLflow's signature
    finished: Callable[[], nn.Module],  # the network to keep
    arguments: dict[str, Any],  #     that rebuild it
    about: dict[str, Any],  #         what its users must know
) -> pd.DataFrame:
    """Train (or go on training) `model`, put its outs in place and everything about it into one MLflow run."""
    checkpoints = Checkpoints(plan.name, fingerprint(params, dataset["digest"]))
    print(f"{plan.name}: {plan.steps} steps of {plan.batch_size} images on {machine.reason}", file=sys.stderr)
    with sole_user(checkpoints.folder):
        noted = checkpoints.folder / "mlflow_run"
        tracker = tracking.start(
            plan.name,
            params=params,
            dataset=tracking.Dataset(dataset["name"], dataset["digest"], dataset["source"]),
            resume_id=noted.read_text() if noted.exists() else None,
            tags={"ganflow.machine": machine.reason, "ganflow.data_source": dataset["source"]},
        )
        if tracker.run_id:
            with whole_file(noted) as partial:
                partial.write_text(tracker.run_id)
        try:
            history = train(model, data, plan, checkpoints, tracker)
            with whole_dir(outs.model) as partial:
                network = finished().requires_grad_(False)
                saved.save(partial, network, arguments, about)
            with whole_file(outs.history) as partial:
                history.to_csv(partial, index=False)
            if outs.samples is not None:
                with whole_dir(outs.samples) as partial:
                    for picture in sorted((checkpoints.folder / "samples").glob("epoch_*.png")):
                        (partial / picture.name).write_bytes(picture.read_bytes())
            tracker.tag("ganflow.weights_sha256", saved.digest(outs.model))
            tracker.file(outs.history, "history")
            tracker.model(network.cpu(), example, "model")
        except BaseException as fault:
            tracker.finish("KILLED" if isinstance(fault, Stopped | KeyboardInterrupt) else "FAILED")
            raise
        tracker.finish("FINISHED")
        checkpoints.remove()
    return history
