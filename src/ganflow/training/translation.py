"""What the stages train_pix2pix and train_cvae share: data, validation and outs of a translator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import nn

from ganflow.comparison.champion import validated_on
from ganflow.config import Params, Translator
from ganflow.data import prepared
from ganflow.data.batches import PairBatches, open_array
from ganflow.data.kinds import Kind
from ganflow.data.palette import palette
from ganflow.data.trivial_answers import inputs_as_answers, median_colour
from ganflow.errors import UserError
from ganflow.inference.translation import translate
from ganflow.metrics import classes
from ganflow.metrics.bootstrap import RESAMPLES, less, value_and_plus_minus, whole_and_resamples, widening
from ganflow.metrics.by_colour import classes_by_colour
from ganflow.metrics.no_data import as_real_without_data
from ganflow.metrics.samples import absolute_difference
from ganflow.metrics.texture import texture_distances
from ganflow.seeds import latents
from ganflow.training import compute, loop
from ganflow.training.compute import Machine
from ganflow.training.loop import Rows, Validation
from ganflow.training.plan import Plan
from ganflow.training.processes import launched
from ganflow.training.run import Outs, train_and_track
from ganflow.training.start import Start, start_of

EXAMPLES = 4  # val pairs in the picture made after each epoch
VALIDATION_BATCH_SIZE = 16
NEARER_IMAGES = 32  # that decide whether a network adds to its input
EXAMPLE_SIDE = 64  # pixels of the photo logged with the model, as JSON


class TranslatorModel(loop.Model, Protocol):
    """A model for the training loop, with the arguments that rebuild its network."""

    arguments: dict[str, Any]


def train_translator(
    task: Literal["pix2pix", "cvae"],
    params: Params,
    # (section, crop size, seed, machine, examples, median colour, palette, residual)
    build: Callable[..., TranslatorModel],
    objective: str,  # its name in the model's config.json
    latent_dim: int = 0,
) -> None:
    """Train a translator by its section of `params`, into models/<task>.

    Raises:
        UserError: the prepared pictures are no pairs.
    """
    if launched(params.compute):
        return
    own: Translator = getattr(params, task)
    crop_size, direction = params.translation.crop_size, params.translation.direction
    dataset = prepared.about("maps")
    if dataset.get("unpaired"):
        raise UserError(f"pairs.unpaired: {task} learns from pairs; `dvc repro evaluate_cyclegan` trains without them")
    plan = Plan(task, params.seed, dataset["train"], own.batch_size, own.epochs, own.learning_rate, own.decay_epochs)
    machine = compute.prepare(params.compute, plan.steps)
    pairs = open_array(prepared.PREPARED / "maps/train.npy", machine.device)
    inputs, targets = prepared.pairs("val", direction)
    has_data = prepared.has_data("val", direction)
    sides = prepared.sides(direction)
    examples, common = (inputs[:EXAMPLES], targets[:EXAMPLES]), prepared.common_colour(direction)
    start = start_of(task, own.start_from, sides)
    residual = is_residual(own.residual, task, direction, start)
    (train_inputs, train_targets), train_has_data = (
        prepared.pairs("train", direction),
        prepared.has_data("train", direction),
    )
    legend = classes.legend_of(sides[1])
    kept = start.palettes(task)[0] if start else None
    colours = start_colours(sides[1], train_targets, 0 if residual else own.palette, train_has_data, kept)
    model = build(own, crop_size, params.seed, machine, examples, common, colours, residual)
    val_latents = latents(len(inputs), latent_dim, params.seed, "cvae", "validate") if latent_dim else None

    def answers_by_colour() -> np.ndarray:
        assert legend is not None
        return classes_by_colour(train_inputs, train_targets, inputs, legend, train_has_data)

    train_and_track(
        model,
        PairBatches(pairs, crop_size, direction, machine.device, prepared.channels(), prepared.mask_channel(direction)),
        plan,
        Outs(Path("models") / task, Path(f"metrics/history/{task}.csv"), Path("reports/samples") / task),
        params=logged_params(params, task),
        dataset=dataset,
        machine=machine,
        example=Kind(**sides[0]).values(np.array(inputs[0, :EXAMPLE_SIDE, :EXAMPLE_SIDE]))[None],
        arguments=model.arguments,
        start=start,
        about=about_translator(dataset, direction, objective),
        validation=translator_validation(
            task,
            inputs,
            targets,
            crop_size,
            legend,
            direction,
            machine,
            val_latents,
            has_data,
            prepared.pictures("val"),
            answers_by_colour if legend is not None and legend != classes.MAPS else None,
        ),
    )


def is_residual(wanted: Literal["auto", "on", "off"], task: str, direction: str, start: Start | None = None) -> bool:
    """Whether the generator is to add to its input; auto: as `start`'s does, or where `inputs_are_nearer`.

    Raises:
        UserError: it is wanted, and the channels of input and target differ.
    """
    inputs, targets = prepared.pairs("train", direction)
    asked_by, instead = f"{task}.residual = on", f"{task}.residual=auto"
    if start and wanted == "auto":
        asked_by, instead = f"{task}.start_from = {start.address} adds to its input", f'{task}.start_from=""'
        wanted = "on" if start.residual else "off"
    if wanted == "auto":
        common = prepared.common_colour(direction).numpy()
        return inputs_are_nearer(inputs, targets, common, prepared.has_data("train", direction))
    if wanted == "on" and inputs.shape[-1] not in (1, targets.shape[-1]):
        channels = f"{inputs.shape[-1]} channels cannot be added to {targets.shape[-1]}"
        raise UserError(f"{asked_by}: {channels} (set {instead})")
    return wanted == "on"


def logged_params(params: Params, task: str) -> dict[str, Any]:
    """The parameters of a translator's training, for its run in MLflow."""
    of_data = {"crop_size": params.translation.crop_size, "direction": params.translation.direction}
    own = params.model_dump(include={"seed": True, "compute": True, task: True})
    return own | {"pairs" if params.own_pairs else "maps": of_data}


