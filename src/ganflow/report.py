"""The report: one self-contained HTML page from metrics, figures and facts of the data. No clock, no run id in it."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image
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
    Measure("mean_iou", "mean class IoU", True, 3, "over the classes in the real maps: what a reader of the map gets"),
    *(Measure(f"iou/{name}", name, True, 3, "") for name in CLASSES),
)
# Fu et al. 2019 (arXiv:1809.05852), from a copy of the paper's table: other conditions than ours, so each row says its.
PUBLISHED = (
    {"system": "CycleGAN", "rmse": "28.15", "acc5": "41.8", "acc10": "63.7"},
    {"system": "GcGAN, best of each measure", "rmse": "27.98", "acc5": "42.8", "acc10": "64.6"},
)


def build(
    gan: dict[str, Any],
    pix2pix: dict[str, Any],
    data: list[dict[str, Any]],
    params: Params,
    figures: dict[str, Path],
) -> str:
    """The page as text, which loads nothing from anywhere.

    `gan`, `pix2pix`: metrics/*.json; `data`: the data sets' meta.json; `figures`: PNG files by name.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    generated = any(entry.get("source") == "generated" for entry in (gan, pix2pix, *data))
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
        published=_beside_published(pix2pix) if to_map and not generated and pix2pix["size"] == 256 else [],
        figures={name: _embedded(path) for name, path in figures.items()},
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


def _beside_published(pix2pix: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of this run, of one constant colour and of the published systems, each with its conditions."""
    ours = [
        {
            "system": system,
            "conditions": f"{how}, {pix2pix['n']:,} test pairs",
            "rmse": f"{pix2pix[prefix + 'gcgan_rmse']:.2f}",
            "acc5": f"{pix2pix[prefix + 'gcgan_acc5']:.1f}",
            "acc10": f"{pix2pix[prefix + 'gcgan_acc10']:.1f}",
        }
        for system, prefix, how in (
            ("this run", "", "learned from pairs"),
            ("one constant colour", "constant/", "learned nothing"),
        )
    ]
    return ours + [{"conditions": "learned unpaired, 1,098 test pairs", **row} for row in PUBLISHED]


def _embedded(path: Path) -> dict[str, str | int]:
    """A PNG file as a data URI with its size in pixels; as lossless WebP where that is smaller."""
    content, kind = path.read_bytes(), "png"
    with Image.open(path) as image:
        width, height = image.size
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "WEBP", lossless=True)
    if len(buffer.getvalue()) < len(content):
        content, kind = buffer.getvalue(), "webp"
    return {"uri": f"data:image/{kind};base64,{base64.b64encode(content).decode()}", "width": width, "height": height}
