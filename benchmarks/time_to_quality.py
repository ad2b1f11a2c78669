"""How soon is a model good? Recipes side by side at equal training time, scored on validation data, never on test.

    dvc repro prepare_mnist prepare_maps train_classifier           # once: the data, and what reads the digits
    python benchmarks/time_to_quality.py pix2pix --minutes 15 classic default
    python benchmarks/time_to_quality.py gan --minutes 2 default -S gan.deep=false -S gan.channels=32
    python benchmarks/time_to_quality.py gan --images 330000 default -S seed=1

A training is as long as its images, not as the clock says: `--minutes` is turned into images at the speed that the
recipe has alone on this machine, which is measured first: leave the machine alone for these seconds. The result
names the images; with `--images` the same training can be repeated anywhere. The learning rate falls over the last
share of it, which decay_epochs is of epochs. Each recipe is an MLflow run in the experiment "time to quality",
and a file of benchmarks/results/time_to_quality/ with the curve of every measure against images.
"""

import argparse
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contrastive import ContrastiveModel
from PIL import Image
from ruamel.yaml import YAML
from torch import nn

from ganflow import config
from ganflow.config import Adversarial, Params
from ganflow.data import prepared
from ganflow.data.batches import DigitBatches, PairBatches, open_array
from ganflow.data.map_pairs import write_pairs
from ganflow.data.palette import palette
from ganflow.data.unpaired import UnpairedBatches
from ganflow.errors import UserError
from ganflow.files import whole_file, write_json
from ganflow.inference.features import CLASSIFIER
from ganflow.inference.translation import translate
from ganflow.metrics import classes, pixels
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import with_classes
from ganflow.seeds import latents
from ganflow.tracking import run as tracking
from ganflow.training import compute
from ganflow.training.compute import Machine
from ganflow.training.cvae import CvaeModel
from ganflow.training.cyclegan import CycleGanModel
from ganflow.training.gan import GanModel, digit_validation
from ganflow.training.loop import Batches, Model
from ganflow.training.pix2pix import Pix2PixModel
from ganflow.training.plan import Plan
from ganflow.training.processes import World
from ganflow.training.translation import is_residual

RESULTS = Path("benchmarks/results/time_to_quality")
# The published recipe as reference implementations run it: fp32, batch 1, whole 256 px crops, batch norm.
CLASSIC: dict[str, Any] = {
    "compute.precision": "fp32",
    "maps.crop_size": 256,
    "pix2pix.generator_channels": 64,
    "pix2pix.discriminator_channels": 64,
    "pix2pix.norm": "batch",
    "pix2pix.dropout": 0.5,
    "pix2pix.batch_size": 1,
    "pix2pix.objective": "non_saturating",
    "pix2pix.learning_rate": 0.0002,
    "pix2pix.beta1": 0.5,
    "pix2pix.beta2": 0.999,
    "pix2pix.lambda_gan": 1.0,
    "pix2pix.lambda_l1": 100.0,
    "pix2pix.lambda_rare": 0.0,
    "pix2pix.lambda_features": 0.0,
    "pix2pix.upsample": "transposed",
    "pix2pix.palette": 0,
    "pix2pix.residual": "off",
}
# DCGAN as published (Radford et al. 2016, section 4), and its conditional form.
DCGAN = {
    "objective": "non_saturating",
    "deep": False,
    "channels": 64,
    "norm": "batch",
    "latent_dim": 100,
    "batch_size": 128,
    "learning_rate": 0.0002,
    "decay_epochs": 0,
    "beta1": 0.5,
    "beta2": 0.999,
}
CLASSIC |= {f"{task}.{name}": value for task in ("gan", "cgan") for name, value in DCGAN.items()}
CLASSIC["cgan.wrong_classes"] = 0.0
RECIPES: dict[str, dict[str, Any]] = {"default": {}, "classic": CLASSIC}
TASKS = ("gan", "cgan", "pix2pix", "cvae", "cyclegan", "cut")
# Parameters that -S may change, besides seed, compute and the model's own: all others have had their effect on the
# prepared data.
OF_MAPS = ("maps.load_size", "maps.crop_size", "maps.direction")
SPEED_STEPS = 10  # of a round, at least
SPEED_ROUNDS = 8  # the fastest counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("recipes", nargs="+", choices=RECIPES)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float)
    length.add_argument("--images", type=int)
    parser.add_argument("--points", type=int, default=6, help="of the curve")
    parser.add_argument("--name", help="of the result, where -S changes the recipe")
    parser.add_argument("-S", action="append", default=[], metavar="KEY=VALUE", help="a parameter, as for dvc exp run")
    asked = parser.parse_args()
    changes = {key: YAML(typ="safe").load(value) for key, value in (change.split("=", 1) for change in asked.S)}
    try:
        check(asked.task, changed(config.load_params(), changes), changes)
    except UserError as fault:
        parser.error(str(fault))
    rows = []
    for recipe in asked.recipes:
        params = changed(config.load_params(), RECIPES[recipe] | changes)
        images = asked.images or int(60 * asked.minutes * speed_alone(asked.task, params))
        name = f"{asked.name or recipe}, seed {params.seed}"
        curve = run(asked.task, name, params, images, asked.points)
        section = section_of(asked.task)
        own = getattr(params, section).model_dump()
        rows.append({"recipe": name, "images": images, "minutes": asked.minutes, section: own, "curve": curve})
        write_json(RESULTS / asked.task / f"{name.replace(', ', '-').replace(' ', '')}-{images}.json", rows[-1])
    for row in rows:
        print(row["recipe"], as_line(row["curve"][-1]))


