"""Stage prepare_mnist: digits, or your own small pictures, as uint8 arrays: train, val (held out of it) and test."""

from pathlib import Path

import numpy as np

from ganflow import config
from ganflow.data import generated_digits, prepared
from ganflow.data.digit_folder import read_digits
from ganflow.files import whole_dir
from ganflow.pipeline.stage import run_stage

LEAST_VALIDATED = 3  # images: the jackknife leaves one out, and a covariance needs two


def main() -> None:
    params = config.load_params()
    train_count, test_count = params.mnist.train_images, params.mnist.test_images
    folder, facts = Path(params.mnist.folder), {"source": params.data.source}
    if params.data.source == "generated" and not params.own_digits:
        arrays = generated_digits.digits(train_count, test_count, params.data.seed)
    else:
        found = read_digits(folder, params.data.seed, as_stored=not params.own_digits)
        arrays = tuple(part[:train_count] for part in found.train) + tuple(part[:test_count] for part in found.test)
        if params.own_digits:
            facts = {"source": "folder", "name": folder.resolve().name, "classes": found.classes}
    images, labels, test_images, test_labels = arrays
    held_out = np.random.default_rng(params.data.seed).permutation(len(images))
    held_out = np.sort(held_out[: min(params.mnist.val_images, max(LEAST_VALIDATED, len(images) // 10))])
    parts = {
        "train": (np.delete(images, held_out, axis=0), np.delete(labels, held_out)),
        "val": (images[held_out], labels[held_out]),
        "test": (test_images, test_labels),
    }
    with whole_dir(prepared.PREPARED / "mnist") as partial:
        np.save(partial / "val_indices.npy", held_out)
        for part, (of_part, labels_of_part) in parts.items():
            np.save(partial / f"{part}_images.npy", of_part)
            np.save(partial / f"{part}_labels.npy", labels_of_part)
        counts = {part: len(of_part) for part, (of_part, _) in parts.items()}
        prepared.describe(partial, counts, **facts)


if __name__ == "__main__":
    run_stage(main)
