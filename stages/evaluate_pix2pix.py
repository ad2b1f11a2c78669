"""Stage evaluate_pix2pix: measures of generated maps on the test pairs, beside two baselines that translate nothing."""

from pathlib import Path

import numpy as np
import pandas as pd

from ganflow import config, tracking
from ganflow.data import prepared
from ganflow.errors import run
from ganflow.files import whole_file, write_json
from ganflow.metrics import classes, pixels
from ganflow.models import saved
from ganflow.models.unet import UNet
from ganflow.training import compute
from ganflow.translate import translate


def main() -> None:
    params = config.load()
    machine = compute.prepare(params.compute)
    generator, model = saved.load(Path("models/pix2pix"), UNet)
    to_map = model["direction"] == "aerial2map"
    source, target = (0, 1) if to_map else (1, 0)
    test = prepared.array("maps", "test")
    inputs, real = test[:, source], test[:, target]
    colour = pixels.constant_baseline(prepared.array("maps", "train")[:, target])

    answers = {
        "": translate(generator.to(machine.device), inputs, params.evaluate.batch_size, machine.device),
        "constant/": np.broadcast_to(colour, real.shape),
        "input/": inputs,
    }
    metrics: dict[str, object] = {
        "source": model["source"],
        "direction": model["direction"],
        "n": len(test),
        "size": test.shape[2],
    }
    table = pd.DataFrame()
    for prefix, answer in answers.items():
        frame = pixels.per_image(answer, real)
        measured = pixels.summary(frame)
        if to_map:  # a photo has no palette
            measured |= classes.scores(classes.confusion(answer, real))
        metrics |= {f"{prefix}{name}": value for name, value in measured.items()}
        table = table.join(frame.add_prefix(prefix), how="outer")
    table.index.name = "test_pair"
    write_json(Path("metrics/pix2pix.json"), metrics)
    with whole_file(Path("metrics/pix2pix_images.csv")) as partial:
        table.to_csv(partial)

    tracker = tracking.attach("pix2pix", saved.digest(Path("models/pix2pix")))
    tracker.metrics({f"test/{key}": value for key, value in metrics.items() if isinstance(value, float)}, step=0)
    tracker.file(Path("metrics/pix2pix_images.csv"), "metrics")
    tracker.finish("FINISHED")


if __name__ == "__main__":
    run(main)
