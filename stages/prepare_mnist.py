"""Stage prepare_mnist: digits as uint8 arrays, split into train, val (held out of train) and test."""

from pathlib import Path

import numpy as np

from ganflow import config
from ganflow.data import generated_digits, mnist, prepared
from ganflow.files import whole_dir
from ganflow.pipeline.stage import run_stage

RAW = Path("data/raw/mnist")


def main() -> None:
    params = config.load_params()
    train_count, test_count = params.mnist.train_images, params.mnist.test_images
    if params.data.source == "generated":
        arrays = generated_digits.digits(train_count, test_count, params.data.seed)
    else:
        train_images, train_labels = mnist.read_split(RAW, "train")
        test_images, test_labels = mnist.read_split(RAW, "t10k")
        arrays = (train_images[:train_count], train_labels[:train_count])
        arrays += (test_images[:test_count], test_labels[:test_count])
    images, labels, test_images, test_labels = arrays
    held_out = np.random.default_rng(params.data.seed).permutation(len(images))
    held_out = np.sort(held_out[: min(params.mnist.val_images, len(images) // 10)])
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
        prepared.describe(partial, counts, source=params.data.source)


if __name__ == "__main__":
    run_stage(main)
