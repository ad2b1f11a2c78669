"""Stage render: the pictures of the report, from trained models and held-out data."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from ganflow import config, tracking
from ganflow.data import prepared
from ganflow.errors import run
from ganflow.files import whole_dir
from ganflow.grids import digit_grid, spherical_path, translation_grid
from ganflow.losses import OBJECTIVES
from ganflow.models import saved
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.unet import UNet
from ganflow.render import curves
from ganflow.training import compute
from ganflow.training.gan import draw, latents
from ganflow.translate import translate

STEPS = 10  # of a latent walk


def main() -> None:
    params = config.load()
    device = compute.prepare(params.compute).device
    own = params.render
    generator, gan = saved.load(Path("models/gan"), DigitGenerator)
    translator, pix2pix = saved.load(Path("models/pix2pix"), UNet)
    generator, translator = generator.to(device), translator.to(device)

    digits = draw(generator, latents(own.digits, gan["arguments"]["latent_dim"], params.seed, "evaluate", device))
    ends = latents(2 * own.interpolations, gan["arguments"]["latent_dim"], params.seed, "render", device).cpu().numpy()
    walk = spherical_path(ends[: own.interpolations], ends[own.interpolations :], STEPS)
    between = draw(generator, torch.from_numpy(walk).flatten(0, 1).to(device))

    test = prepared.array("maps", "test")
    shown = np.linspace(0, len(test) - 1, min(own.pairs, len(test))).round().astype(int)  # spread evenly, not chosen
    aerial, street_map = test[shown, 0], test[shown, 1]
    names, source, real = ("aerial", "generated", "real map"), aerial, street_map
    if pix2pix["direction"] == "map2aerial":
        names, source, real = ("map", "generated", "real aerial"), street_map, aerial
    drawn = translate(translator, source, params.evaluate.batch_size, device)

    figures = {
        "gan_digits": digit_grid(digits, columns=20),
        "gan_interpolation": digit_grid(between, columns=STEPS),
        "pix2pix_pairs": translation_grid(dict(zip(names, (source, drawn, real), strict=True))),
        **{f"{name}_curves": _curves(name, config_) for name, config_ in (("gan", gan), ("pix2pix", pix2pix))},
    }
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


def _curves(task: str, model: dict[str, str]) -> Image.Image:
    game = OBJECTIVES[model["objective"]]
    history = pd.read_csv(f"metrics/history/{task}.csv")
    return curves(history, game.equilibrium, game.outputs_probability, f"{task}: {model['objective']}")


if __name__ == "__main__":
    run(main)