def about_translator(dataset: dict[str, Any], direction: str, objective: str) -> dict[str, Any]:
    """What users of a translator must know, for its config.json. `dataset`: training.json of the prepared pairs."""
    source, target = prepared.sides(direction)
    return {
        "source": dataset["source"],
        "direction": direction,
        "objective": objective,
        "eval_size": dataset["eval_size"],
        "input": source,
        "target": target,
        "metres_per_pixel": prepared.metres_per_pixel(dataset),
    }


def inputs_are_nearer(
    inputs: np.ndarray, targets: np.ndarray, common: np.ndarray, has_data: np.ndarray | None = None
) -> bool:
    """Whether it helps to add to the inputs, [N, H, W, C or 1], rather than to draw the targets from nothing.

    That is where they are nearer to their targets than one constant colour, `common` [C], is, by mean absolute error,
    unless a slight blur takes them nearer still, by mean squared error: noise, in which few large errors may matter
    most. A network that adds to it must first learn to draw the noise. Of a few images, where targets have data.
    """
    if inputs.shape[-1] not in (1, targets.shape[-1]):
        return False
    some = np.linspace(0, len(inputs) - 1, min(NEARER_IMAGES, len(inputs))).round().astype(int)
    inner = slice(1, -1)
    given, wanted = (side[some].astype(np.float32) for side in (inputs, targets))
    counted = ... if has_data is None else has_data[some][:, inner, inner]
    wanted = wanted[:, inner, inner]
    of_inputs, of_blurred, of_common = (
        (answer - wanted)[counted] for answer in (given[:, inner, inner], blurred(given), common.astype(np.float32))
    )
    nearer = np.abs(of_inputs).mean() < np.abs(of_common).mean()
    return bool(nearer and (of_inputs**2).mean() <= (of_blurred**2).mean())