def section_of(task: str) -> str:
    """Of params.yaml. CUT has CycleGAN's, as far as it has such terms."""
    return "cyclegan" if task == "cut" else task


def changed(params: Params, changes: dict[str, Any]) -> Params:
    """`params` with other values at dotted keys, validated."""
    content = params.model_dump()
    for key, value in changes.items():
        section, _, name = key.rpartition(".")
        (content[section] if section else content)[name] = value
    return Params.model_validate(content)


def check(task: str, params: Params, changes: dict[str, Any]) -> None:
    """Refuse what would be recorded with the result and have no effect on it.

    Raises:
        UserError: naming the parameter.
    """
    translates = task not in ("gan", "cgan")
    for key in changes:
        if key.split(".")[0] not in ("seed", "compute", section_of(task)) and not (translates and key in OF_MAPS):
            raise UserError(f"-S {key} changes nothing here: set it in params.yaml, and prepare the data again")
    section = section_of(task)
    if address := getattr(params, section).start_from:
        raise UserError(
            f"{section}.start_from = {address}: recipes begin from scratch (-S {section}.start_from='\"\"')"
        )
    if translates and params.own_pairs:
        raise UserError(f"pairs.folder = {params.pairs.folder}: the recipes are of the maps (set {config.MAPS_FOLDER})")


@dataclass(frozen=True)
class Game:
    """A model with its training data and the measures of a finished network on validation data."""

    model: Model
    data: Batches
    measure: Callable[[nn.Module], dict[str, float]]
    world: World


def game(task: str, params: Params, machine: Machine, images: int) -> Game:
    return digits(task, params, machine, images) if task in ("gan", "cgan") else maps(task, params, machine)


def digits(task: str, params: Params, machine: Machine, training_images: int) -> Game:
    own, class_count = getattr(params, task), 10 if task == "cgan" else 0
    images, labels = (torch.tensor(prepared.array("mnist", f"train_{part}")) for part in ("images", "labels"))
    val, val_labels = (prepared.array("mnist", f"val_{part}") for part in ("images", "labels"))
    inputs = latents(len(val), own.latent_dim, params.seed, "gan", "validate")
    if class_count:
        inputs = with_classes(inputs, torch.from_numpy(val_labels.astype(np.int64)), class_count)
    classifier = saved.load_network(CLASSIFIER, DigitClassifier, machine.device)[0]
    return Game(
        GanModel(own, params.seed, machine, class_count, training_images * own.growing_epochs / own.epochs),
        DigitBatches(images.to(machine.device), labels.to(machine.device), machine.device),
        digit_validation(task, classifier, val, inputs.to(machine.device), class_count).measure,
        machine.world,
    )


def maps(task: str, params: Params, machine: Machine) -> Game:
    crop_size, direction = params.maps.crop_size, params.maps.direction
    inputs, targets = prepared.pairs("val", direction)
    common, own = prepared.common_colour(direction), getattr(params, section_of(task))
    paired = task not in ("cyclegan", "cut")
    residual = paired and is_residual(own.residual, task, direction)
    colours = torch.from_numpy(palette(prepared.pairs("train", direction)[1], 0 if residual else own.palette))
    shown, pairs = (inputs[:4], targets[:4]), open_array(training_pairs(params.maps.load_size), machine.device)
    if task == "cyclegan":
        of_inputs = torch.from_numpy(palette(prepared.pairs("train", direction)[0], own.palette))
        model: Model = CycleGanModel(own, crop_size, params.seed, machine, shown, (colours, of_inputs))
    elif task == "cut":
        model = ContrastiveModel(own, crop_size, params.seed, machine, shown, colours)
    else:
        kind = {"pix2pix": Pix2PixModel, "cvae": CvaeModel}[task]
        model = kind(own, crop_size, params.seed, machine, shown, common, colours, residual)
    batches = PairBatches if paired else UnpairedBatches
    return Game(
        model,
        batches(pairs, crop_size, direction, machine.device),
        lambda network: score(translate(network, inputs, 8, machine.device), targets),
        machine.world,
    )


