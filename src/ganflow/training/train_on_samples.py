"""Train a classifier on generated digits and test it on real ones (classification accuracy score)."""

import numpy as np
import torch

from ganflow.config import Classifier
from ganflow.data.batches import DigitBatches
from ganflow.inference.compute import Runtime
from ganflow.inference.features import classify
from ganflow.training.classifier import ClassifierModel
from ganflow.training.compute import Machine
from ganflow.training.plan import Plan


def train_on_samples(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    params: Classifier,
    classes: int,
    seed: int,
    runtime: Runtime,
) -> np.ndarray:
    """Train a classifier on `images` and `labels`; return for each test digit whether it is right: float [M], 0 or 1.

    Digits are uint8 [N, 28, 28], labels 0 to classes - 1; the recipe is that of the project's own classifier. The
    difference to training on the same number of real digits shows which variety the generator lacks: the
    classification accuracy score of Ravuri & Vinyals 2019 (arXiv:1905.10887).
    """
    machine = Machine(runtime.device, runtime.bf16, runtime.reason)
    model = ClassifierModel(params, seed, machine, classes)
    on_device = torch.tensor(images, device=machine.device), torch.tensor(labels, device=machine.device)
    data = DigitBatches(*on_device, machine.device)
    batch_size = min(params.batch_size, len(images))
    plan = Plan("train on samples", seed, len(images), batch_size, params.epochs, params.learning_rate, params.epochs)
    (optimiser,) = model.optimisers.values()
    for step in range(plan.steps):
        epoch, index = divmod(step, plan.epoch_steps)
        machine.world.reseed(seed, plan.name, step)
        for group in optimiser.param_groups:
            group["lr"] = plan.rate(step)
        model.step(data.batch(plan.order(epoch)[index * batch_size :][:batch_size]), (step + 1) * batch_size)
    _, probabilities = classify(model.finished(), test_images)
    return (probabilities.argmax(1) == test_labels).astype(np.float64)
