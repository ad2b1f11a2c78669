"""The nearest-neighbour baseline: for each input, the target of the training pair whose input looks most like it."""

import numpy as np
from PIL import Image

from ganflow.data.map_pairs import FILTER

LEVELS = 8  # per channel of the colour histogram


def nearest_targets(
    train_inputs: np.ndarray, train_targets: np.ndarray, inputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Copied targets, [N, S, S, C], for `inputs` of that size, and the indices [N] of the pairs they are from.

    `train_inputs`, `train_targets`: [M, S, S, C], of any size. The distance is the Hellinger distance of the
    colour histograms: on the validation maps it found better maps (mean IoU .331) than mean colours on a 4 x 4 or
    8 x 8 grid (.290, .261) and than those with the contrast in each cell (.319, .323).
    """
    library = np.stack([_histogram(image) for image in train_inputs])
    queries = np.stack([_histogram(image) for image in inputs])
    chosen = (queries @ library.T).argmax(1)  # the largest Bhattacharyya coefficient is the smallest Hellinger distance
    return resized(train_targets[chosen], inputs.shape[1]), chosen


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Images [N, S, S, C] at `side` px, by the filter that the maps were resized with."""
    if images.shape[1] == side:  # as own pairs are: their tiles have one size
        return np.array(images)
    return np.stack([np.asarray(Image.fromarray(image).resize((side, side), FILTER)) for image in images])


def _histogram(image: np.ndarray) -> np.ndarray:
    """float64 [LEVELS**3]: the roots of the shares of pixels by colour, here the first three channels."""
    channels = min(3, image.shape[2])
    code = np.zeros(image.shape[:2], np.int32)
    for channel in range(channels):
        code = code * LEVELS + image[..., channel].astype(np.uint8, copy=False) // (256 // LEVELS)
    return np.sqrt(np.bincount(code.ravel(), minlength=LEVELS**channels) / code.size)
