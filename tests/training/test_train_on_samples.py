import numpy as np
import torch

from ganflow.config import Params
from ganflow.data.generated_digits import digits
from ganflow.inference.compute import Runtime
from ganflow.training.train_on_samples import train_on_samples

CPU = Runtime(torch.device("cpu"), False, "test")


def test_there_are_as_many_classes_as_asked_for(params: Params) -> None:
    images, labels, *_ = digits(60000, 10000, seed=0)
    images, labels = images[:60], (np.arange(60) % 12).astype(np.uint8)
    recipe = params.classifier.model_copy(update={"epochs": 1, "batch_size": 30})
    right = train_on_samples(images, labels, images, labels, params=recipe, classes=12, seed=0, runtime=CPU)
    assert right.shape == (60,)


def test_good_samples_teach_bad_ones_do_not_and_the_answer_is_the_same_each_time(params: Params) -> None:
    images, labels, test_images, test_labels = digits(60000, 10000, seed=0)
    images, labels = images[:400], labels[:400]
    recipe = params.classifier.model_copy(update={"epochs": 6, "batch_size": 32})

    def right(images: np.ndarray) -> np.ndarray:
        return train_on_samples(
            images, labels, test_images, test_labels, params=recipe, classes=10, seed=0, runtime=CPU
        )

    real = right(images)
    assert real.shape == test_labels.shape
    assert real.mean() > 0.85
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    assert right(noise).mean() < 0.4
    assert np.array_equal(right(images), real)
