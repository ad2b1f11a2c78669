"""Evaluate stages of the digit GANs: what evaluate_gan and evaluate_cgan have in common."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.evaluation.results import record_results
from ganflow.evaluation.threads import map_rows
from ganflow.inference import compute
from ganflow.inference.digits import draw
from ganflow.inference.features import CLASSIFIER, classify
from ganflow.metrics import digits, perceptual
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.comparable import JUDGED, judged
from ganflow.metrics.intervals import share
from ganflow.metrics.memorisation import copied, nearest
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitGenerator, with_classes
from ganflow.seeds import latents
from ganflow.tracking.evaluations import log_evaluation
from ganflow.training.train_on_samples import train_on_samples

COPY_CHECKED = 2000  # digits that are checked for being copies
PARTS = ("train", "val", "test")
INCEPTION_DIGITS = 2000  # of each set that Inception sees: a CPU takes a tenth of a second for each
TRAIN_SAMPLES = 5000  # digits that train_on_samples trains its classifier on


def evaluate_digits(task: Literal["gan", "cgan"], params: Params) -> None:
    """Measure the digits of models/<task> and of their baselines, and record the results.

    Baselines: other real digits ("floor", a lower bound of the distances), the nearest training digits ("copies"), and
    a Gaussian on pixels ("ceiling", a trivial baseline).
    """
    own, seed = params.evaluate, params.seed
    runtime = compute.set_up(params.compute)
    classifier = saved.load_network(CLASSIFIER, DigitClassifier, runtime.device)[0]
    generator, model = saved.load_network(Path("models") / task / own.checkpoint, DigitGenerator, runtime.device)

    train, val, test = (np.array(prepared.array("mnist", f"{part}_images")) for part in PARTS)
    train_labels, val_labels, test_labels = (np.array(prepared.array("mnist", f"{part}_labels")) for part in PARTS)
    # Validation digits, because the classifier reads the digits that it was trained on better than any new ones.
    held_out, held_out_labels = val[: own.digits], val_labels[: own.digits]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(train))[: own.digits])
    requested = np.resize(train_labels[chosen], own.digits)  # of a conditional generator: classes as in training

    def classified_digits(images: np.ndarray) -> digits.Classified:
        return digits.Classified(*(found.astype(np.float64) for found in classify(classifier, images)))

    def generate(purpose: str) -> np.ndarray:
        inputs = latents(own.digits, generator.latent_dim, seed, "gan", purpose)
        if generator.classes:
            inputs = with_classes(inputs, torch.from_numpy(requested.astype(np.int64)), generator.classes)
        return draw(generator, inputs.to(runtime.device))

    generated = generate("evaluate")
    nearest_train = nearest(generated, train)[0]
    copies = train[nearest_train]  # what a generator that memorised would produce
    reference, classified, classified_real = (classified_digits(images) for images in (test, generated, held_out))
    read_as = classified.probabilities.argmax(1).astype(np.uint8)
    gaussian = digits.pixel_gaussian(train, len(generated), seed)
    digit_sets = {
        "model": classified,
        "floor": classified_real,
        "copies": classified_digits(copies),
        "ceiling": classified_digits(gaussian),
    }
    rows = map_rows(lambda digit_set: digits.digit_measures(digit_set, reference, seed), digit_sets)
    for row, images in (("model", generated), ("floor", val), ("copies", copies)):
        rows[row]["copied"] = share(copied(images[:COPY_CHECKED], train, test))

    labels = requested if generator.classes else read_as
    classes = classified.probabilities.shape[1]
    for row, images, image_labels in (("model", generated, labels), ("floor", train[chosen], train_labels[chosen])):
        samples = images[:TRAIN_SAMPLES], image_labels[:TRAIN_SAMPLES]
        correct = train_on_samples(
            *samples, test, test_labels, params=params.classifier, classes=classes, seed=seed, runtime=runtime
        )
        value, noise = share(correct)
        rows[row]["train_on_samples"] = 100 * value, 100 * noise

    networks = perceptual.weights(own.perceptual)
    if isinstance(networks, perceptual.Weights):
        sets = {"model": generated, "floor": held_out, "ceiling": gaussian}
        for row, found in inception_measures(sets, test, networks, seed, runtime.device).items():
            rows[row] |= found

    more: dict[str, Any] = {
        "class_shares": (np.bincount(read_as, minlength=classified.probabilities.shape[1]) / len(read_as)).tolist(),
        "perceptual": perceptual.conditions(networks, own.perceptual, generated[:INCEPTION_DIGITS]),
    }
    more["classes"] = prepared.class_names()
    more["coverage_by_class"] = {
        "model": digits.coverage_by_class(classified, labels, reference, test_labels),
        "floor": digits.coverage_by_class(classified_real, held_out_labels, reference, test_labels),
    }
    if generator.classes:
        by_class = map_rows(
            lambda pair: digits.by_class(*pair, reference, test_labels, seed),
            {"model": (classified, requested), "floor": (classified_real, held_out_labels)},
        )
        for row, measures in by_class.items():
            rows[row] |= measures.pop("all")
        more["by_class"] = by_class

    repeated = pd.DataFrame(
        [digits.quick_measures(classified_digits(generate(f"evaluate {k}")), reference) for k in range(own.repeats)]
    )
    deviations = repeated.std(ddof=min(1, own.repeats - 1))
    accuracy = share(reference.probabilities.argmax(1) == test_labels)
    test_data, classifier_digest = prepared.about("mnist", "test")["digest"], saved.weights_digest(CLASSIFIER)
    images = {"read_as": read_as, "sure": classified.probabilities.max(1), "nearest_train": nearest_train}
    record_results(
        task,
        params=params,
        judged=judged(
            task,
            n=len(generated),
            size=generated.shape[1],
            test_images=test_data,
            checkpoint=own.checkpoint,
            classifier=classifier_digest,
        ),
        about={
            "source": model["source"],
            "checkpoint": own.checkpoint,
            "epoch": model["epoch"],
            "n": len(generated),
            "n_reference": len(test),
            "n_floor": len(held_out),
            "test_data": test_data[:12],
            "repeats": own.repeats,
            **{f"{key}_repeats_sd": float(value) for key, value in deviations.items()},
            **flat({"classifier_accuracy": accuracy}),
        },
        rows=rows,
        more=more,
        images=pd.DataFrame(({"asked": requested} if generator.classes else {}) | images),
    )
    conditions = judged("classifier", n=len(test), size=test.shape[1], test_images=test_data)
    table = {JUDGED: conditions, "rows": {"model": {"accuracy": accuracy}}}
    log_evaluation("classifier", table, classifier_digest, params, {})


def inception_measures(
    sets: dict[str, np.ndarray], real: np.ndarray, networks: perceptual.Weights, seed: int, device: torch.device
) -> dict[str, dict[str, tuple[float, float]]]:
    """fid and kid of each set of digits against real ones, all uint8 [N, 28, 28], as (value, plus-minus).

    A second opinion, by a network that never saw a digit. At most INCEPTION_DIGITS of each, spread evenly over it.
    """

    def features(images: np.ndarray) -> np.ndarray:
        chosen = images[prepared.evenly(INCEPTION_DIGITS, len(images))]
        return perceptual.inception_features(chosen[..., None].repeat(3, axis=-1), networks, device)

    of_real = features(real)
    return {row: perceptual.summary(features(images), of_real, None, seed) for row, images in sets.items()}