def speed_alone(task: str, params: Params) -> float:
    """Images per second of the recipe on this machine."""
    played = game(task, params, compute.prepare(params.compute), 0)  # of 0 images: digit networks that grow are grown
    return images_per_second(played, getattr(params, section_of(task)))


def images_per_second(played: Game, own: Adversarial) -> float:
    """Speed of the recipe's steps: the fastest of some rounds, as whatever else the machine does only slows a round.

    A round has whole turns of `critic_steps`, of which the last step updates G too.
    """
    steps = math.ceil(SPEED_STEPS / own.critic_steps) * own.critic_steps
    fastest = float("inf")
    for _ in range(SPEED_ROUNDS):
        began = time.perf_counter()
        for step in range(steps):
            played.world.reseed("speed", step)
            batch = played.data.batch(torch.arange(own.batch_size), played.world.draw)
            played.model.step(batch, (step + 1) * own.batch_size)
        fastest = min(fastest, time.perf_counter() - began)
    return steps * own.batch_size / fastest


def run(task: str, name: str, params: Params, images: int, points: int) -> list[dict[str, float]]:
    """Train on `images` images as one MLflow run, scoring the averaged generator `points` times on the way."""
    machine = compute.prepare(params.compute)
    data_name = "mnist" if task in ("gan", "cgan") else "maps"
    dataset = prepared.about(data_name)
    tracker = tracking.start_run(
        "time to quality",
        params=params.model_dump(include={"seed": True, "compute": True, data_name: True, section_of(task): True}),
        dataset=tracking.Dataset(data_name, dataset["digest"], dataset["source"]),
        training=uuid.uuid4().hex,
        tags={"ganflow.machine": machine.reason, "recipe": f"{task}, {name}, {images} images"},
    )
    print(f"{task}, {name}: {images} images on {machine.reason}")
    curve: list[dict[str, float]] = []
    played, own = game(task, params, machine, images), getattr(params, section_of(task))
    for point, picture in train(played, own, params.seed, images, points):
        curve.append(point)
        tracker.metrics({key: value for key, value in point.items() if key != "images"}, int(point["images"]))
        if picture:
            tracker.image(picture, "samples", int(point["images"]))
        print(f"{name}:", as_line(point), flush=True)
    tracker.finish("FINISHED")
    return curve


def train(
    played: Game, own: Adversarial, seed: int, images: int, points: int
) -> Iterator[tuple[dict[str, float], Image.Image | None]]:
    """Measures of the averaged generator and its picture, at `points` equal distances on the way to `images` images."""
    world, steps = played.world, images // own.batch_size
    plan = Plan("time to quality", seed, len(played.data), own.batch_size, 1, own.learning_rate)
    decay_steps = steps * own.decay_epochs / own.epochs
    order = plan.order(0)
    for step in range(steps):
        world.reseed(seed, plan.name, step)
        epoch, index = divmod(step, plan.epoch_steps)
        if index == 0:
            order = plan.order(epoch)
        for optimiser in played.model.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = own.learning_rate * min(1.0, (steps - step) / decay_steps if decay_steps else 1.0)
        batch = played.data.batch(order[index * own.batch_size :][: own.batch_size], world.draw)
        played.model.step(batch, (step + 1) * own.batch_size)
        if (step + 1) * points // steps > step * points // steps:
            network = played.model.finished()
            yield {"images": (step + 1) * own.batch_size, **played.measure(network)}, played.model.sample(network)


def as_line(point: dict[str, float]) -> str:
    return json.dumps({name: round(value, 3) for name, value in point.items()})


def score(drawn: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Mean IoU and IoU by class, edges of roads, SSIM and the share of pixels within 10 levels of `real`."""
    found = classes.scores(classes.confusions(drawn, real).sum(0))
    by_pixel = pixels.pixel_errors_per_image(drawn, np.asarray(real)).mean()
    return {
        "mean_iou": float(found["mean_iou"]),
        **{name: float(found[f"iou/{name}"]) for name in classes.CLASSES},
        "road_edges": float(classes.boundary_f(classes.road_boundaries(drawn, real).sum(0))),
        "ssim": float(by_pixel["ssim"]),
        "acc_10": float(by_pixel["gcgan_acc10"]),
    }


def training_pairs(size: int) -> Path:
    """The training pairs at this load size: as prepared, or made once for this data set beside the results."""
    ready, about = prepared.PREPARED / "maps", prepared.about("maps")
    if about["load_size"] == size:
        return ready / "train.npy"
    made = RESULTS / f"train_{size}_{about['digest'][:16]}.npy"  # another split has other training pairs
    if not made.exists():
        names = json.loads((ready / "names.json").read_text())["train"]
        with whole_file(made) as partial:
            write_pairs(partial, [Path(config.MAPS_FOLDER) / name for name in names], size)
    return made


if __name__ == "__main__":
    main()
