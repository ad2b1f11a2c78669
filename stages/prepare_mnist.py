"""Stage prepare_mnist: digits as uint8 arrays."""

from pathlib import Path

import numpy as np

from ganflow import config
from ganflow.data import generated, mnist, prepared
from ganflow.errors import run
from ganflow.files import whole_dir

RAW = Path("data/raw/mnist")


def main() -> None:
    params = config.load()
    train_count, test_count = params.mnist.train_images, params.mnist.test_images
    if params.data.source == "generated":
        arrays = generated.digits(train_count, test_count, params.seed)
    else:
        train_images, train_labels = mnist.read_split(RAW, "train")
        test_images, test_labels = mnist.read_split(RAW, "t10k")
        arrays = (train_images[:train_count], train_labels[:train_count])
        arrays += (test_images[:test_count], test_labels[:test_count])
    with whole_dir(prepared.PREPARED / "mnist") as partial:
        for name, array in zip(("train_images", "train_labels", "test_images", "test_labels"), arrays, strict=True):
            np.save(partial / f"{name}.npy", array)
        prepared.describe(partial, source=params.data.source, train=len(arrays[0]), test=len(arrays[2]))


if __name__ == "__main__":
    run(main)
