"""Hallucinations: motorways, parks and water in a generated map whose real map has none."""

import numpy as np

from ganflow.metrics.classes import CLASSES, ratio

# Land and streets are on every map. These classes are not, and drawing them where they are not misleads a reader.
RARE = ("motorway", "park", "water")
ANY = "any"  # of them
PRESENT = 0.001  # of a map's pixels: fewer are blends along borders, in real and generated maps alike
COUNTED = ("lacking", "pixels", "drawn")


def hallucinations_per_image(counts: np.ndarray) -> np.ndarray:
    """Of confusion matrices [N, 5, 5] of pairs of maps (classes.confusions): float64 [N, 4, 3].

    For any of RARE, then for each: whether the real map lacks it (0 or 1), the share of the generated map's pixels
    in classes that the real map lacks, and whether such a class is present (0 or 1). A class is present in a map if it
    fills at least PRESENT of its pixels.

    After Wu et al. 2024 (StegoGAN, CVPR), who count motorways on maps without any, by pixel and by image. They call
    a pixel a motorway within 20 levels of the orange (240, 160, 30); here the classes of classes.py decide, and the
    maps that do have a motorway stay in the set, for the other two classes. On 150 real maps the two agree whether
    there is a motorway on 97 %.
    """
    rare = [CLASSES.index(name) for name in RARE]
    pixels = counts.sum((1, 2))[:, None]
    real, generated = (counts.sum(axis)[:, rare] / pixels for axis in (2, 1))
    lacking = real < PRESENT
    by_class = np.stack([lacking, lacking * generated, lacking & (generated >= PRESENT)], axis=-1).astype(np.float64)
    any_class = np.stack([by_class[..., 0].max(1), by_class[..., 1].sum(1), by_class[..., 2].max(1)], axis=-1)
    return np.concatenate([any_class[:, None], by_class], axis=1)


def hallucinated_shares(totals: np.ndarray) -> dict[str, np.ndarray]:
    """hallucinated_pixels and hallucinated_images, also by class, from sums of hallucinations_per_image, [..., 4, 3].

    Of the images whose real map lacks a class: the mean share of pixels drawn as it, and the share of images on which
    it was drawn, [...] each; nan where no real map lacks it.
    """
    lacking, pixels, drawn = np.moveaxis(totals, -1, 0)
    found = {}
    for name, part in (("hallucinated_pixels", pixels), ("hallucinated_images", drawn)):
        values = ratio(part, lacking)
        found[name] = values[..., 0]
        found |= {f"{name}/{of}": values[..., 1 + place] for place, of in enumerate(RARE)}
    return found
