"""Stage evaluate_pix2pix: measures of translated test pairs with their noise, beside baselines without a network."""

from pathlib import Path
from typing import Any

import numpy as np

from ganflow import config
from ganflow.data import prepared
from ganflow.errors import run
from ganflow.metrics import classes, perceptual, pixels, translation
from ganflow.metrics.bootstrap import multiplicities
from ganflow.metrics.nearest import nearest_targets, resized
from ganflow.models import saved
from ganflow.models.unet import UNet
from ganflow.results import publish
from ganflow.training import compute
from ganflow.translate import translate


def main() -> None:
    params = config.load()
    own = params.evaluate
    device = compute.prepare(params.compute).device
    generator, model = saved.load(Path("models/pix2pix") / own.checkpoint, UNet)
    to_map = model["direction"] == "aerial2map"
    source, target = (0, 1) if to_map else (1, 0)
    train, test = prepared.array("maps", "train"), prepared.array("maps", "test")
    inputs, real = test[:, source], test[:, target]

    answers = {
        "model": translate(generator.to(device), inputs, own.batch_size, device),
        "constant": np.broadcast_to(pixels.constant_baseline(train[:, target]), real.shape),
        "nearest": nearest_targets(train, inputs, source)[0],
        "input": inputs,
    }
    weights = multiplicities(len(test), params.seed)
    frames = {name: translation.per_image(answer, real, to_map) for name, answer in answers.items()}
    rows = {name: translation.with_noise(frame, weights) for name, frame in frames.items()}

    seen_through: dict[str, Any]
    found = perceptual.weights(own.perceptual)
    if isinstance(found, perceptual.Absent):
        seen_through = {"absent": found.reason}
    else:
        seen_through = perceptual.conditions(real)
        of_real = perceptual.inception_features(real, found, device)
        distances = perceptual.lpips(answers["model"], real, found, device)
        floor = resized(train[: len(real), target], real.shape[1])
        for name, images, paired in (("model", answers["model"], distances), ("floor", floor, None)):
            features = perceptual.inception_features(images, found, device)
            rows.setdefault(name, {}).update(perceptual.summary(features, of_real, paired, params.seed))

    publish(
        "pix2pix",
        about={
            "source": model["source"],
            "direction": model["direction"],
            "checkpoint": own.checkpoint,
            "epoch": model["epoch"],
            "n": len(test),
            "size": test.shape[2],
            "test_data": prepared.about("maps", "test")["digest"][:12],
        },
        rows=rows,
        more={
            "perceptual": seen_through,
            "confusion": classes.confusions(answers["model"], real).sum(0).tolist() if to_map else None,
        },
        images=frames["model"],
    )


if __name__ == "__main__":
    run(main)
