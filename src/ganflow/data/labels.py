"""Pictures of labels: which classes a set of pictures has, by its own values, and the colours they are stored in.

A mask has two values, a label picture some tens. A JPEG of labels has thousands, most of them close to a few.
"""

import colorsys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MOST_CLASSES = 32
# Labels saved with loss are told from photos where neighbouring pixels are equal (within FLAT levels). Of the façades'
# labels, JPEGs, 55 % of the pixels are there, and 99.8 % of those have nearly the colour of one of 12 classes. Of
# their photos, aerial photos and stained cells, 26 to 64 %, of which 46 to 81 % come near one of 20 colours.
FLAT = 3
_FLAT_SHARE, _NEARLY_EQUAL_SHARE = 0.2, 0.95
_NEAR, _NEARLY_EQUAL = 24.0, 7.0  # levels from a class's colour: belongs to it; is it (root mean square of channels)
_REST = 0.001  # of the flat pixels: fewer are no class
_BITS = 6  # per channel of the histogram of colours
# Levels by which the colours of any two classes differ in some channel. metrics.classes tells such colours apart: it
# moves a colour by at most 2 levels in each channel, which is less than half of this.
APART = 8


@dataclass
class Census:
    """Which values or colours the pictures of one side have, and how often: added up picture by picture."""

    channels: int
    exact: set[int] = field(default_factory=set)  # as one number, 16 bits per channel, until there are too many
    pixels: int = 0
    counts: np.ndarray = field(init=False)  #  of flat pixels, by colour in 6 bits per channel
    sums: np.ndarray = field(init=False)  #    of the colours in each bin of `counts`, [bins, channels]

    def __post_init__(self) -> None:
        bins = 2 ** (self.channels * _BITS)
        self.counts, self.sums = np.zeros(bins, np.int64), np.zeros((bins, self.channels))

    def add(self, pixels: np.ndarray, with_counts: bool = True, missing: np.ndarray | None = None) -> None:
        """`pixels`: uint8 or uint16 [H, W, 1 or 3]. `missing`: pixels without data, of no class, bool [H, W]."""
        if len(self.exact) <= MOST_CLASSES:
            present = pixels if missing is None else pixels[~missing]
            self.exact |= set(np.unique(_code(present, 16, 0)).tolist())
        if pixels.dtype != np.uint8 or not with_counts:
            return
        self.pixels += pixels.shape[0] * pixels.shape[1]
        is_flat = _flat(pixels) if missing is None else _flat(pixels) & ~missing[1:, 1:]
        flat = pixels[1:, 1:][is_flat]
        code = _code(flat, _BITS, 8 - _BITS)
        self.counts += np.bincount(code, minlength=len(self.counts))
        for channel in range(self.channels):
            self.sums[:, channel] += np.bincount(code, flat[:, channel], minlength=len(self.counts))


def classes_of(census: Census) -> list[list[int]] | None:
    """The values [C] of the classes that the pictures have, the smallest first; None if they are no labels."""
    if len(census.exact) <= MOST_CLASSES:
        shifts = range(16 * census.channels - 16, -1, -16)
        found = [[code >> shift & 0xFFFF for shift in shifts] for code in sorted(census.exact)]
        return found if len(found) > 1 else None
    if census.counts.sum() < _FLAT_SHARE * census.pixels:
        return None
    used = np.flatnonzero(census.counts)
    return _modes(census.sums[used] / census.counts[used, None], census.counts[used])


def legend_entries(values: list[list[int]], legend: dict[str, str]) -> list[dict[str, Any]]:
    """Classes as they are stored: `value` in the user's files, `name`, and `colour` in the prepared arrays.

    Colours are stored as they are if they are `APART`. Numbers of classes, in one channel or in three, are no colours:
    two become 0 and 255, more become colours of their own, for between 3 and 5 is no class 4.
    """
    if len(values[0]) == 3 and _are_apart(values):
        colours = values
    else:
        colours = [[0], [255]] if len(values) == 2 else _distinct(len(values))
    names = [legend.get(text(value), text(value)) for value in values]
    return [
        {"name": name, "value": value, "colour": colour}
        for name, value, colour in zip(names, values, colours, strict=True)
    ]


