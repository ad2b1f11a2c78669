"""Classes of pixels: what a person reads off a map (streets, parks, water), or labels, compared pixel by pixel.

Pixel measures hardly see a street: it covers little and is nearly as light as the land. Intersection over union per
class does, and one constant colour scores 0 on four of the five.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import ndimage

CLASSES = ("land", "road", "motorway", "park", "water")

# Modes of the colour histogram of the real training maps: right halves of every fourth official training pair at full
# size, pixels whose 3x3 neighbourhood varies by at most 4 levels (so that no blend along a border counts), bins of 4
# levels, local maxima above 0.002 %, each sorted by looking at the maps that hold most of it. One mode is left out:
# (254, 250, 238), a building of three maps in 274, would take over roads that are a little off white.
PROTOTYPES: dict[str, list[tuple[int, int, int]]] = {
    "land": [
        (234, 230, 222),  # open ground
        (242, 242, 234),  # buildings
        (222, 218, 214),  # airfields, railway yards
        (210, 202, 190),  # runways
        (234, 222, 190),  # schools and universities
        (238, 226, 210),  # bare grounds in parks
        (238, 210, 206),  # hospitals
    ],
    "road": [(254, 254, 254)],
    "motorway": [(250, 158, 38), (254, 194, 70), (254, 226, 102), (254, 226, 154)],  # orange, yellow, and their ramps
    "park": [(202, 222, 174), (194, 218, 158), (186, 210, 186)],  # parks, sports grounds, cemeteries
    "water": [(178, 210, 254)],
}
BITS = 6  # per channel of the look-up table: colours closer than 4 levels are not distinguished
TOLERANCE = 2  # pixels, for the edges of roads


@dataclass(frozen=True)
class Legend:
    """Classes, and the colours that show each: a pixel belongs to the class that has the nearest one."""

    names: tuple[str, ...]
    colours: tuple[tuple[tuple[int, ...], ...], ...]  # of each class; one level of grey, or red, green, blue


MAPS = Legend(CLASSES, tuple(tuple(PROTOTYPES[name]) for name in CLASSES))


def legend_of(side: dict[str, Any]) -> Legend | None:
    """The legend of a side of the pairs (prepared.sides); None if it has no classes."""
    if side["classes"] in (None, "map"):
        return MAPS if side["classes"] else None
    return Legend(
        tuple(one["name"] for one in side["classes"]), tuple((tuple(one["colour"]),) for one in side["classes"])
    )


@cache
def _table(legend: Legend) -> np.ndarray:
    """uint8 [256] or [2**18]: the class of every grey or quantised colour, by nearest colour (Euclidean, RGB)."""
    if len(legend.colours[0][0]) == 1:
        colours = np.arange(256)[:, None]
    else:
        levels = np.arange(2**BITS) * 2 ** (8 - BITS) + 2 ** (7 - BITS)
        colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    distances = [np.min([((colours - one) ** 2).sum(1) for one in shown], axis=0) for shown in legend.colours]
    return np.argmin(distances, axis=0).astype(np.uint8)


def segment(images: np.ndarray, legend: Legend = MAPS) -> np.ndarray:
    """Levels 0 to 255 [..., H, W, C] to indices into the legend's classes, uint8 [..., H, W].

    The blended pixels along a border go to whichever class they are nearer to, in real and generated maps alike, and
    all are counted: so a map that is right everywhere scores 1, and one shifted by a pixel pays for it on thin
    streets. Ignoring the real maps' blends instead (the 1 % of pixels farther than 16 from every prototype) raised the
    mean of the first 200 test maps by less than .02 under each of eight kinds of damage, and left their order alone.
    """
    if images.dtype != np.uint8:
        images = images.round().clip(0, 255).astype(np.uint8)
    if images.shape[-1] == 1:
        return _table(legend)[images[..., 0]]
    code = np.zeros(images.shape[:-1], np.int32)
    for channel in range(3):
        code = (code << BITS) | (images[..., channel] >> (8 - BITS))
    return _table(legend)[code]


def confusions(
    generated: np.ndarray, real: np.ndarray, legend: Legend = MAPS, has_data: np.ndarray | None = None
) -> np.ndarray:
    """int64 [N, K, K] pixel counts, real class by row and generated class by column, of two [N, H, W, C] in levels.

    `has_data`: the pixels that are counted, bool [N, H, W]; None: all.
    """
    if generated.shape != real.shape:
        raise ValueError(f"shapes differ: {generated.shape} and {real.shape}")
    classes = len(legend.names)
    counts = []
    for number, (one, one_real) in enumerate(zip(generated, real, strict=True)):
        cells = segment(one_real, legend).astype(np.int32) * classes + segment(one, legend)
        counted = cells.ravel() if has_data is None else cells[has_data[number]]
        counts.append(np.bincount(counted, minlength=classes**2))
    return np.array(counts, np.int64).reshape(-1, classes, classes)


def scores(counts: np.ndarray, names: tuple[str, ...] = CLASSES) -> dict[str, np.ndarray]:
    """From confusion matrices [..., K, K]: iou/, precision/ and recall/<class>, and mean_iou, each [...].

    mean_iou is over the classes that are in the real maps. The shares of one that is in none are nan, though it may be
    generated; so is the precision of one that never is.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    real, generated = counts.sum(-1), counts.sum(-2)
    union = real + generated - right
    present = real > 0
    found: dict[str, np.ndarray] = {}
    for measure, total in (("iou", union), ("precision", generated), ("recall", real)):
        share = ratio(right, total * present)
        found |= {f"{measure}/{name}": share[..., i] for i, name in enumerate(names)}
    mean = (right / np.maximum(union, 1) * present).sum(-1) / np.maximum(present.sum(-1), 1)
    return {"mean_iou": mean, **found}


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, each [...]; nan where whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def roads(image: np.ndarray) -> np.ndarray:
    """Where a map uint8 [H, W, 3] has a street or a motorway: bool [H, W]."""
    return np.isin(segment(image), [CLASSES.index("road"), CLASSES.index("motorway")])


