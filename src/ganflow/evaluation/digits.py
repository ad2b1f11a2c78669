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
from ganflow.metrics import digits
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.intervals import share
from ganflow.metrics.memorisation import copied, nearest
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitGenerator, with_classes
from ganflow.seeds import latents
from ganflow.tracking.run import continue_run
from ganflow.training.train_on_samples import train_on_samples

COPIES_SOUGHT = 2000  # digits asked whether they are copies
PARTS = ("train", "val", "test")
LEARNED_FROM = 5000  # digits that a new classifier is trained on


def evaluate_digits(task: Literal["gan", "cgan"], params: Params) -> None:
    """Measure models/<task>: its digits with their noise, beside a floor, copies and a ceiling."""
    own, seed = params.evaluate, params.seed
    runtime = compute.set_up(params.compute)
    classifier = saved.load_network(CLASSIFIER, DigitClassifier)[0].to(runtime.device)
    generator, model = saved.load_network(Path("models") / task / own.checkpoint, DigitGenerator)
    generator.to(runtime.device)

    train, val, test = (np.array(prepared.array("mnist", f"{part}_images")) for part in PARTS)
    train_labels, val_labels, test_labels = (np.array(prepared.array("mnist", f"{part}_labels")) for part in PARTS)
    # The lower bound: other real digits in the generated ones' place. No generator of new digits can be expected below.
    # The classifier was not trained on them either: those it was trained on it reads better than any new ones.
    held_out, labels_of_held_out = val[: own.digits], val_labels[: own.digits]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(train))[: own.digits])
    asked = np.resize(train_labels[chosen], own.digits)  # of a conditional generator: each as often as in training

    def seen(images: np.ndarray) -> digits.Classified:
        return digits.Classified(*(found.astype(np.float64) for found in classify(classifier, images)))

    def drawn(purpose: str) -> np.ndarray:
        inputs = latents(own.digits, generator.latent_dim, seed, "gan", purpose)
        if generator.classes:
            inputs = with_classes(inputs, torch.from_numpy(asked.astype(np.int64)), generator.classes)
        return draw(generator, inputs.to(runtime.device))

    generated = drawn("evaluate")
    nearest_train = nearest(generated, train)[0]
    copies = train[nearest_train]  # what a generator that memorised would draw instead
    reference, of_generated, of_real = seen(test), seen(generated), seen(held_out)
    read_as = of_generated.probabilities.argmax(1).astype(np.uint8)
    of_rows = {
        "model": of_generated,
        "floor": of_real,
        "copies": seen(copies),
        "ceiling": seen(digits.pixel_gaussian(train, len(generated), seed)),
    }
    rows = map_rows(lambda these: digits.digit_measures(these, reference, seed), of_rows)
    for row, images in (("model", generated), ("floor", val), ("copies", copies)):
        rows[row]["copied"] = share(copied(images[:COPIES_SOUGHT], train, test))

    labels = asked if generator.classes else read_as
    for row, images, taught in (("model", generated, labels), ("floor", train[chosen], train_labels[chosen])):
        learned_from = images[:LEARNED_FROM], taught[:LEARNED_FROM]
        right = train_on_samples(*learned_from, test, test_labels, params=params.classifier, seed=seed, runtime=runtime)
        value, noise = share(right)
        rows[row]["train_on_samples"] = 100 * value, 100 * noise

    more: dict[str, Any] = {"class_shares": (np.bincount(read_as, minlength=10) / len(read_as)).tolist()}
    if generator.classes:
        met = map_rows(
            lambda pair: digits.by_class(*pair, reference, test_labels, seed),
            {"model": (of_generated, asked), "floor": (of_real, labels_of_held_out)},
        )
        for row, by_class in met.items():
            rows[row] |= by_class.pop("all")
        more["by_class"] = met

    drawn_anew = pd.DataFrame(
        [digits.quick_measures(seen(drawn(f"evaluate {k}")), reference) for k in range(own.repeats)]
    )
    deviations = drawn_anew.std(ddof=min(1, own.repeats - 1))
    accuracy = share(reference.probabilities.argmax(1) == test_labels)
    images = {"read_as": read_as, "sure": of_generated.probabilities.max(1), "nearest_train": nearest_train}
    record_results(
        task,
        about={
            "source": model["source"],
            "checkpoint": own.checkpoint,
            "epoch": model["epoch"],
            "n": len(generated),
            "n_reference": len(test),
            "n_floor": len(held_out),
            "test_data": prepared.about("mnist", "test")["digest"][:12],
            "repeats": own.repeats,
            **{f"{key}_repeats_sd": float(value) for key, value in deviations.items()},
            **flat({"classifier_accuracy": accuracy}),
        },
        rows=rows,
        more=more,
        images=pd.DataFrame(({"asked": asked} if generator.classes else {}) | images),
    )
    tracker = continue_run("classifier", saved.weights_digest(CLASSIFIER))
    tracker.results({f"test/{key}": value for key, value in flat({"accuracy": accuracy}).items()})
    tracker.finish("FINISHED")
