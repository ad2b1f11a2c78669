import numpy as np

from ganflow.data import generated_digits


def test_digits_are_split_without_overlap_and_of_all_classes() -> None:
    train_images, train_labels, test_images, test_labels = generated_digits.digits(60000, 10000, seed=0)
    assert train_images.shape[1:] == (28, 28)
    assert train_images.dtype == train_labels.dtype == np.uint8
    assert (len(train_images), len(test_images)) == (1497, 300)
    assert not {image.tobytes() for image in train_images} & {image.tobytes() for image in test_images}
    for labels in (train_labels, test_labels):
        assert (np.bincount(labels, minlength=10) > 0.07 * len(labels)).all()


def test_digits_look_like_mnist() -> None:
    images, *_ = generated_digits.digits(500, 100, seed=0)
    assert len(images) == 500
    assert (images[:, :4] == 0).all()  # an empty margin
    assert 25 < images.mean() < 50  # MNIST's is 33
    assert (images > 200).mean() > 0.08  # strokes are white, not grey
