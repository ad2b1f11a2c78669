"""Train stages of the translators between photos and maps: what train_pix2pix and train_cvae have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import nn

from ganflow.comparison.champion import digest_of
from ganflow.config import Params, Translator
from ganflow.data import prepared
from ganflow.data.batches import PairBatches, open_array
from ganflow.inference.translation import translate
from ganflow.metrics import classes
from ganflow.metrics.bootstrap import RESAMPLES, whole_and_resamples
from ganflow.seeds import latents
from ganflow.training import compute, loop
from ganflow.training.compute import Machine
from ganflow.training.loop import Validation
from ganflow.training.plan import Plan
from ganflow.training.processes import launched
from ganflow.training.run import Outs, train_and_track

SHOWN = 4  # val pairs in the picture of an epoch
VALIDATION_BATCH = 16


class TranslatorModel(loop.Model, Protocol):
    """A model for the loop, and what rebuilds the network it trains."""

    arguments: dict[str, Any]


def train_translator(
    task: Literal["pix2pix", "cvae"],
    params: Params,
    build: Callable[..., TranslatorModel],  # (own parameters, crop size, seed, machine, shown, common)
    objective: str,  #  in words
    latent_dim: int = 0,
) -> None:
    """Train a translator by its section of `params`, into models/<task>."""
    if launched(params.compute):
        return
    own: Translator = getattr(params, task)
    maps = params.maps
    dataset = prepared.about("maps")
    plan = Plan(task, params.seed, dataset["train"], own.batch_size, own.epochs, own.learning_rate, own.decay_epochs)
    machine = compute.prepare(params.compute, plan.steps)
    pairs = open_array(prepared.PREPARED / "maps/train.npy", machine.device)
    inputs, targets = prepared.pairs("val", maps.direction)
    shown, common = (inputs[:SHOWN], targets[:SHOWN]), prepared.common_colour(maps.direction)
    model = build(own, maps.crop_size, params.seed, machine, shown, common)
    drawn = latents(len(inputs), latent_dim, params.seed, "cvae", "validate") if latent_dim else None

    logged = params.model_dump(include={"seed": True, "compute": True, task: True})
    logged["maps"] = {"crop_size": maps.crop_size, "direction": maps.direction}
    train_and_track(
        model,
        PairBatches(pairs, maps.crop_size, maps.direction, machine.device),
        plan,
        Outs(Path("models") / task, Path(f"metrics/history/{task}.csv"), Path("reports/samples") / task),
        params=logged,
        dataset=dataset,
        machine=machine,
        example=torch.zeros(2, 3, dataset["eval_size"], dataset["eval_size"]),
        arguments=model.arguments,
        about={
            "source": dataset["source"],
            "direction": maps.direction,
            "objective": objective,
            "eval_size": dataset["eval_size"],
        },
        validation=translator_validation(inputs, targets, maps.crop_size, maps.direction, machine, drawn),
    )


def translator_validation(
    inputs: np.ndarray,
    real: np.ndarray,
    crop: int,
    direction: str,
    machine: Machine,
    latents: torch.Tensor | None = None,
) -> Validation:
    """Choose the epoch with the best mean IoU of map classes, or, where photos are drawn, mean absolute error.

    Both are taken on the centre crops of `inputs` and `real`, uint8 [N, H, W, 3], of the size trained on: a fraction of
    what whole tiles would cost. `latents` [N, Z]: fixed ones, for a generator that takes them.
    """
    inputs, real = (_centre(images, crop) for images in (inputs, real))
    to_map = direction == "aerial2map"

    def measure(generator: nn.Module) -> dict[str, float]:
        drawn = translate(generator, inputs, VALIDATION_BATCH, machine.device, latents)
        measures = {"mae": float(np.abs(drawn.astype(np.int16) - real).mean())}
        if to_map:
            measures["mean_iou"] = float(classes.scores(classes.confusions(drawn, real).sum(0))["mean_iou"])
        return measures

    def resampled(generator: nn.Module) -> np.ndarray:
        drawn = translate(generator, inputs, VALIDATION_BATCH, machine.device, latents)
        weights = whole_and_resamples(len(real), seed=0, resamples=RESAMPLES)  # whatever the run's seed: see Validation
        if not to_map:
            errors = np.abs(drawn.astype(np.int16) - real).mean((1, 2, 3))
            return weights @ errors / len(real)
        counts = classes.confusions(drawn, real)
        return classes.scores((weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:]))["mean_iou"]

    return Validation(measure, "mean_iou" if to_map else "mae", to_map, resampled, digest_of(inputs, real))


def _centre(images: np.ndarray, size: int) -> np.ndarray:
    corner = (images.shape[1] - size) // 2
    return images[:, corner : corner + size, corner : corner + size]
