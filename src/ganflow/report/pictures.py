"""The pictures of the report, drawn by the trained models from held-out data: for each model, figures by name."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.files import whole_dir, write_json
from ganflow.inference.digits import draw, every_class
from ganflow.inference.grids import digit_grid, shown, spherical_path, translation_grid
from ganflow.inference.translation import to_input, translate
from ganflow.losses import OBJECTIVES
from ganflow.metrics.samples import spread
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.cyclegan import CycleGenerators
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.unet import UNet
from ganflow.report.figures import best_of_n_curves, class_share_bars, curves, side_by_side
from ganflow.seeds import latents

STEPS = 10  # of a latent walk
COLUMNS = 20  # of a grid of digits
NEIGHBOURS = 80  # generated digits shown over their nearest training digits
EXTREMES = 12  # best and worst test images
KINDS = ("input", "generated", "real")  # of the single pictures of a test pair
SAMPLES_SHOWN, SAMPLED_ROWS = 4, 4  # of each photo; photos
WALK_STEPS, WALK_ROWS = 7, 4  # a walk through the latents of the conditional VAE


def gan_pictures(params: Params, device: torch.device) -> dict[str, Image.Image]:
    """Pictures of the digit GAN, by name."""
    generator, _ = saved.load_network(Path("models/gan") / params.evaluate.checkpoint, DigitGenerator, device)

    def sample_latents(count: int, purpose: str) -> np.ndarray:
        return latents(count, generator.latent_dim, params.seed, "gan", purpose).numpy()

    def digits(inputs: np.ndarray) -> np.ndarray:
        return draw(generator, torch.from_numpy(inputs).to(device))

    starts, ends = np.split(sample_latents(2 * params.render.interpolations, "render"), 2)
    walk = spherical_path(starts, ends, STEPS).reshape(-1, generator.latent_dim)

    # All latents of evaluate_gan, then the first ones: sampling fewer would give other latents.
    measured = digits(sample_latents(params.evaluate.digits, "evaluate")[:NEIGHBOURS])
    images, names = pd.read_csv("metrics/gan_images.csv"), prepared.class_names()
    shares = np.bincount(images["read_as"], minlength=len(names)) / len(images)
    nearest = images["nearest_train"][: len(measured)]
    pairs = np.stack([measured, prepared.array("mnist", "train_images")[nearest]])
    rows = [pairs[:, start : start + COLUMNS] for start in range(0, len(measured), COLUMNS)]
    return {
        "digits": digit_grid(digits(sample_latents(params.render.digits, "evaluate")), COLUMNS),
        "interpolation": digit_grid(digits(walk), STEPS),
        "neighbours": digit_grid(np.concatenate([row.reshape(-1, 28, 28) for row in rows]), COLUMNS),
        "shares": class_share_bars(shares.tolist(), names),
        "curves": _curves("gan"),
    }


def cgan_pictures(params: Params, device: torch.device) -> dict[str, Image.Image]:
    """Pictures of the class-conditional digit GAN, by name."""
    generator, _ = saved.load_network(Path("models/cgan") / params.evaluate.checkpoint, DigitGenerator, device)
    shared = latents(COLUMNS, generator.latent_dim, params.seed, "gan", "render")
    return {
        "classes": digit_grid(draw(generator, every_class(shared, generator.classes).to(device)), COLUMNS),
        "curves": _curves("cgan"),
    }


def pix2pix_pictures(params: Params, device: torch.device, folder: Path) -> dict[str, Image.Image]:
    """Pictures of Pix2Pix, by name. Single images of some test pairs, which the report compares, go into `folder`."""
    generator, model = saved.load_network(Path("models/pix2pix") / params.evaluate.checkpoint, UNet, device)
    inputs, real = prepared.pairs("test", model["direction"])
    source, target = (side["name"].removesuffix(" photo") for side in prepared.sides(model["direction"]))
    names = (source, "generated", f"real {target}")

    images = pd.read_csv("metrics/pix2pix_images.csv")
    has_classes = "mean_iou" in images
    order = images.sort_values("mean_iou", ascending=False) if has_classes else images.sort_values("mae")
    ranked, count = order.index.to_numpy(), max(1, min(EXTREMES, len(inputs)) // 2 * 2)
    spread_out = prepared.evenly(params.render.pairs, len(inputs))
    best, worst = ranked[:count], ranked[::-1][:count]
    chosen = np.unique(np.concatenate([spread_out, best, worst]))
    generated = dict(zip(chosen, translate(generator, inputs[chosen], params.evaluate.batch_size, device), strict=True))

    def grid(numbers: np.ndarray) -> Image.Image:
        answers = np.stack([generated[number] for number in numbers])
        return translation_grid(dict(zip(names, (inputs[numbers], answers, real[numbers]), strict=True)))

    def in_two_columns(numbers: np.ndarray) -> Image.Image:
        return side_by_side(*(grid(half) for half in np.array_split(numbers, 2) if len(half)))

    groups = {"spread": spread_out} | {
        name: np.array_split(of, 2)[0] for name, of in (("best", best), ("worst", worst))
    }
    with whole_dir(folder) as partial:
        for number in np.unique(np.concatenate(list(groups.values()))):
            for kind, pixels in zip(KINDS, (inputs[number], generated[number], real[number]), strict=True):
                Image.fromarray(shown(pixels)).save(partial / f"{number}_{kind}.png")
        own = [key for key in ("mean_iou", "mae") if key in images]
        content = {
            group: [{"image": int(number), "measures": images.loc[number, own].to_dict()} for number in members]
            for group, members in groups.items()
        }
        write_json(partial / "pairs.json", content)
    return {
        "pairs": grid(spread_out),
        "best": in_two_columns(best),
        "worst": in_two_columns(worst),
        "curves": _curves("pix2pix"),
    }


def cvae_pictures(params: Params, device: torch.device) -> dict[str, Image.Image]:
    """Pictures of the conditional VAE, by name."""
    vae, model = saved.load_network(Path("models/cvae") / params.evaluate.checkpoint, ConditionalVae, device)
    inputs, real = prepared.pairs("test", model["direction"])
    chosen = prepared.evenly(min(SAMPLED_ROWS, params.render.pairs), len(inputs))
    inputs, real = inputs[chosen], real[chosen]

    def answers(latent: torch.Tensor) -> np.ndarray:
        return translate(vae, inputs, params.evaluate.batch_size, device, latent.expand(len(inputs), -1))

    sample_latents = latents(params.evaluate.samples, vae.latent_dim, params.seed, "cvae", "samples")
    samples = np.stack([answers(one) for one in sample_latents], axis=1)
    spreads = np.stack([spread(of_input) for of_input in samples])
    dark = (255 - 255 * spreads / max(spreads.max(), 1)).round().astype(np.uint8)[..., None].repeat(3, -1)
    columns = {prepared.sides(model["direction"])[0]["name"].removesuffix(" photo"): inputs}
    columns |= {f"sample {number + 1}": samples[:, number] for number in range(min(SAMPLES_SHOWN, samples.shape[1]))}
    columns |= {"mean": samples.mean(1), "spread": dark, "real": real}

    ends = latents(2, vae.latent_dim, params.seed, "cvae", "walk").numpy()
    walk = spherical_path(ends[:1], ends[1:], WALK_STEPS)[0]
    walked = {f"{place / (WALK_STEPS - 1):.2f}": answers(torch.from_numpy(step)) for place, step in enumerate(walk)}
    table = json.loads(Path("metrics/tables/cvae.json").read_text(encoding="utf-8"))
    return {
        "samples": translation_grid(columns),
        "walk": translation_grid({name: row[:WALK_ROWS] for name, row in walked.items()}),
        "best_of": best_of_n_curves(table["best_of"]),
        "curves": _curves("cvae"),
    }


def cyclegan_pictures(params: Params, device: torch.device) -> dict[str, Image.Image]:
    """Pictures of CycleGAN, by name: there and back again, from either side."""
    folder = Path("models/cyclegan") / params.evaluate.checkpoint
    generators, model = saved.load_network(folder, CycleGenerators, device)
    x, y = (
        images[prepared.evenly(params.render.pairs, len(images))]
        for images in prepared.pairs("test", model["direction"])
    )
    source, target = (side["name"].removesuffix(" photo") for side in prepared.sides(model["direction"]))

    def by(generator: torch.nn.Module, images: np.ndarray, auxiliary: torch.Tensor | None = None) -> np.ndarray:
        return translate(generator, images, params.evaluate.batch_size, device, auxiliary)

    there, back, auxiliary = by(generators.there, x), by(generators.back, y), generators.auxiliary(to_input(x, device))
    to = {source: x, "generated": there, "and back": by(generators.back, there, auxiliary)}
    fro = {target: y, "generated": back, "and back": by(generators.there, back)}
    if not prepared.about("maps", "test").get("unpaired"):
        to, fro = to | {f"real {target}": y}, fro | {f"real {source}": x}
    return {"there": translation_grid(to), "back": translation_grid(fro), "curves": _curves("cyclegan")}


def save_figures(figures: dict[str, dict[str, Image.Image]], folder: Path) -> None:
    """Write each task's figures into `folder` as <task>_<name>.png."""
    with whole_dir(folder) as partial:
        for task, own in figures.items():
            for name, figure in own.items():
                figure.save(partial / f"{task}_{name}.png")


def _curves(task: str) -> Image.Image:
    best = json.loads((Path("models") / task / "best/config.json").read_text(encoding="utf-8"))
    objective = best["objective"]
    found = OBJECTIVES.get(objective)  # None: trained without a discriminator
    equilibrium, probability = (found.equilibrium, found.outputs_probability) if found else ({}, False)
    history = pd.read_csv(f"metrics/history/{task}.csv")
    return curves(history, equilibrium, probability, best["best_by"], best["epoch"], f"{task}: {objective}")
