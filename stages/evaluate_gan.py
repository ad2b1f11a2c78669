"""Stage evaluate_gan: measures of generated digits, beside their floor and ceiling."""

from pathlib import Path

import numpy as np
import torch

from ganflow import config, tracking
from ganflow.data import prepared
from ganflow.data.batches import to_unit
from ganflow.errors import run
from ganflow.files import write_json
from ganflow.metrics.distribution import (
    class_histogram,
    classifier_score,
    divergence_from_uniform,
    frechet_distance,
    kernel_distance,
)
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitGenerator
from ganflow.training import compute
from ganflow.training.classifier import look
from ganflow.training.gan import draw, latents


def main() -> None:
    params = config.load()
    machine = compute.prepare(params.compute)
    classifier = saved.load(Path("models/classifier"), DigitClassifier)[0].to(machine.device)
    generator, model = saved.load(Path("models/gan"), DigitGenerator)
    inputs = latents(params.evaluate.digits, model["arguments"]["latent_dim"], params.seed, "evaluate", machine.device)
    generated = draw(generator.to(machine.device), inputs)

    def seen(digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features, probabilities = look(classifier, to_unit(torch.tensor(digits))[:, None].to(machine.device))
        return features.cpu().double().numpy(), probabilities.cpu().double().numpy()

    train, test = prepared.array("mnist", "train_images"), prepared.array("mnist", "test_images")
    rng = np.random.default_rng(params.seed)
    count = min(len(train), len(generated))
    real, probabilities_of_real = seen(train[np.sort(rng.permutation(len(train))[:count])])
    reference, reference_probabilities = seen(test)
    features, probabilities = seen(generated)
    gaussian, probabilities_of_gaussian = seen(pixel_gaussian(train, count, rng))
    histogram = class_histogram(probabilities.argmax(1))
    metrics = {
        "source": model["source"],
        "n": len(generated),
        "n_reference": len(test),
        "frechet_classifier": frechet_distance(features, reference),
        "kernel_classifier": kernel_distance(features, reference),
        "score": classifier_score(probabilities),
        "kl_uniform": divergence_from_uniform(histogram),
        # The floor: other real digits in the generated ones' place. No generator of new digits can be expected below.
        "floor/frechet_classifier": frechet_distance(real, reference),
        "floor/kernel_classifier": kernel_distance(real, reference),
        "floor/score": classifier_score(probabilities_of_real),
        "floor/kl_uniform": divergence_from_uniform(class_histogram(probabilities_of_real.argmax(1))),
        # The ceiling: a Gaussian fitted to the pixels. A generator above it has learned nothing worth a network.
        "ceiling/frechet_classifier": frechet_distance(gaussian, reference),
        "ceiling/kernel_classifier": kernel_distance(gaussian, reference),
        "ceiling/score": classifier_score(probabilities_of_gaussian),
        "classifier_accuracy": float(
            (reference_probabilities.argmax(1) == prepared.array("mnist", "test_labels")).mean()
        ),
        **{f"class_share/{digit}": float(share) for digit, share in enumerate(histogram)},
    }
    write_json(Path("metrics/gan.json"), metrics)
    tracker = tracking.attach("gan", saved.digest(Path("models/gan")))
    tracker.metrics({f"test/{key}": value for key, value in metrics.items() if isinstance(value, float)}, step=0)
    tracker.finish("FINISHED")


def pixel_gaussian(images: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 [count, 28, 28] drawn from the normal distribution with the mean and covariance of `images`' pixels."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    # In the data's own eigenvectors: a Cholesky factor fails on the border pixels, which never vary.
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    drawn = rng.standard_normal((count, len(values))) * np.sqrt(values.clip(0)) @ vectors.T + flat.mean(0)
    return drawn.round().clip(0, 255).astype(np.uint8).reshape(-1, 28, 28)


if __name__ == "__main__":
    run(main)
