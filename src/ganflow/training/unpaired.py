"""The training of CycleGAN: data without pairs, an epoch chosen without pairs, and the outs of the stage."""

from pathlib import Path

import numpy as np
from torch import nn

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.batches import open_array
from ganflow.data.kinds import Kind
from ganflow.data.unpaired import UnpairedBatches
from ganflow.inference.translation import translate
from ganflow.metrics import classes
from ganflow.metrics.texture import texture_distance_of_sets
from ganflow.training import compute
from ganflow.training.compute import Machine
from ganflow.training.cyclegan import CycleGanModel
from ganflow.training.loop import Validation
from ganflow.training.plan import Plan
from ganflow.training.processes import launched
from ganflow.training.run import Outs, train_and_track
from ganflow.training.start import start_of
from ganflow.training.translation import (
    EXAMPLE_SIDE,
    EXAMPLES,
    VALIDATION_BATCH_SIZE,
    about_translator,
    centre_crops,
    logged_params,
    start_colours,
)

TASK = "cyclegan"


def train_cyclegan(params: Params) -> None:
    """Train CycleGAN by its section of `params`, into models/cyclegan."""
    if launched(params.compute):
        return
    own, crop_size, direction = params.cyclegan, params.translation.crop_size, params.translation.direction
    dataset = prepared.about("maps")
    plan = Plan(TASK, params.seed, dataset["train"], own.batch_size, own.epochs, own.learning_rate, own.decay_epochs)
    machine = compute.prepare(params.compute, plan.steps)
    pairs = open_array(prepared.PREPARED / "maps/train.npy", machine.device)
    inputs, targets = prepared.pairs("val", direction)
    has_data = prepared.has_data("val", direction)
    half = max(1, len(inputs) // 2)
    real = None
    if dataset.get("unpaired"):
        others = targets
    else:  # of other places than the inputs, where there are two
        inputs, real, others = inputs[:half], targets[:half], targets[-half:]
    shown = min(EXAMPLES, len(inputs), len(others))
    start = start_of(TASK, own.start_from, prepared.sides(direction))
    kept_by_g, kept_by_f = start.palettes(TASK) if start else (None, None)
    of_inputs, of_targets = (
        start_colours(side, images, own.palette, kept=kept)
        for side, images, kept in zip(
            prepared.sides(direction), prepared.pairs("train", direction), (kept_by_f, kept_by_g), strict=True
        )
    )
    examples = inputs[:shown], others[:shown]
    model = CycleGanModel(own, crop_size, params.seed, machine, examples, (of_targets, of_inputs))

    train_and_track(
        model,
        UnpairedBatches(pairs, crop_size, direction, machine.device, prepared.channels()),
        plan,
        Outs(Path("models") / TASK, Path(f"metrics/history/{TASK}.csv"), Path("reports/samples") / TASK),
        params=logged_params(params, TASK),
        dataset=dataset,
        machine=machine,
        example=Kind(**prepared.sides(direction)[0]).values(np.array(inputs[0, :EXAMPLE_SIDE, :EXAMPLE_SIDE]))[None],
        arguments=model.arguments,
        start=start,
        about=about_translator(dataset, direction, own.objective),
        validation=unpaired_validation(
            inputs,
            others,
            crop_size,
            machine,
            real,
            classes.legend_of(prepared.sides(direction)[1]),
            None if has_data is None else has_data[:half],
        ),
    )


def unpaired_validation(
    inputs: np.ndarray,
    others: np.ndarray,
    crop: int,
    machine: Machine,
    real: np.ndarray | None = None,
    legend: classes.Legend | None = None,
    has_data: np.ndarray | None = None,
) -> Validation:
    """Choose the epoch whose answers are nearest in texture to real targets of other places: no pair decides.

    Computed on centre crops, `crop` pixels wide, of `inputs` [N, H, W, C] and of the targets `others` [M, H, W, C].
    Where the targets of `inputs` are known (`real`, with a `legend`), their mean IoU, where they have data, is a curve
    to look at; it chooses nothing. Without the noise of an image there is no champion (tracking.registry).
    """
    inputs, others = centre_crops(inputs, crop), centre_crops(others, crop)

    def measure(generators: nn.Module) -> dict[str, float]:
        generated = translate(generators, inputs, VALIDATION_BATCH_SIZE, machine.device)
        measures = {"texture_of_sets": texture_distance_of_sets(generated, others)}
        if real is not None and legend is not None:
            counted = None if has_data is None else centre_crops(has_data, crop)
            counts = classes.confusions(generated, centre_crops(real, crop), legend, counted).sum(0)
            measures["mean_iou"] = float(classes.scores(counts, legend.names)["mean_iou"])
        return measures

    return Validation(measure, "texture_of_sets", higher_is_better=False)
