"""Stage train_classifier: the digit classifier whose features and predictions the digit metrics use."""

from pathlib import Path

import torch

from ganflow import config
from ganflow.data import prepared
from ganflow.data.batches import DigitBatches
from ganflow.inference.features import CLASSIFIER
from ganflow.pipeline.stage import run_stage
from ganflow.training import compute
from ganflow.training.classifier import ClassifierModel
from ganflow.training.plan import Plan
from ganflow.training.processes import launched
from ganflow.training.run import Outs, train_and_track

OUTS = Outs(model=CLASSIFIER, history=Path("metrics/history/classifier.csv"))


def main() -> None:
    params = config.load_params()
    if launched(params.compute):
        return
    own = params.classifier
    dataset = prepared.about("mnist")
    images, labels = (torch.tensor(prepared.array("mnist", f"train_{part}")) for part in ("images", "labels"))
    classes = len(prepared.class_names())
    plan = Plan("classifier", params.data.seed, len(images), own.batch_size, own.epochs, own.learning_rate, own.epochs)
    machine = compute.prepare(params.compute, plan.steps)
    train_and_track(
        ClassifierModel(own, params.data.seed, machine, classes),
        DigitBatches(images.to(machine.device), labels.to(machine.device), machine.device),
        plan,
        OUTS,
        params=params.model_dump(include={"data": {"seed"}, "compute": True, "classifier": True}),
        dataset=dataset,
        machine=machine,
        example=images[:2].numpy(),
        arguments={} if classes == 10 else {"classes": classes},
        about={"source": dataset["source"]},
    )


if __name__ == "__main__":
    run_stage(main)
