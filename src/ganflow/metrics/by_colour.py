"""The trivial baseline of labels: a pixel's class from its own colour, as a threshold does it."""

import numpy as np

from ganflow.metrics.classes import Legend, segment

BITS = 4  # per channel: 16 greys, or 4096 colours


def classes_by_colour(
    train_inputs: np.ndarray,
    train_targets: np.ndarray,
    inputs: np.ndarray,
    legend: Legend,
    has_data: np.ndarray | None = None,  # the pixels of train_targets that are counted, bool [M, H, W]; None: all
) -> np.ndarray:
    """For each pixel of `inputs`, the class that is most frequent in training where the input has its colour.

    Drawn in the legend's colours: [N, H, W, C of the targets]. All are [N, H, W, C] in levels of 0 to 255. A colour
    that training has not gets the most frequent class of all.
    """
    bins = 2 ** (BITS * min(3, inputs.shape[-1]))
    counts = np.zeros((bins, len(legend.names)), np.int64)
    for number, (image, target) in enumerate(zip(train_inputs, train_targets, strict=True)):
        both = _code(image) * len(legend.names) + segment(target, legend)
        counted = both.ravel() if has_data is None else both[has_data[number]]
        counts += np.bincount(counted, minlength=counts.size).reshape(counts.shape)
    frequent = np.where(counts.sum(1) > 0, counts.argmax(1), counts.sum(0).argmax())
    colours = np.array([shown[0] for shown in legend.colours], train_targets.dtype)
    return np.stack([colours[frequent[_code(image)]] for image in inputs])


def _code(image: np.ndarray) -> np.ndarray:
    code = np.zeros(image.shape[:-1], np.int64)
    for channel in range(min(3, image.shape[-1])):
        code = (code << BITS) | (image[..., channel].astype(np.uint8, copy=False) >> (8 - BITS))
    return code
