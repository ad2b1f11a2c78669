"""Stage train_pix2pix: the translator between aerial photos and maps."""

from pathlib import Path

import torch

from ganflow import config
from ganflow.data import prepared
from ganflow.data.batches import PairBatches, open_array
from ganflow.errors import run
from ganflow.training import compute
from ganflow.training.loop import Plan
from ganflow.training.pix2pix import Pix2PixModel, validation
from ganflow.training.run import Outs, train_and_track

OUTS = Outs(Path("models/pix2pix"), Path("metrics/history/pix2pix.csv"), Path("reports/samples/pix2pix"))
SHOWN = 4  # val pairs in the picture of an epoch


def main() -> None:
    params = config.load()
    own, maps = params.pix2pix, params.maps
    machine = compute.prepare(params.compute)
    dataset = prepared.about("maps")
    pairs = open_array(prepared.PREPARED / "maps/train.npy", machine.device)
    val = prepared.array("maps", "val")
    to_map = maps.direction == "aerial2map"
    inputs, targets = (val[:, 0], val[:, 1]) if to_map else (val[:, 1], val[:, 0])
    model = Pix2PixModel(own, maps.crop_size, params.seed, machine, shown=(inputs[:SHOWN], targets[:SHOWN]))

    logged = params.model_dump(include={"seed": True, "compute": True, "pix2pix": True})
    logged["maps"] = {"crop_size": maps.crop_size, "direction": maps.direction}
    train_and_track(
        model,
        PairBatches(pairs, maps.crop_size, maps.direction, machine.device),
        Plan("pix2pix", params.seed, len(pairs), own.batch_size, own.epochs, own.learning_rate, own.decay_epochs),
        OUTS,
        params=logged,
        dataset=dataset,
        machine=machine,
        example=torch.zeros(2, 3, dataset["eval_size"], dataset["eval_size"]),
        arguments=model.arguments,
        about={
            "source": dataset["source"],
            "direction": maps.direction,
            "objective": own.objective if own.lambda_gan else "L1 only",
            "eval_size": dataset["eval_size"],
        },
        validation=validation(inputs, targets, maps.crop_size, to_map, machine),
    )


if __name__ == "__main__":
    run(main)
