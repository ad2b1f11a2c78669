"""Stage train_classifier: the digit classifier through which the GAN metrics look, and its accuracy on real digits."""

from pathlib import Path

import torch

from ganflow import config
from ganflow.data import prepared
from ganflow.data.batches import DigitBatches, to_unit
from ganflow.errors import run
from ganflow.files import write_json
from ganflow.training import compute
from ganflow.training.classifier import ClassifierModel, look
from ganflow.training.loop import Plan
from ganflow.training.run import Outs, train_and_track

OUTS = Outs(model=Path("models/classifier"), history=Path("metrics/history/classifier.csv"))


def main() -> None:
    params = config.load()
    own = params.classifier
    machine = compute.prepare(params.compute)
    dataset = prepared.about("mnist")
    images, labels = (torch.tensor(prepared.array("mnist", f"train_{part}")) for part in ("images", "labels"))
    model = ClassifierModel(own, params.seed, machine)
    train_and_track(
        model,
        DigitBatches(images, labels, machine.device),
        Plan("classifier", params.seed, len(images), own.batch_size, own.epochs, own.learning_rate, own.epochs),
        OUTS,
        params=params.model_dump(include={"seed", "compute", "classifier"}),
        dataset=dataset,
        machine=machine,
        example=torch.zeros(2, 1, 28, 28),
        finished=model.network.eval,
        arguments={},
        about={"source": dataset["source"]},
    )
    digits = to_unit(torch.tensor(prepared.array("mnist", "test_images")))[:, None]
    truth = torch.tensor(prepared.array("mnist", "test_labels"))
    _, probabilities = look(model.network.to(machine.device), digits.to(machine.device))
    accuracy = (probabilities.argmax(1).cpu() == truth).double().mean().item()
    write_json(Path("metrics/classifier.json"), {"source": dataset["source"], "accuracy": accuracy, "n": len(truth)})


if __name__ == "__main__":
    run(main)
