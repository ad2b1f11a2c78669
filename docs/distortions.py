"""Draw docs/pictures/distortions.webp: how each map measure answers blur, noise, shift and missing streets.

Their tests (tests/metrics/test_translation.py) use the same distortions.

python docs/distortions.py        # after `dvc repro prepare_maps`; about two minutes on two cores
"""

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image
from scipy import ndimage

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from ganflow.data import prepared
from ganflow.data.trivial_answers import median_colour
from ganflow.metrics import classes, translation

OUT = Path("docs/pictures/distortions.webp")
PAIRS = 40
SHOWN = {  # measure: label, colour (Okabe & Ito), line
    "mae": ("MAE", "#999999", ":"),
    "gcgan_acc5": ("accuracy, δ < 5", "#E69F00", ":"),
    "ssim": ("SSIM", "#56B4E9", "-"),
    "ms_ssim": ("MS-SSIM", "#0072B2", "-"),
    "iou/road": ("road IoU", "#D55E00", "-"),
    "mean_iou": ("mean class IoU", "#009E73", "-"),
    "road_boundary_f": ("road edges, F", "#CC79A7", "-"),
}


def blur(maps: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(maps, (0, sigma, sigma, 0))


def noise(maps: np.ndarray, deviation: float) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(0, deviation, maps.shape)
    return (maps + drawn).round().clip(0, 255).astype(np.uint8)


def shift(maps: np.ndarray, by: float) -> np.ndarray:
    return np.roll(maps, (int(by), int(by)), (1, 2))


def without_streets(maps: np.ndarray, share: float) -> np.ndarray:
    """Streets painted over as land in a share of the 16 x 16 px blocks."""
    blocks = np.random.default_rng(0).random((len(maps), 16, 16)).repeat(16, 1).repeat(16, 2) < share
    roads = np.isin(classes.segment(maps), [classes.CLASSES.index(name) for name in ("road", "motorway")])
    return np.where((blocks & roads)[..., None], np.array(classes.PROTOTYPES["land"][0], np.uint8), maps)


DISTORTIONS: dict[str, tuple[Callable[[np.ndarray, float], np.ndarray], list[float], str]] = {
    "blur": (blur, [0, 0.5, 1, 1.5, 2, 3, 4, 6], "standard deviation, px"),
    "noise": (noise, [0, 2, 4, 8, 12, 16, 24, 32], "standard deviation, levels"),
    "shift": (shift, [0, 1, 2, 3, 4, 6, 8], "px, down and to the right"),
    "missing streets": (without_streets, [0, 0.1, 0.25, 0.5, 0.75, 1], "share of blocks"),
}


def main() -> None:
    test = prepared.array("maps", "test")
    real = np.array(test[prepared.evenly(PAIRS, len(test)), 1])
    constant = np.broadcast_to(median_colour(prepared.array("maps", "train")[:, 1]), real.shape)
    perfect, nothing = of(real, real), of(constant, real)
    # The map with the most street and some park or water, to look at
    shown = int(
        np.argmax([(classes.segment(image) != 0).mean() * (np.ptp(classes.segment(image)) > 1) for image in real])
    )

    figure, rows = plt.subplots(2, 4, figsize=(15, 8.2), dpi=107, height_ratios=(1, 1.35), layout="constrained")
    for (name, (distort, strengths, unit)), picture, axes in zip(DISTORTIONS.items(), *rows, strict=True):
        middle = strengths[len(strengths) // 2]
        picture.imshow(distort(real[shown : shown + 1], middle)[0])
        picture.set_title(f"{name}: {middle:g}", fontsize=12)
        picture.set_axis_off()
        found = [of(distort(real, strength), real) for strength in strengths]
        print(name, {key: [round(float(one[key]), 3) for one in found] for key in SHOWN})
        for key, (label, colour, line) in SHOWN.items():
            scaled = [(one[key] - nothing[key]) / (perfect[key] - nothing[key]) for one in found]
            axes.plot(strengths, scaled, line, color=colour, label=label, linewidth=2, marker=".")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set_ylim(-0.45, 1.04)
        axes.set_xlabel(unit)
        axes.grid(alpha=0.25)
    rows[1][0].set_ylabel("1 = the real map\n0 = one constant colour")
    figure.legend(*rows[1][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(SHOWN), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    Image.open(buffer).convert("RGB").save(OUT, quality=90)


def of(generated: np.ndarray, real: np.ndarray) -> dict[str, float]:
    found = translation.translation_measures(translation.per_image(generated, real, legend=classes.MAPS))
    return {key: float(value[0]) for key, value in found.items()}


if __name__ == "__main__":
    main()