def road_boundaries(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """int64 [N, 4], per pair of uint8 [N, H, W, 3]: edge pixels of the generated roads, those of them within 2 px of an
    edge of the real ones, and the same the other way round.

    Roads are streets and motorways together. An edge pixel is a road pixel that has one of its four neighbours outside
    the road; distances are Euclidean.
    """
    counts = []
    for generated_map, real_map in zip(generated, real, strict=True):
        counts.append(matched(_edges(generated_map), _edges(real_map), TOLERANCE))
    return np.array(counts, np.int64).reshape(-1, 4)


def boundary_f(counts: np.ndarray) -> np.ndarray:
    """From counts as `road_boundaries` gives them, [..., 4]: the harmonic mean of precision and recall, [...].

    As in Csurka et al. 2013 (BMVC, "What is a good evaluation measure for semantic segmentation?"), over all edges of
    a set at once; 0 where there is no edge.
    """
    precision = counts[..., 1] / np.maximum(counts[..., 0], 1)
    recall = counts[..., 3] / np.maximum(counts[..., 2], 1)
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def _edges(image: np.ndarray) -> np.ndarray:
    road = roads(image)
    return road & ~ndimage.binary_erosion(road, border_value=1)  # the picture's own border is no edge of a road


def matched(a: np.ndarray, b: np.ndarray, radius: int) -> list[int]:
    """Of masks bool [H, W]: pixels of a, those of them at most `radius` from b; then of b, and those near a."""
    return [int(mask.sum()) for mask in (a, a & near(b, radius), b, b & near(a, radius))]


def near(pixels: np.ndarray, radius: int) -> np.ndarray:
    """Which pixels are at most `radius` from one of `pixels`, bool [H, W], Euclidean: bool [H, W].

    For a small radius this is twice as fast as scipy's distance transform.
    """
    across, down = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return ndimage.binary_dilation(pixels, np.hypot(across, down) <= radius)
