"""How soon is a map readable? Recipes side by side at equal wall-clock time, scored on validation pairs, never on test.

    dvc repro prepare_maps                                          # once: the data
    python benchmarks/time_to_quality.py --minutes 15 classic default
    python benchmarks/time_to_quality.py --minutes 5 default -S pix2pix.norm=batch -S pix2pix.batch_size=4

A recipe trains until its time is up: the learning rate is constant for the first half of it and then falls to 0. The
clock stands still while it is scored. Each recipe is an MLflow run in the experiment "time to quality", and a file of
benchmarks/results/time_to_quality/ with the curve of every measure against minutes.
"""

import argparse
import json
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ruamel.yaml import YAML

from ganflow import config
from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.batches import PairBatches, open_array
from ganflow.data.pairs import write_pairs
from ganflow.files import write_json
from ganflow.inference.translation import translate
from ganflow.metrics import classes, pixels
from ganflow.seeds import step_seed
from ganflow.tracking import run as tracking
from ganflow.training import compute
from ganflow.training.pix2pix import Pix2PixModel

RESULTS = Path("benchmarks/results/time_to_quality")
# The published recipe as reference implementations run it: fp32, batch 1, whole 256 px crops, batch norm.
CLASSIC = {
    "compute.precision": "fp32",
    "maps.crop_size": 256,
    "pix2pix.generator_channels": 64,
    "pix2pix.discriminator_channels": 64,
    "pix2pix.norm": "batch",
    "pix2pix.dropout": 0.5,
    "pix2pix.batch_size": 1,
    "pix2pix.learning_rate": 0.0002,
    "pix2pix.lambda_gan": 1.0,
    "pix2pix.lambda_l1": 100.0,
    "pix2pix.lambda_rare": 0.0,
    "pix2pix.lambda_features": 0.0,
    "pix2pix.upsample": "transposed",
}
RECIPES: dict[str, dict[str, Any]] = {"default": {}, "classic": CLASSIC}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", choices=RECIPES)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--points", type=int, default=6, help="of the curve")
    parser.add_argument("--name", help="of the result, where -S changes the recipe")
    parser.add_argument("-S", action="append", default=[], metavar="KEY=VALUE", help="a parameter, as for dvc exp run")
    asked = parser.parse_args()
    changes = {key: YAML(typ="safe").load(value) for key, value in (change.split("=", 1) for change in asked.S)}
    rows = []
    for recipe in asked.recipes:
        params = changed(config.load_params(), RECIPES[recipe] | changes)
        curve = run(asked.name or recipe, params, 60 * asked.minutes, asked.points)
        rows.append({"recipe": asked.name or recipe, "pix2pix": params.pix2pix.model_dump(), "curve": curve})
        write_json(RESULTS / f"{asked.name or recipe}-{asked.minutes:g}min.json", rows[-1])
    for row in rows:
        print(row["recipe"], json.dumps({k: round(v, 3) for k, v in row["curve"][-1].items()}))


def changed(params: Params, changes: dict[str, Any]) -> Params:
    """`params` with other values at dotted keys, validated."""
    content = params.model_dump()
    for key, value in changes.items():
        section, _, name = key.partition(".")
        content[section][name] = value
    return Params.model_validate(content)


def run(name: str, params: Params, seconds: float, points: int) -> list[dict[str, float]]:
    """Train for `seconds`, scoring the averaged generator `points` times on the way."""
    own, maps = params.pix2pix, params.maps
    machine = compute.prepare(params.compute)
    inputs, targets = prepared.pairs("val", maps.direction)
    common = prepared.common_colour(maps.direction)
    model = Pix2PixModel(own, maps.crop_size, params.seed, machine, (inputs[:4], targets[:4]), common)
    pairs = open_array(training_pairs(maps.load_size), machine.device)
    data = PairBatches(pairs, maps.crop_size, maps.direction, machine.device)
    dataset = prepared.about("maps")
    tracker = tracking.start_run(
        "time to quality",
        params=params.model_dump(include={"seed": True, "compute": True, "maps": True, "pix2pix": True}),
        dataset=tracking.Dataset("maps", dataset["digest"], dataset["source"]),
        training=uuid.uuid4().hex,
        tags={"ganflow.machine": machine.reason, "recipe": f"{name}, {seconds / 60:g} min"},
    )
    print(f"{name}: {machine.reason}")
    curve: list[dict[str, float]] = []
    spent, images = 0.0, 0
    order = torch.empty(0, dtype=torch.long)
    generator = torch.Generator().manual_seed(step_seed(params.seed, name, "order"))
    while spent < seconds:
        began = time.perf_counter()
        if len(order) < own.batch_size:
            order = torch.randperm(len(pairs), generator=generator)
        batch, order = order[: own.batch_size], order[own.batch_size :]
        for optimiser in model.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = own.learning_rate * min(1.0, 2 * (1 - spent / seconds))
        images += own.batch_size
        model.step(data.batch(batch), images)
        spent += time.perf_counter() - began
        if spent >= seconds * (len(curve) + 1) / points:
            network = model.finished()
            drawn = translate(network, inputs, 8, machine.device)
            curve.append({"minutes": spent / 60, "images": images, **score(drawn, targets)})
            tracker.metrics({k: v for k, v in curve[-1].items() if k != "images"}, images)
            tracker.image(model.sample(network), "samples", images)
            print(f"{name}:", json.dumps({k: round(v, 3) for k, v in curve[-1].items()}), flush=True)
    tracker.finish("FINISHED")
    return curve


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
    """The training pairs at this load size: as prepared, or made once beside the results."""
    ready = prepared.PREPARED / "maps"
    if prepared.about("maps")["load_size"] == size:
        return ready / "train.npy"
    made = RESULTS / f"train_{size}.npy"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        names = json.loads((ready / "names.json").read_text())["train"]
        write_pairs(made, [Path("data/raw/maps") / name for name in names], size)
    return made


if __name__ == "__main__":
    main()
