"""Stage train_gan: the digit GAN."""

from pathlib import Path

import torch

from ganflow import config
from ganflow.data import prepared
from ganflow.data.batches import DigitBatches
from ganflow.errors import run
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.training import compute
from ganflow.training.gan import GanModel, validation
from ganflow.training.loop import Plan
from ganflow.training.run import Outs, train_and_track

OUTS = Outs(Path("models/gan"), Path("metrics/history/gan.csv"), Path("reports/samples/gan"))


def main() -> None:
    params = config.load()
    own = params.gan
    machine = compute.prepare(params.compute)
    dataset = prepared.about("mnist")
    images, labels = (torch.tensor(prepared.array("mnist", f"train_{part}")) for part in ("images", "labels"))
    eye = Path("models/classifier")
    classifier = saved.load(eye, DigitClassifier)[0].to(machine.device)
    model = GanModel(own, params.seed, machine)
    train_and_track(
        model,
        DigitBatches(images.to(machine.device), labels.to(machine.device), machine.device),
        Plan("gan", params.seed, len(images), own.batch_size, own.epochs, own.learning_rate),
        OUTS,
        params=params.model_dump(include={"seed", "compute", "gan"}) | {"classifier": saved.digest(eye)[:12]},
        dataset=dataset,
        machine=machine,
        example=torch.zeros(2, own.latent_dim),
        arguments={"latent_dim": own.latent_dim, "channels": own.channels},
        about={"source": dataset["source"], "objective": own.objective},
        validation=validation(classifier, prepared.array("mnist", "val_images"), own.latent_dim, params.seed, machine),
    )


if __name__ == "__main__":
    run(main)
