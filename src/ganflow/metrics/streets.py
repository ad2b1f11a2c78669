"""The street network as centre lines one pixel wide: how much of it was found, and how much of what was drawn exists.

Edges of streets (classes.py) say where a street's borders are. Its centre line weighs every street by its length, a
narrow one as much as a wide one, and a gap in a street costs its length.
"""

import numpy as np

from ganflow.metrics.classes import matched, ratio, roads

BUFFER = 3  # pixels: lines at most this far apart match
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))  # from the east, anticlockwise


def _removable() -> tuple[np.ndarray, np.ndarray]:
    """bool [256] for each of the two passes: is a pixel removed, by its neighbours (bit 0: E, bit 7: SE)."""
    x1, x2, x3, x4, x5, x6, x7, x8 = (np.arange(256) >> bit & 1 == 1 for bit in range(8))
    odd, even, after = np.array([x1, x3, x5, x7]), np.array([x2, x4, x6, x8]), np.array([x3, x5, x7, x1])
    parts = (~odd & (even | after)).sum(0)  # connected components of its neighbours
    neighbours = np.minimum((odd | even).sum(0), (even | after).sum(0))
    inner = (parts == 1) & (neighbours >= 2) & (neighbours <= 3)
    first, second = inner & ~((x2 | x3 | ~x8) & x1), inner & ~((x6 | x7 | ~x4) & x5)
    return first, second


_PASSES = _removable()


def skeleton(mask: np.ndarray) -> np.ndarray:
    """The centre lines, one pixel wide and connected as the mask is, of bool [H, W]: bool [H, W].

    Guo and Hall 1989 ("Parallel thinning with two-subiteration algorithms"), algorithm A1: two passes in turn, each
    of which removes pixels by their eight neighbours (a look-up table), until nothing changes. scikit-image's `thin`
    gives the same.
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    pixels = padded.ravel()
    offsets = [down * padded.shape[1] + right for down, right in _NEIGHBOURS]
    remaining = np.flatnonzero(pixels)
    changed = True
    while changed:
        changed = False
        for removable in _PASSES:
            code = np.zeros(len(remaining), np.uint8)
            for bit, offset in enumerate(offsets):
                code |= pixels[remaining + offset] << bit
            removed = removable[code]
            if removed.any():
                pixels[remaining[removed]] = 0
                remaining = remaining[~removed]
                changed = True
    return padded[1:-1, 1:-1].astype(bool)


def lines(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """int64 [N, 4], per pair of uint8 [N, H, W, 3]: pixels of the generated streets' centre lines, those of them within
    3 px (Euclidean) of a real one, and the same the other way round. Motorways are streets here."""
    counts = []
    for generated_map, real_map in zip(generated, real, strict=True):
        counts.append(matched(skeleton(roads(generated_map)), skeleton(roads(real_map)), BUFFER))
    return np.array(counts, np.int64).reshape(-1, 4)


def completeness_correctness_quality(counts: np.ndarray) -> dict[str, np.ndarray]:
    """From counts as `lines` gives them, [..., 4], lengths in pixels: street_completeness, _correctness, _quality.

    Wiedemann, Heipke, Mayer and Jamet 1998 ("Empirical evaluation of automatically extracted road axes"): the matched
    share of the real length; the matched share of the generated length; and the matched generated length over all
    generated length and the unmatched real one, [...] each. An undefined share (0 / 0) is nan.
    """
    generated, correct, real, found = np.moveaxis(counts, -1, 0)
    return {
        "street_completeness": ratio(found, real),
        "street_correctness": ratio(correct, generated),
        "street_quality": ratio(correct, generated + real - found),
    }
