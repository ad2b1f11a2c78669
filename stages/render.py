"""Stage render: the pictures of the report, from trained models and held-out data."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from ganflow import config, tracking
from ganflow.config import Params
from ganflow.data import prepared
from ganflow.errors import run
from ganflow.files import whole_dir
from ganflow.grids import digit_grid, spherical_path, translation_grid
from ganflow.losses import OBJECTIVES
from ganflow.models import saved
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.unet import UNet
from ganflow.render import beside, curves
from ganflow.training import compute
from ganflow.training.gan import draw, latents
from ganflow.translate import translate

STEPS = 10  # of a latent walk
COLUMNS = 20  # of a grid of digits
NEIGHBOURS = 80  # generated digits shown over their nearest training digits
EXTREMES = 12  # best and worst test images


def main() -> None:
    params = config.load()
    device = compute.prepare(params.compute).device
    figures = of_gan(params, device) | of_pix2pix(params, device)
    folder = Path("reports/figures")
    with whole_dir(folder) as partial:
        for name, figure in figures.items():
            figure.save(partial / f"{name}.png")
    for task in ("gan", "pix2pix"):
        tracker = tracking.attach(task, saved.digest(Path("models") / task))
        for name in figures:
            if name.startswith(task):
                tracker.file(folder / f"{name}.png", "figures")
        tracker.finish("FINISHED")


def of_gan(params: Params, device: torch.device) -> dict[str, Image.Image]:
    generator, _ = saved.load(Path("models/gan") / params.evaluate.checkpoint, DigitGenerator)
    generator.to(device)

    def drawn(count: int, purpose: str) -> np.ndarray:
        return latents(count, generator.latent_dim, params.seed, purpose, device).cpu().numpy()

    def digits(inputs: np.ndarray) -> np.ndarray:
        return draw(generator, torch.from_numpy(inputs).to(device))

    starts, ends = np.split(drawn(2 * params.render.interpolations, "render"), 2)
    walk = spherical_path(starts, ends, STEPS).reshape(-1, generator.latent_dim)

    # The same digits as evaluate_gan drew: a draw of fewer would not be their beginning.
    measured = digits(drawn(params.evaluate.digits, "evaluate")[:NEIGHBOURS])
    nearest = pd.read_csv("metrics/gan_images.csv")["nearest_train"][: len(measured)]
    pairs = np.stack([measured, prepared.array("mnist", "train_images")[nearest]])
    rows = [pairs[:, start : start + COLUMNS] for start in range(0, len(measured), COLUMNS)]
    return {
        "gan_digits": digit_grid(digits(drawn(params.render.digits, "evaluate")), COLUMNS),
        "gan_interpolation": digit_grid(digits(walk), STEPS),
        "gan_neighbours": digit_grid(np.concatenate([row.reshape(-1, 28, 28) for row in rows]), COLUMNS),
        "gan_curves": _curves("gan", saved.load(Path("models/gan/best"), DigitGenerator)[1]),
    }


def of_pix2pix(params: Params, device: torch.device) -> dict[str, Image.Image]:
    generator, model = saved.load(Path("models/pix2pix") / params.evaluate.checkpoint, UNet)
    generator.to(device)
    test = prepared.array("maps", "test")
    to_map = model["direction"] == "aerial2map"
    names = ("aerial", "generated", "real map") if to_map else ("map", "generated", "real aerial")

    def grid(shown: np.ndarray) -> Image.Image:
        inputs, real = test[shown, 1 - to_map], test[shown, int(to_map)]
        drawn = translate(generator, inputs, params.evaluate.batch_size, device)
        return translation_grid(dict(zip(names, (inputs, drawn, real), strict=True)))

    images = pd.read_csv("metrics/pix2pix_images.csv")
    order = images.sort_values("mean_iou", ascending=False) if to_map else images.sort_values("mae")
    ranked, count = order.index.to_numpy(), min(EXTREMES, len(test)) // 2 * 2
    return {
        # Spread evenly over the test set, not chosen
        "pix2pix_pairs": grid(np.linspace(0, len(test) - 1, min(params.render.pairs, len(test))).round().astype(int)),
        "pix2pix_best": beside(*map(grid, np.split(ranked[:count], 2))),
        "pix2pix_worst": beside(*map(grid, np.split(ranked[::-1][:count], 2))),
        "pix2pix_curves": _curves("pix2pix", saved.load(Path("models/pix2pix/best"), UNet)[1]),
    }


def _curves(task: str, best: dict[str, Any]) -> Image.Image:
    objective = best["objective"]
    game = OBJECTIVES.get(objective)  # none: trained on L1 alone
    equilibrium, probability = (game.equilibrium, game.outputs_probability) if game else ({}, False)
    history = pd.read_csv(f"metrics/history/{task}.csv")
    return curves(history, equilibrium, probability, best["best_by"], best["epoch"], f"{task}: {objective}")


if __name__ == "__main__":
    run(main)