def blurred(images: np.ndarray) -> np.ndarray:
    """The mean of 3 x 3 pixels: [N, H - 2, W - 2, C] of [N, H, W, C]."""
    height, width = (side - 2 for side in images.shape[1:3])
    moved = [images[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.mean(moved, axis=0)


def start_colours(
    side: dict[str, Any],
    images: np.ndarray,
    count: int,
    has_data: np.ndarray | None = None,
    kept: int | None = None,
) -> torch.Tensor:
    """The colours that a generator of `images` starts to mix, uint8 [k, C]: of all classes of labels, else found.

    `kept`: how many a generator has whose weights are loaded afterwards (training.start), and its colours with them.
    """
    if kept is not None:
        return torch.zeros(kept, side["channels"], dtype=torch.uint8)
    if count and isinstance(side["classes"], list):
        return torch.tensor([one["colour"] for one in side["classes"]], dtype=torch.uint8)
    return torch.from_numpy(palette(images, count, has_data))


def translator_validation(
    task: str,
    inputs: np.ndarray,
    real: np.ndarray,
    crop: int,
    legend: classes.Legend | None,
    direction: str,
    machine: Machine,
    latents: torch.Tensor | None = None,
    has_data: np.ndarray | None = None,
    pictures: np.ndarray | None = None,
    by_colour: Callable[[], np.ndarray] | None = None,
) -> Validation:
    """Choose the epoch with the highest mean IoU of the target's classes or, without any, the nearest texture.

    Both are computed on centre crops, `crop` pixels wide, of `inputs` and `real` [N, H, W, C]: whole tiles would
    cost several times as much. `latents` [N, Z]: fixed ones, for a generator that takes a latent. `has_data`: the
    pixels of `real` that are measured, bool [N, H, W]; None: all. `pictures` [N]: the number of the picture that each
    image is a tile of, from 0; None: all are whole. Its trivial baselines are the median colour of the same crops, the
    inputs themselves where they can be answers and, with `by_colour`, its answers to `inputs`, [N, H, W, C].

    Raises:
        UserError: none of the crops has data.
    """
    inputs, real = (centre_crops(images, crop) for images in (inputs, real))
    as_answers = inputs_as_answers(inputs, real)
    has_data = None if has_data is None else centre_crops(has_data, crop)
    if has_data is not None and not has_data.any():
        raise UserError(f"no validation target has data in its middle {crop} px: take another data.seed or crop_size")
    best_by = "texture" if legend is None else "mean_iou"
    count = len(real) if pictures is None else int(pictures.max()) + 1

    def drawn(generator: nn.Module) -> np.ndarray:
        images = translate(generator, inputs, VALIDATION_BATCH_SIZE, machine.device, latents)
        return as_real_without_data(images, real, has_data)

    def measure(generator: nn.Module) -> dict[str, float]:
        generated = drawn(generator)
        errors = absolute_difference(generated, real)
        measures = {"mae": float((errors if has_data is None else errors[has_data]).mean())}
        if legend is None:
            return measures | {"texture": float(texture_distances(generated, real).mean())}
        counts = classes.confusions(generated, real, legend, has_data).sum(0)
        return measures | {"mean_iou": float(classes.scores(counts, legend.names)["mean_iou"])}

    def resamples_of(generated: np.ndarray) -> np.ndarray:
        # A fixed seed: see Validation. Whole pictures are drawn: the tiles of one are not independent.
        weights = whole_and_resamples(count, seed=0, resamples=RESAMPLES)
        weights = weights if pictures is None else weights[:, pictures]
        if legend is None:
            return weights @ texture_distances(generated, real) / weights.sum(1)
        counts = classes.confusions(generated, real, legend, has_data)
        resampled_counts = (weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
        return classes.scores(resampled_counts, legend.names)["mean_iou"]

    def resampled(generator: nn.Module) -> tuple[np.ndarray, Rows]:
        trivial = {"constant": np.broadcast_to(median_colour(real, has_data), real.shape)}
        trivial |= {"input": as_answers} if as_answers is not None else {}
        trivial |= {"colour": centre_crops(by_colour(), crop)} if by_colour else {}
        answers = {row: as_real_without_data(images, real, has_data) for row, images in trivial.items()}
        values = {row: resamples_of(images) for row, images in {"model": drawn(generator), **answers}.items()}
        values |= {less(row): values["model"] - values[row] for row in trivial}
        found = {row: value_and_plus_minus(of) for row, of in values.items()}
        return values["model"], {row: {best_by: (value, widening(count) * pm)} for row, (value, pm) in found.items()}

    images = [inputs, real] if has_data is None else [inputs, real, has_data]
    conditions = validated_on(task, images, direction, pictures=0 if pictures is None else count)
    return Validation(measure, best_by, legend is not None, resampled, conditions)


def centre_crops(images: np.ndarray, size: int) -> np.ndarray:
    """The middle of each image, [N, size, size, ...] of [N, S, S, ...]."""
    corner = (images.shape[1] - size) // 2
    return images[:, corner : corner + size, corner : corner + size]
