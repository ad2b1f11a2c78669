"""Stage evaluate_gan: measures of generated digits with their noise, beside their floor and ceiling."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ganflow import config, tracking
from ganflow.data import prepared
from ganflow.data.batches import to_unit
from ganflow.errors import run
from ganflow.metrics import digits
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.memorisation import copied, nearest
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitGenerator
from ganflow.results import publish
from ganflow.training import compute
from ganflow.training.classifier import look
from ganflow.training.gan import draw, latents
from ganflow.training.train_on_samples import train_on_samples

EYE = Path("models/classifier")
COPIES_SOUGHT = 2000  # digits asked whether they are copies
LEARNED_FROM = 5000  # digits that a new classifier is trained on


def main() -> None:
    params = config.load()
    own, seed = params.evaluate, params.seed
    machine = compute.prepare(params.compute)
    classifier = saved.load(EYE, DigitClassifier)[0].to(machine.device)
    generator, model = saved.load(Path("models/gan") / own.checkpoint, DigitGenerator)
    generator.to(machine.device)

    def seen(images: np.ndarray) -> digits.Seen:
        features, probabilities = look(classifier, to_unit(torch.tensor(images))[:, None].to(machine.device))
        return digits.Seen(features.cpu().double().numpy(), probabilities.cpu().double().numpy())

    def drawn(purpose: str) -> np.ndarray:
        return draw(generator, latents(own.digits, generator.latent_dim, seed, purpose, machine.device))

    train, val, test = (np.array(prepared.array("mnist", f"{part}_images")) for part in ("train", "val", "test"))
    train_labels, test_labels = (np.array(prepared.array("mnist", f"{part}_labels")) for part in ("train", "test"))
    generated = drawn("evaluate")
    # The floor: other real digits in the generated ones' place. No generator of new digits can be expected below.
    chosen = np.sort(np.random.default_rng(seed).permutation(len(train))[: len(generated)])
    reference, of_generated = seen(test), seen(generated)
    nearest_train = nearest(generated, train)[0]
    copies = train[nearest_train]  # what a generator that memorised would draw instead
    rows = {
        "model": digits.measures(of_generated, reference, seed),
        "floor": digits.measures(seen(train[chosen]), reference, seed),
        "copies": digits.measures(seen(copies), reference, seed),
        "ceiling": digits.measures(seen(digits.pixel_gaussian(train, len(generated), seed)), reference, seed),
    }
    for row, images in (("model", generated), ("floor", val), ("copies", copies)):
        rows[row]["copied"] = digits.mean(copied(images[:COPIES_SOUGHT], train, test))

    read_as = of_generated.probabilities.argmax(1).astype(np.uint8)
    for row, images, labels in (("model", generated, read_as), ("floor", train[chosen], train_labels[chosen])):
        learned_from = images[:LEARNED_FROM], labels[:LEARNED_FROM]
        right = train_on_samples(*learned_from, test, test_labels, params=params.classifier, seed=seed, machine=machine)
        rows[row]["train_on_samples"] = digits.mean(100 * right)

    drawn_anew = pd.DataFrame(
        [digits.quick_measures(seen(drawn(f"evaluate {k}")), reference) for k in range(own.repeats)]
    )
    deviations = drawn_anew.std(ddof=min(1, own.repeats - 1))
    accuracy = digits.mean(reference.probabilities.argmax(1) == test_labels)
    publish(
        "gan",
        about={
            "source": model["source"],
            "checkpoint": own.checkpoint,
            "epoch": model["epoch"],
            "n": len(generated),
            "n_reference": len(test),
            "test_data": prepared.about("mnist", "test")["digest"][:12],
            "repeats": own.repeats,
            **{f"{key}_repeats_sd": float(value) for key, value in deviations.items()},
            **flat({"classifier_accuracy": accuracy}),
        },
        rows=rows,
        more={"class_shares": (np.bincount(read_as, minlength=10) / len(read_as)).tolist()},
        images=pd.DataFrame(
            {
                "read_as": read_as,
                "sure": of_generated.probabilities.max(1),
                "nearest_train": nearest_train,
            }
        ),
    )
    tracker = tracking.attach("classifier", saved.digest(EYE))
    tracker.results({f"test/{key}": value for key, value in flat({"accuracy": accuracy}).items()})
    tracker.finish("FINISHED")


if __name__ == "__main__":
    run(main)
