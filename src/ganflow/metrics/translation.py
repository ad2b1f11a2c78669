"""All measures of translated images: errors and pixel counts of each image, and the measures of a set from them."""

import numpy as np
import pandas as pd

from ganflow.metrics import classes, hallucination, pixels, streets
from ganflow.metrics.bootstrap import plus_minus
from ganflow.metrics.intervals import wilson

_CELLS = "pixels/"
_EDGES = ["edges/generated", "edges/generated_near", "edges/real", "edges/real_near"]
_LINES = ["lines/generated", "lines/generated_near", "lines/real", "lines/real_near"]
_HALLUCINATED = [
    f"hallucinated/{name}/{what}" for name in (hallucination.ANY, *hallucination.RARE) for what in hallucination.COUNTED
]


def per_image(
    generated: np.ndarray, real: np.ndarray, legend: classes.Legend | None, has_data: np.ndarray | None = None
) -> pd.DataFrame:
    """One row per image of `generated` against `real`, both [N, H, W, C] in levels of 0 to 255.

    `has_data`: the pixels that are measured, bool [N, H, W]; None: all, as of maps always.

    Columns: those of pixels.pixel_errors_per_image. With classes also the pixel counts of the confusion matrix
    (pixels/<real class>/<generated class>), and `mean_iou` of this image alone; for maps also counts of the streets'
    edges and of their centre lines, and the hallucinations (hallucination.hallucinations_per_image).
    """
    frame = pixels.pixel_errors_per_image(generated, real, has_data)
    if legend is None:  # a photo has no classes
        return frame
    counts = classes.confusions(generated, real, legend, has_data)
    frame["mean_iou"] = classes.scores(counts, legend.names)["mean_iou"]
    cells = [f"{_CELLS}{real_name}/{name}" for real_name in legend.names for name in legend.names]
    frame = frame.join(pd.DataFrame(counts.reshape(len(counts), -1), columns=cells))
    if legend != classes.MAPS:
        return frame
    edges, lines = classes.road_boundaries(generated, real), streets.lines(generated, real)
    counted = pd.DataFrame(np.concatenate([edges, lines], axis=1), columns=[*_EDGES, *_LINES])
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

    cells = [str(name) for name in frame if str(name).startswith(_CELLS)]
    pixel_measures = [name for name in frame if "/" not in str(name) and not (cells and name == "mean_iou")]
    found = dict(zip(pixel_measures, totals(pixel_measures).T / weights.sum(1), strict=True))
    if cells:
        names = tuple(dict.fromkeys(cell.split("/")[1] for cell in cells))
        found |= classes.scores(totals(cells).reshape(-1, len(names), len(names)), names)
    if _EDGES[0] in frame:
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
