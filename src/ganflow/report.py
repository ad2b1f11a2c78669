"""The report: one self-contained HTML page from metrics, figures and facts of the data. No clock, no run id in it."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from ganflow.config import Params
from ganflow.metrics.classes import CLASSES


@dataclass(frozen=True)
class Measure:
    """One row of a table: a key of the metrics file and how to show it."""

    key: str
    name: str
    higher: bool  # is better
    digits: int
    says: str


DIGIT_MEASURES = (
    Measure("frechet_classifier", "Fréchet distance", False, 2, "distance of the two sets of classifier features"),
    Measure("kernel_classifier", "kernel distance", False, 3, "the same question, unbiased in the number of samples"),
    Measure("score", "score", True, 2, "1 to 10: sure of each digit, and all ten about equally often"),
    Measure("kl_uniform", "divergence from even", False, 4, "nats; log 10 = 2.30 if it wrote one digit only"),
)
PIXEL_MEASURES = (
    Measure("mae", "mean absolute error", False, 2, "0 to 255; rewards blur"),
    Measure("rmse", "RMSE per channel", False, 2, "0 to 255; rewards blur"),
    Measure("psnr", "PSNR, dB", True, 2, "RMSE on another scale"),
    Measure("ssim", "SSIM", True, 3, "local structure; a smooth guess does well on flat maps"),
    Measure("gcgan_rmse", "GcGAN RMSE", False, 2, "channels summed: √3 times RMSE, averaged over images"),
    Measure("gcgan_acc5", "GcGAN accuracy δ < 5, %", True, 1, "pixels nearly exact in every channel"),
    Measure("gcgan_acc10", "GcGAN accuracy δ < 10, %", True, 1, "the same, less strictly"),
)
CLASS_MEASURES = (
    Measure("mean_iou", "mean", True, 3, "over the classes in the real maps: what a reader of the map gets"),
    *(Measure(f"iou/{name}", name, True, 3, f"pixels that are {name} in both, of those in either") for name in CLASSES),
)
# From the paper's table, read in a copy of it; see docs/experiments.md.
PUBLISHED = (
    {"system": "CycleGAN", "rmse": "28.15", "acc5": "41.8", "acc10": "63.7", "source": "Fu et al. 2019"},
    {"system": "GcGAN, best of each", "rmse": "27.98", "acc5": "42.8", "acc10": "64.6", "source": "Fu et al. 2019"},
)


def build(
    gan: dict[str, Any],
    pix2pix: dict[str, Any],
    data: list[dict[str, Any]],
    params: Params,
    figures: dict[str, Path],
) -> str:
    """The page. `gan`, `pix2pix`: metrics/*.json; `data`: the data sets' meta.json; `figures`: PNG files by name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    generated = any(entry["source"] == "generated" for entry in data)
    to_map = pix2pix["direction"] == "aerial2map"
    shares = [gan[f"class_share/{digit}"] for digit in range(10)]
    return environment.get_template("report.html.j2").render(
        generated=generated,
        data=[{"val": None, **entry} for entry in data],
        parameters=_as_yaml(params),
        gan=gan,
        gan_objective=params.gan.objective,
        digit_rows=_rows(DIGIT_MEASURES, gan, ("", "floor/", "ceiling/"), mark=False),
        shares=shares,
        max_share=max(shares),
        pix2pix=pix2pix,
        pix2pix_objective=f"{params.pix2pix.objective}, λ {params.pix2pix.lambda_l1:g}",
        to_map=to_map,
        pixel_rows=_rows(PIXEL_MEASURES, pix2pix, ("", "constant/", "input/")),
        class_rows=_rows(CLASS_MEASURES, pix2pix, ("", "constant/", "input/")) if to_map else [],
        published=PUBLISHED if to_map and not generated and pix2pix["size"] == 256 else [],
        figures={name: _data_uri(path) for name, path in figures.items()},
    )


def _rows(
    measures: tuple[Measure, ...], metrics: dict[str, Any], prefixes: tuple[str, ...], mark: bool = True
) -> list[dict[str, Any]]:
    """Table rows of the measures that `metrics` holds; with `mark`, the best of each is marked."""
    rows = []
    for measure in measures:
        values = [metrics.get(prefix + measure.key) for prefix in prefixes]
        known = [round(value, measure.digits) for value in values if value is not None]
        if not known:
            continue
        best = max(known) if measure.higher else min(known)
        cells = [
            {
                "text": "–" if value is None else f"{value:.{measure.digits}f}",
                "best": mark and len(set(known)) > 1 and value is not None and round(value, measure.digits) == best,
            }
            for value in values
        ]
        rows.append({"name": measure.name, "higher": measure.higher, "says": measure.says, "cells": cells})
    return rows


def _as_yaml(params: Params) -> str:
    text = StringIO()
    YAML().dump(params.model_dump(), text)
    return text.getvalue()


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
