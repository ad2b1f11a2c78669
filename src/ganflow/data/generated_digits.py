"""The built-in digits: scikit-learn's real handwritten ones at MNIST's size."""

import numpy as np
from PIL import Image


def digits(train_images: int, test_images: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's 1797 handwritten digits in MNIST's format: train images and labels, test images and labels.

    Images are uint8 [N, 28, 28], white on black, the digit about 20 px high; labels uint8 [N]. A sixth is held out for
    testing, stratified by class; at most `train_images` and `test_images` are returned.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    small, labels = (np.asarray(part) for part in load_digits(return_X_y=True))
    images = np.stack([_enlarge(digit) for digit in small.reshape(-1, 8, 8)])
    train, test = train_test_split(np.arange(len(labels)), test_size=1 / 6, random_state=seed, stratify=labels)
    train, test = np.array(train)[:train_images], np.array(test)[:test_images]
    labels = np.asarray(labels, np.uint8)
    return images[train], labels[train], images[test], labels[test]


def _enlarge(digit: np.ndarray) -> np.ndarray:
    """0..16 [8, 8] to uint8 [28, 28], with MNIST's steep strokes instead of a blur."""
    pixels = np.asarray(Image.fromarray((digit * 15.9375).astype(np.uint8)).resize((20, 20), Image.Resampling.BICUBIC))
    steep = ((pixels.astype(np.float32) - 85) * 2.4).clip(0, 255).astype(np.uint8)
    return np.pad(steep, 4)
