"""All measures of translated images: errors and pixel counts of each image, and the measures of a set from them."""

import numpy as np
import pandas as pd

from ganflow.metrics import classes, hallucination, pixels, streets
from ganflow.metrics.bootstrap import multiplicities, plus_minus, widening
from ganflow.metrics.intervals import wilson

PICTURE = "picture"  # column: the number of the picture that a tile is from; without it each image is a picture
_NUMBERS = ("image", PICTURE)  # columns of metrics/<task>_images.csv that are no measures
_CELLS = "pixels/"
_EDGES = ["edges/generated", "edges/generated_near", "edges/real", "edges/real_near"]
_LINES = ["lines/generated", "lines/generated_near", "lines/real", "lines/real_near"]
_HALLUCINATED = [
    f"hallucinated/{name}/{what}" for name in (hallucination.ANY, *hallucination.RARE) for what in hallucination.COUNTED
]


def per_image(
    generated: np.ndarray,
    real: np.ndarray,
    legend: classes.Legend | None,
    has_data: np.ndarray | None = None,
    pictures: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per image of `generated` against `real`, both [N, H, W, C] in levels of 0 to 255.

    `has_data`: the pixels that are measured, bool [N, H, W]; None: all, as of maps always. `pictures` [N]: the number
    of the picture that each image is a tile of, from 0; None: all are whole pictures.

    Columns: `picture`, if there are several tiles of one, and those of pixels.pixel_errors_per_image. With classes also
    the pixel counts of the confusion matrix (pixels/<real class>/<generated class>), and `mean_iou` of this image
    alone; for maps also counts of the streets' edges and of their centre lines, and the hallucinations
    (hallucination.hallucinations_per_image).
    """
    frame = pixels.pixel_errors_per_image(generated, real, has_data)
    if pictures is not None:
        frame.insert(0, PICTURE, pictures)
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
    not_means = (*_NUMBERS, "mean_iou") if cells else _NUMBERS
    pixel_measures = [name for name in frame if "/" not in str(name) and name not in not_means]
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


def pictures_of(frame: pd.DataFrame) -> np.ndarray:
    """The number of the picture that each image of `frame` is from, [N], from 0."""
    return frame[PICTURE].to_numpy() if PICTURE in frame else np.arange(len(frame))


def resamples(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Weights of the images of `frame`, [R, N]. Whole pictures are drawn: the tiles of one are not independent."""
    pictures = pictures_of(frame)
    return multiplicities(int(pictures.max()) + 1, seed)[:, pictures]


def difference_with_noise(a: pd.DataFrame, b: pd.DataFrame, weights: np.ndarray) -> dict[str, tuple[float, float]]:
    """Every measure of `a` less that of `b`, on the same images, as (value, half the width of its 95 % interval).

    The interval is of the difference on each resample, so what makes an image hard for both cancels out.
    """
    whole, resampled = ([translation_measures(frame, drawn) for frame in (a, b)] for drawn in (None, weights))
    wider = widening(int(pictures_of(a).max()) + 1)
    return {
        key: (float(whole[0][key][0] - whole[1][key][0]), wider * plus_minus(resampled[0][key] - resampled[1][key]))
        for key in whole[0].keys() & whole[1].keys()
    }


def with_noise(frame: pd.DataFrame, weights: np.ndarray) -> dict[str, tuple[float, float]]:
    """Every measure of the images in `frame` as (value, half the width of its 95 % interval over `resamples`).

    The half width is nan where all images are of one picture. Measures that are nan (of a class in none of the maps)
    are left out. Hallucinations occur on few images: their interval is at least Wilson's interval of that share, since
    none on 200 images does not mean none at all.
    """
    resampled, wider = translation_measures(frame, weights), widening(int(pictures_of(frame).max()) + 1)
    whole = {key: float(value[0]) for key, value in translation_measures(frame).items()}
    found = {key: (value, wider * plus_minus(resampled[key])) for key, value in whole.items() if not np.isnan(value)}
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