def encode(pixels: np.ndarray, classes: list[dict[str, Any]]) -> np.ndarray:
    """Labels as in the files, [H, W, C], to the colours of the nearest classes: uint8 [H, W, 1 or 3]."""
    values = np.array([one["value"] for one in classes], np.float32)
    colours = np.array([one["colour"] for one in classes], np.uint8)
    flat, place = np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0, return_inverse=True)
    nearest = [int(((values - one) ** 2).sum(1).argmin()) for one in flat.astype(np.float32)]
    return colours[np.array(nearest)[place.reshape(-1)]].reshape(*pixels.shape[:2], -1)


def decode(levels: np.ndarray, classes: list[dict[str, Any]]) -> np.ndarray:
    """Levels [H, W, C] to the values [H, W, channels of a value] of the classes with the nearest colours."""
    nearest = np.zeros(levels.shape[:2], np.intp)
    least = np.full(levels.shape[:2], np.inf, np.float32)
    for number, one in enumerate(classes):
        distance = ((levels.astype(np.float32) - np.array(one["colour"], np.float32)) ** 2).sum(2)
        closer = distance < least
        nearest[closer], least[closer] = number, distance[closer]
    return np.array([one["value"] for one in classes])[nearest]


def text(value: list[int]) -> str:
    """`255` or `#0030ff`; `#000000300fff` of 16 bits."""
    digits = 2 if max(value) <= 255 else 4
    return str(value[0]) if len(value) == 1 else "#" + "".join(f"{level:0{digits}x}" for level in value)


def _code(colours: np.ndarray, bits: int, dropped: int) -> np.ndarray:
    """Colours [..., C] as one number each, [...], of `bits` bits per channel, less the `dropped` lowest bits."""
    code = np.zeros(colours.shape[:-1], np.int64)
    for channel in range(colours.shape[-1]):
        code = (code << bits) | (colours[..., channel] >> dropped)
    return code


def _flat(pixels: np.ndarray) -> np.ndarray:
    """Which pixels of uint8 [H, W, C], but the first row and column, are like the one above and the one before."""
    wide = pixels.astype(np.int16)
    here = wide[1:, 1:]
    steps = [np.abs(here - other).max(2) for other in (wide[:-1, 1:], wide[1:, :-1])]
    return np.maximum(*steps) <= FLAT


def _modes(colours: np.ndarray, counts: np.ndarray) -> list[list[int]] | None:
    """The most frequent of `colours` [M, C], then the most frequent of those not near it, until few are left; sorted.

    None if more are needed than labels have, or what is near them is not nearly equal to them, as in a photo.
    """
    left, total = counts.astype(np.float64), counts.sum()
    centres: list[list[int]] = []
    equal = np.zeros(len(counts), bool)
    while left.sum() > _REST * total:
        if len(centres) == MOST_CLASSES:
            return None
        centre = colours[left.argmax()]
        distance = np.sqrt(((colours - centre) ** 2).mean(1))
        if left[distance <= _NEAR].sum() >= _REST * total:
            centres.append([round(level) for level in centre.tolist()])
            equal |= distance <= _NEARLY_EQUAL
        left[distance <= _NEAR] = 0
    if counts[equal].sum() < _NEARLY_EQUAL_SHARE * total or len(centres) < 2:
        return None
    return sorted(centres)


def _are_apart(values: list[list[int]]) -> bool:
    """Whether values [K, 3] are colours of 8 bits, any two of them `APART`."""
    colours = np.array(values)
    gaps = np.abs(colours[:, None] - colours).max(2)
    return bool(colours.max() <= 255 and gaps[~np.eye(len(colours), dtype=bool)].min() >= APART)


def _distinct(count: int) -> list[list[int]]:
    """Colours far apart: the first is black, the others hues in turns of the golden angle, dark and light."""
    hues = [colorsys.hsv_to_rgb(n * 0.618034 % 1, 1, 1 if n % 2 else 0.6) for n in range(count - 1)]
    return [[0, 0, 0], *([round(255 * level) for level in hue] for hue in hues)]
