"""What the stages train_gan and train_cgan share: data, validation and outs of a digit GAN."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.batches import DigitBatches
from ganflow.inference.features import CLASSIFIER
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import with_classes
from ganflow.seeds import latents
from ganflow.training import compute
from ganflow.training.gan import GanModel, digit_validation
from ganflow.training.plan import Plan
from ganflow.training.processes import launched
from ganflow.training.run import Outs, train_and_track
from ganflow.training.start import start_of


def train_digits(task: Literal["gan", "cgan"], params: Params) -> None:
    """Train the plain or the class-conditional GAN by its section of `params`, into models/<task>."""
    if launched(params.compute):
        return
    own = params.gan if task == "gan" else params.cgan
    dataset = prepared.about("mnist")
    images, labels = (torch.tensor(prepared.array("mnist", f"train_{part}")) for part in ("images", "labels"))
    plan = Plan(task, params.seed, len(images), own.batch_size, own.epochs, own.learning_rate, own.decay_epochs)
    machine = compute.prepare(params.compute, plan.steps)
    classifier = saved.load_network(CLASSIFIER, DigitClassifier, machine.device)[0]
    classes = len(prepared.class_names()) if task == "cgan" else 0
    growing_images = own.growing_epochs * plan.epoch_steps * plan.batch_size
    model = GanModel(own, params.seed, machine, classes, growing_images)
    val = prepared.array("mnist", "val_images")
    inputs = latents(len(val), own.latent_dim, params.seed, "gan", "validate")
    if classes:
        inputs = with_classes(inputs, torch.from_numpy(prepared.array("mnist", "val_labels").astype(np.int64)), classes)
    train_and_track(
        model,
        DigitBatches(images.to(machine.device), labels.to(machine.device), machine.device),
        plan,
        Outs(Path("models") / task, Path(f"metrics/history/{task}.csv"), Path("reports/samples") / task),
        params=params.model_dump(include={"seed", "compute", task})
        | {"classifier": saved.weights_digest(CLASSIFIER)[:12]},
        dataset=dataset,
        machine=machine,
        example=np.array([classes - 1, 0]) if classes else np.array([7, 3]),
        arguments=model.arguments,
        start=start_of(task, own.start_from),
        about={"source": dataset["source"], "objective": model.objective_name},
        validation=digit_validation(task, classifier, val, inputs.to(machine.device), classes),
    )
