"""All measures of translated images: errors and pixel counts of each image, and the measures of a set from them."""

import numpy as np
import pandas as pd

from ganflow.metrics import classes, hallucination, pixels, streets
from ganflow.metrics.bootstrap import plus_minus
from ganflow.metrics.intervals import wilson

_CELLS = [f"pixels/{real}/{generated}" for real in classes.CLASSES for generated in classes.CLASSES]
_EDGES = ["edges/generated", "edges/generated_near", "edges/real", "edges/real_near"]
_LINES = ["lines/generated", "lines/generated_near", "lines/real", "lines/real_near"]
_HALLUCINATED = [
    f"hallucinated/{name}/{what}" for name in (hallucination.ANY, *hallucination.RARE) for what in hallucination.COUNTED
]


def per_image(generated: np.ndarray, real: np.ndarray, to_map: bool) -> pd.DataFrame:
    """One row per image of `generated` against `real`, both uint8 [N, H, W, 3].

    Columns: those of pixels.pixel_errors_per_image. For maps also the pixel counts of the confusion matrix
    (pixels/<real class>/<generated class>), of the streets' edges and of their centre lines, the hallucinations
    (hallucination.hallucinations_per_image), and `mean_iou` of this map alone.
    """
    frame = pixels.pixel_errors_per_image(generated, real)
    if not to_map:  # a photo has no palette
        return frame
    counts = classes.confusions(generated, real)
    frame["mean_iou"] = classes.scores(counts)["mean_iou"]
    edges, lines = classes.road_boundaries(generated, real), streets.lines(generated, real)
    counted = pd.DataFrame(
        np.concatenate([counts.reshape(len(counts), -1), edges, lines], axis=1), columns=[*_CELLS, *_EDGES, *_LINES]
    )
    hallucinated = hallucination.hallucinations_per_image(counts).reshape(len(counts), -1)
    return frame.join([counted, pd.DataFrame(hallucinated, columns=_HALLUCINATED)])


def translation_measures(frame: pd.DataFrame, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Every measure of the images in `frame` (rows of per_image), for each of R resamples with `weights` [R, N]: [R].

    Without weights, all images count once: [1]. Pixel measures are means over images. Class measures come from the
    summed counts of all images: a mean over images would give a class on few images as much weight as one on many.
    """
    if weights is None:
        weights = np.ones((1, len(frame)))
    weights = weights.astype(np.float64)

    def totals(columns: list[str]) -> np.ndarray:
        return weights @ frame[columns].to_numpy(np.float64)

    has_classes = _CELLS[0] in frame
    pixel_measures = [name for name in frame if "/" not in str(name) and not (has_classes and name == "mean_iou")]
    found = dict(zip(pixel_measures, totals(pixel_measures).T / weights.sum(1), strict=True))
    if has_classes:
        side = len(classes.CLASSES)
        found |= classes.scores(totals(_CELLS).reshape(-1, side, side))
        found["road_boundary_f"] = classes.boundary_f(totals(_EDGES))
    if _LINES[0] in frame:  # files of earlier versions have none
        found |= streets.completeness_correctness_quality(totals(_LINES))
        found |= hallucination.hallucinated_shares(totals(_HALLUCINATED).reshape(-1, len(hallucination.RARE) + 1, 3))
    return found


def with_noise(frame: pd.DataFrame, weights: np.ndarray) -> dict[str, tuple[float, float]]:
    """Every measure of the images in `frame` as (value, half the width of its 95 % interval over resamples).

    Measures that are nan (of a class in none of the maps) are left out. Hallucinations occur on few images: their
    interval is at least Wilson's interval of that share, since none on 200 images does not mean none at all.
    """
    resampled = translation_measures(frame, weights)
    whole = {key: float(value[0]) for key, value in translation_measures(frame).items()}
    found = {key: (value, plus_minus(resampled[key])) for key, value in whole.items() if not np.isnan(value)}
    for key, (value, noise) in found.items():
        name, _, of = key.partition("/")
        if name.startswith("hallucinated_"):
            columns = [f"hallucinated/{of or hallucination.ANY}/{what}" for what in hallucination.COUNTED]
            lacking, _, drawn = frame[columns].to_numpy().sum(0)
            # Mean share of pixels on the images that have it; if none has it, the least share that counts as drawn.
            extent = value * lacking / drawn if drawn else hallucination.PRESENT
            bound = wilson(drawn / lacking, int(lacking)) * (1 if name == "hallucinated_images" else extent)
            found[key] = value, max(noise, bound)
    return found
