"""A report of made-up results, for what looks at the page itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.config import Params
from ganflow.metrics.classes import CLASSES
from ganflow.metrics.comparable import judged
from ganflow.metrics.measures import TRANSLATION_PIXELS
from ganflow.report import page as report
from ganflow.report.sources import CYCLE_FIGURES

FIGURES = (
    *("gan_digits", "gan_interpolation", "gan_neighbours", "gan_shares", "gan_curves"),
    *("cgan_classes", "cgan_curves", "cvae_samples", "cvae_walk", "cvae_best_of", "cvae_curves"),
    "pix2pix_curves",
)
GAN = {
    "about": {
        "source": "download",
        "checkpoint": "best",
        "epoch": 3,
        "n": 1000,
        "n_reference": 300,
        "n_floor": 500,
        "repeats": 3,
        "classifier_accuracy": 0.992,
        "classifier_accuracy_pm": 0.002,
        "frechet_classifier_repeats_sd": 0.25,
    },
    "rows": {
        "model": {
            "frechet_classifier": (12.345, 0.5),
            "score": (8.5, 0.1),
            "kl_uniform": (0.01, 0.001),
            "precision": (0.6, 0.01),
            "coverage": (0.5, 0.01),
        },
        "floor": {"frechet_classifier": (0.5, 0.1), "score": (9.8, 0.1)},
        "copies": {"frechet_classifier": (1.5, 0.1)},
        "ceiling": {"frechet_classifier": (90.0, 1.0)},
    },
    "class_shares": [0.1] * 10,
    "coverage_by_class": {row: {str(digit): 0.8 for digit in range(10)} for row in ("model", "floor")},
    "perceptual": {"absent": "evaluate.perceptual is off"},
}


CGAN = GAN | {
    "rows": {
        name: row | {"class_accuracy": (0.98, 0.01), "frechet_by_class": (30.0, 1.0)}
        for name, row in GAN["rows"].items()
    },
    "by_class": {
        row: {str(digit): {"class_accuracy": (0.9, 0.01), "frechet_by_class": (20.0, 1.0)} for digit in range(10)}
        for row in ("model", "floor")
    },
}


def cvae(of_pix2pix: dict[str, Any]) -> dict[str, Any]:
    """As good as Pix2Pix, and of several minds."""
    model = of_pix2pix["rows"]["model"]
    of_the_latent = {"diversity": (3.21, 0.1), "kl": (4.0, 0.1), "used_dimensions": (3.0, 0.0)}
    lpips = {} if "absent" in of_pix2pix["perceptual"] else {"lpips": (0.123, 0.01)}
    return of_pix2pix | {
        "rows": of_pix2pix["rows"] | {"model": model | of_the_latent, "centre": model},
        "diversity": {
            "cvae": {"pixels": (3.21, 0.1), **lpips},
            "pix2pix with dropout": {"pixels": (0.5, 0.1), **lpips},
            "real maps of different places": {"pixels": (9, 1), **lpips},
        },
        "kl_by_dimension": [1.5, 0.01],
        "sampled_pairs": 4,
    }


def pix2pix(direction: str = "aerial2map", better: float = 0.0) -> dict[str, Any]:
    """A table in which the model is better than each baseline, by 0.2 to 0.6, with intervals of 0.1."""
    to_map = direction == "aerial2map"
    rows: dict[str, dict[str, tuple[float, float]]] = {}
    for row, shift in (("model", -better), ("nearest", 0.1), ("constant", 0.2), ("input", 0.4)):
        rows[row] = {m.key: (10 + shift * (-1 if m.better == "up" else 1), 0.1) for m in TRANSLATION_PIXELS}
        if to_map:
            keys = ["mean_iou", *(f"{share}/{name}" for name in CLASSES for share in ("iou", "precision", "recall"))]
            rows[row] |= dict.fromkeys(keys, (0.5 - shift, 0.02))
    sides = ("aerial photo", "map") if to_map else ("map", "aerial photo")
    about = {"source": "download", "direction": direction, "checkpoint": "best", "epoch": 7, "n": 200, "size": 256}
    about |= {"input": sides[0], "target": sides[1]}
    shared = {"test_images": "abcdef", **{name: about[name] for name in ("direction", "checkpoint", "n", "size")}}
    return {
        "judged": judged("pix2pix", **shared),
        "about": {**about, "test_data": "abcdef"},
        "rows": rows,
        "classes": list(CLASSES) if to_map else [],
        "perceptual": {"absent": "evaluate.perceptual is off"},
        "confusion": np.eye(5, dtype=int).tolist() if to_map else None,
    }


def page(
    tmp_path: Path,
    params: Params,
    source: str = "download",
    table: dict[str, Any] | None = None,
    l1: dict[str, Any] | None = None,
    of_cvae: dict[str, Any] | None = None,
    cyclegan: dict[str, Any] | None = None,
    digits: Sequence[str] = "0123456789",
) -> str:
    figures = {name: tmp_path / f"{name}.png" for name in (*FIGURES, *(CYCLE_FIGURES if cyclegan else ()))}
    for path in figures.values():
        Image.new("RGB", (4, 4)).save(path)
    counts = {"train": 10, "val": 2, "test": 5, "digest": "ab" * 32, "source": source}
    data = [{"name": name, **counts} for name in ("mnist", "maps")]
    table = table or pix2pix()
    table["about"]["source"] = source
    tables = {"gan": GAN, "cgan": CGAN, "pix2pix": table, "cvae": of_cvae or cvae(table)}
    tables |= {"cyclegan": cyclegan} if cyclegan else {}
    of_digits = list(digits), np.eye(10).tolist()
    return report.build_report(
        tables, l1 or pix2pix("map2aerial"), data, params, figures, {"pix2pix": pairs(tmp_path)}, *of_digits
    )


def pairs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Two test pairs in each group, in plain colours: the input red, generated green, real blue."""
    tiles = []
    for place, colour in enumerate(("red", "green", "blue")):
        tiles.append(folder / f"tile_{place}.png")
        Image.new("RGB", (4, 4), colour).save(tiles[-1])
    measures = {"mae": 9.08, "mean_iou": 0.25}
    numbers = {"spread": (0, 7), "best": (3, 4), "worst": (5, 6)}
    return {
        group: [{"image": number, "measures": measures, "tiles": tiles} for number in members]
        for group, members in numbers.items()
    }
