"""Map classes: what a person reads off a map (streets, parks, water), compared pixel by pixel.

Pixel measures hardly see a street: it covers little and is nearly as light as the land. Intersection over union per
class does, and one constant colour scores nothing on four of the five.
"""

from functools import cache

import numpy as np

CLASSES = ("land", "road", "motorway", "park", "water")

# Modes of the colour histogram of the real training maps (right halves of every third official training pair, bins of
# 4 levels). Land has several: bare ground, buildings, grey and pink and yellow compounds.
PROTOTYPES: dict[str, list[tuple[int, int, int]]] = {
    "land": [(234, 230, 222), (242, 242, 234), (222, 218, 214), (238, 214, 214), (246, 238, 210), (210, 206, 202)],
    "road": [(254, 254, 254)],
    "motorway": [(250, 158, 37), (254, 190, 100)],
    "park": [(202, 222, 174), (186, 210, 186), (194, 218, 158)],
    "water": [(178, 210, 254), (166, 194, 238)],
}
BITS = 6  # per channel of the look-up table: colours closer than 4 levels are not told apart
CHUNK = 32


@cache
def _table() -> np.ndarray:
    """uint8 [2**18]: the class of every quantised colour, by nearest prototype (Euclidean, RGB)."""
    levels = np.arange(2**BITS) * 2 ** (8 - BITS) + 2 ** (7 - BITS)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    distances = [
        np.min([((colours - prototype) ** 2).sum(1) for prototype in PROTOTYPES[name]], axis=0) for name in CLASSES
    ]
    return np.argmin(distances, axis=0).astype(np.uint8)


def segment(maps: np.ndarray) -> np.ndarray:
    """uint8 [..., H, W, 3] to class indices, uint8 [..., H, W].

    The blended pixels along a border go to whichever class they are nearer to, in real and generated maps alike; so a
    map that is right everywhere scores 1, and one shifted by a pixel pays for it on thin streets.
    """
    code = np.zeros(maps.shape[:-1], np.int32)
    for channel in range(3):
        code = (code << BITS) | (maps[..., channel] >> (8 - BITS))
    return _table()[code]


def confusion(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """int64 [5, 5] pixel counts, real class by row and generated class by column, of two uint8 [N, H, W, 3]."""
    counts = np.zeros(len(CLASSES) ** 2, np.int64)
    for start in range(0, len(real), CHUNK):
        pair = segment(real[start : start + CHUNK]) * len(CLASSES) + segment(generated[start : start + CHUNK])
        counts += np.bincount(pair.ravel(), minlength=len(counts))
    return counts.reshape(len(CLASSES), -1)


def scores(counts: np.ndarray) -> dict[str, float]:
    """From a confusion matrix: iou/<class>, and mean_iou over the classes that the real maps contain.

    A class absent from both is left out; one absent from the real maps only has iou 0 but is not in the mean.
    """
    right = np.diag(counts)
    real, generated = counts.sum(1), counts.sum(0)
    union = real + generated - right
    found = {f"iou/{name}": float(right[i] / union[i]) for i, name in enumerate(CLASSES) if union[i]}
    present = [f"iou/{name}" for i, name in enumerate(CLASSES) if real[i]]
    return {"mean_iou": float(np.mean([found[name] for name in present])), **found}
