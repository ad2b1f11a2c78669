"""The report: one self-contained HTML page from metrics, figures and facts of the data.

No time and no run id, so that equal results give equal bytes.
"""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from PIL import Image
from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from ganflow.config import Params, Translator
from ganflow.metrics.comparable import IMAGES, JUDGED, not_comparable
from ganflow.metrics.failures import failure
from ganflow.metrics.measures import (
    CONDITIONAL,
    DIGITS,
    PER_CLASS,
    SAMPLES,
    TRANSLATION_CLASSES,
    TRANSLATION_PERCEPTUAL,
    TRANSLATION_PIXELS,
    Measure,
    headlines,
    measures_of,
)
from ganflow.templates import QUALITY, embedded, template

# Aerial photo -> map, from publications. Their conditions differ from ours, so each row states them.
PUBLISHED = (
    {
        "system": "CycleGAN",
        "conditions": "unpaired, 1,098 test pairs; in Fu et al. 2019, arXiv:1809.05852",
        "gcgan_rmse": "28.15",
        "gcgan_acc5": "41.8",
        "gcgan_acc10": "63.7",
    },
    {
        "system": "GcGAN, best of each measure",
        "conditions": "unpaired, 1,098 test pairs; Fu et al. 2019, arXiv:1809.05852",
        "gcgan_rmse": "27.98",
        "gcgan_acc5": "42.8",
        "gcgan_acc10": "64.6",
    },
    {
        "system": "Pix2Pix",
        "conditions": "the authors' weights, as measured by others; protocol not stated",
        "fid": "149.7",
    },
    {"system": "Pix2Pix", "conditions": "retrained by MMagic; protocol of its own", "fid": "122.6"},
)
DIGIT_COLUMNS = {
    "model": "generated",
    "floor": "lower bound: other real digits",
    "copies": "copies: nearest training digits",
    "ceiling": "trivial baseline: Gaussian on pixels",
}
TRAINED = ("model", "l1")  # of the columns below; the others are baselines without a network
MAP_COLUMNS = {
    "model": "this run",
    "l1": "L1 alone",
    "nearest": "nearest training pair",
    "constant": "constant colour",
    "input": "the input",
    "colour": "the pixel's colour alone",
}


def build_report(
    tables: dict[str, dict[str, Any]],
    l1: dict[str, Any],
    data: list[dict[str, Any]],
    params: Params,
    figures: dict[str, Path],
    pairs: dict[str, list[dict[str, Any]]],
    digit_names: list[str] | None = None,
    digit_confusion: list[list[float]] | None = None,
) -> str:
    """The page as HTML text, which loads nothing from elsewhere.

    `tables`: metrics/tables/*.json of pix2pix and cvae and, where they are there, of gan, cgan and cyclegan; `l1`: the
    table of the L1 baseline, shown if it is comparable; `data`: facts of the data sets; `figures`: PNG files by name;
    `pairs`: test pairs of Pix2Pix under "spread", "best" and "worst", each {"image": number, "measures": its own, by
    name, "tiles": PNG files of input, generated and real}; `digit_names`: of the digits' classes; `digit_confusion`: of
    each requested class (rows), the share that the classifier reads as each class [K, K].
    """
    pix2pix, cvae = tables["pix2pix"], tables["cvae"]
    about, own = pix2pix["about"], pix2pix["about"]["source"] == "folder"
    to_map = about["target"] == "map" and not own
    classes = pix2pix["classes"]
    class_measures, per_class = (TRANSLATION_CLASSES, PER_CLASS) if to_map else _of_classes(classes)
    l1_why_not = not_comparable(l1.get(JUDGED), pix2pix.get(JUDGED))
    rows = pix2pix["rows"] | ({} if l1_why_not else {"l1": l1["rows"]["model"]})
    columns = {key: title for key, title in MAP_COLUMNS.items() if key in rows}
    failures = {task: failure(table["rows"]) for task, table in tables.items()}
    trained = [
        place for place, key in enumerate(columns) if key in TRAINED and not failure(rows | {"model": rows[key]})
    ]
    # One sample of the VAE and its prior's mean, beside Pix2Pix on the same photos and baselines without a network.
    cvae_columns = {"one sample": cvae["rows"]["model"], "the prior's mean": cvae["rows"]["centre"]}
    if not not_comparable(cvae.get(JUDGED), pix2pix.get(JUDGED), only=(*IMAGES, "checkpoint")):
        cvae_columns["Pix2Pix"] = rows["model"]
    of_networks = [
        place for place, values in enumerate(cvae_columns.values()) if not failure(cvae["rows"] | {"model": values})
    ]
    cvae_columns |= {MAP_COLUMNS[key]: cvae["rows"][key] for key in ("nearest", "constant")}
    cyclegan = tables.get("cyclegan")
    cycle_columns, cycle_trained = _cycle_columns(cyclegan, pix2pix) if cyclegan else ({}, [])
    return template("report/report.html.j2").render(
        failures={task: failed for task, failed in failures.items() if failed},
        maps_glance=_glance("pix2pix", rows, columns),
        generated=any(
            entry["source"] == "generated" for entry in (*(table["about"] for table in tables.values()), *data)
        ),
        data=data,
        parameters=_as_yaml(params, digits="gan" in tables),
        digits="gan" in tables,
        **(_digits(tables["gan"], tables["cgan"], params) if "gan" in tables else {}),
        digit_names=digit_names,
        digit_confusion=digit_confusion,
        cvae=cvae["about"],
        cvae_kind=_kind_of_cvae(params),
        cvae_columns=list(cvae_columns),
        cvae_rows=_rows((*class_measures, *TRANSLATION_PIXELS), list(cvae_columns.values()), of_networks),
        sample_rows=_rows(SAMPLES, [cvae["rows"]["model"]]),
        diversity=cvae["diversity"],
        kl_by_dimension=cvae["kl_by_dimension"],
        sampled_pairs=cvae["sampled_pairs"],
        samples=params.evaluate.samples,
        pix2pix=about,
        pix2pix_objective=_weights(params.pix2pix),
        to_map=to_map,
        own=own,
        input_name=about["input"],
        target_name=about["target"],
        map_columns=list(columns.values()),
        l1_why_not="" if own else l1_why_not,  # that it is of the maps says nothing to others
        class_rows=_rows(class_measures, [rows[key] for key in columns], trained),
        pixel_rows=_rows(TRANSLATION_PIXELS, [rows[key] for key in columns], trained),
        perceptual=pix2pix["perceptual"],
        perceptual_rows=_rows(TRANSLATION_PERCEPTUAL, [rows["model"], rows.get("floor", {})]),
        confusion=_shares_of_rows(pix2pix["confusion"] or []),
        classes=classes,
        ranked_by="mean IoU" if classes else "mean absolute error",
        per_class=_rows(per_class, [rows["model"]]),
        published=_beside_published(rows, about, cyclegan) if to_map and about["source"] == "download" else [],
        cyclegan=cyclegan["about"] if cyclegan else {},
        cycle_columns=list(cycle_columns),
        cycle_rows=_rows((*class_measures, *TRANSLATION_PIXELS), list(cycle_columns.values()), cycle_trained),
        figures={name: _embedded(path) for name, path in figures.items()},
        pairs={
            group: [
                {
                    "image": pair["image"],
                    "measures": _measures_of_pair(pair["measures"]),
                    "tiles": [_embedded(path) for path in pair["tiles"]],
                }
                for pair in members
            ]
            for group, members in pairs.items()
        },
        pair_names=[about["input"], f"generated {about['target']}", f"real {about['target']}"],
        params_of_data=_of_data(data),
        quality=QUALITY,
    )


def _cycle_columns(
    cyclegan: dict[str, Any], pix2pix: dict[str, Any]
) -> tuple[dict[str, dict[str, tuple[float, float]]], list[int]]:
    """CycleGAN beside Pix2Pix, on the same photos, and beside baselines; and which of them may be called best."""
    rows = cyclegan["rows"]
    columns = {"without pairs": rows["model"]}
    if not not_comparable(cyclegan.get(JUDGED), pix2pix.get(JUDGED), only=(*IMAGES, "checkpoint")):
        columns["with pairs: Pix2Pix"] = pix2pix["rows"]["model"]
    trained = [place for place, row in enumerate(columns.values()) if not failure(rows | {"model": row})]
    return columns | {MAP_COLUMNS[key]: rows[key] for key in ("nearest", "constant")}, trained


def _digits(gan: dict[str, Any], cgan: dict[str, Any], params: Params) -> dict[str, Any]:
    """What the page's sections on digits show."""
    return {
        "digit_glances": {
            "Digits": _glance("gan", gan["rows"], DIGIT_COLUMNS),
            "Class-conditional digits": _glance("cgan", cgan["rows"], DIGIT_COLUMNS),
        },
        "gan": gan["about"],
        "gan_objective": params.gan.objective,
        "digit_columns": list(DIGIT_COLUMNS.values()),
        "digit_rows": _rows(DIGITS, [gan["rows"][key] for key in DIGIT_COLUMNS]),
        "digits_perceptual": gan["perceptual"],
        "shares": gan["class_shares"],
        "cgan": cgan["about"],
        "cgan_objective": params.cgan.objective,
        "cgan_rows": _rows(CONDITIONAL + DIGITS, [cgan["rows"][key] for key in DIGIT_COLUMNS]),
        "by_class": cgan["by_class"],
    }


def _of_classes(names: list[str]) -> tuple[tuple[Measure, ...], tuple[Measure, ...]]:
    """The measures of labels: mean and by class, and the details of each class."""
    mean, *_ = TRANSLATION_CLASSES
    by_class = measures_of("pix2pix", [f"iou/{name}" for name in names])
    shares = measures_of("pix2pix", [f"{share}/{name}" for name in names for share in ("precision", "recall")])
    return ((mean, *by_class), shares) if names else ((), ())


def _kind_of_cvae(params: Params) -> str:
    own = params.cvae
    kind = "BicycleGAN" if own.lambda_gan and own.lambda_latent else "cVAE-GAN" if own.lambda_gan else "conditional VAE"
    return f"{kind}: {_weights(own)}, KL {own.lambda_kl:g}, latent {own.lambda_latent:g}"


def _weights(own: Translator) -> str:
    """`non_saturating 3, features 60, L1 100 (rare colours 40)`: the generator's loss terms with weights above 0."""
    terms = [f"{own.objective} {own.lambda_gan:g}"] if own.lambda_gan else []
    terms += [f"features {own.lambda_features:g}"] if own.lambda_gan and own.lambda_features else []
    rare = f" (rare colours {own.lambda_rare:g})" if own.lambda_rare else ""
    return ", ".join([*terms, f"L1 {own.lambda_l1:g}{rare}"])


def _rows(
    measures: tuple[Measure, ...], columns: list[dict[str, tuple[float, float]]], candidates: Collection[int] = ()
) -> list[dict[str, Any]]:
    """Table rows of the measures that any of `columns` holds, as value and half width of its interval.

    With `candidates`, the columns that may be called best, the best value of each row is marked, and values within the
    noise of the first column. If another column has it (one constant colour draws no hallucination), none is marked.
    """
    rows = []
    for measure in measures:
        found = [column.get(measure.key) for column in columns]
        values = [pair[0] for pair in found if pair]
        if not values:
            continue
        top = {"up": max, "down": min, "none": lambda _: None}[measure.better](values)
        best = {place for place, pair in enumerate(found) if pair and pair[0] == top}
        best = best if best <= set(candidates) and len(set(values)) > 1 else set()
        cells = []
        for place, pair in enumerate(found):
            cell = {"text": "–", "noise": "", "best": place in best, "even": False}
            if pair:
                value, noise = pair
                cell["text"], cell["noise"] = f"{value:.{measure.digits}f}", f"{noise:.{measure.digits}f}"
                cell["even"] = bool(candidates) and place > 0 and _within_noise(found[0], pair)
            cells.append(cell)
        rows.append({"name": measure.name, "measure": measure, "description": measure.description, "cells": cells})
    return rows


def _glance(task: str, rows: dict[str, dict[str, tuple[float, float]]], columns: dict[str, str]) -> dict[str, Any]:
    """The headline measures of a model beside its baselines."""
    shown = headlines(task, rows["model"])
    return {
        "task": task,
        "columns": list(columns.values()),
        "rows": dict(zip(shown, _rows(tuple(shown.values()), [rows[key] for key in columns]), strict=True)),
    }


def _within_noise(a: tuple[float, float] | None, b: tuple[float, float]) -> bool:
    return a is not None and abs(a[0] - b[0]) <= math.hypot(a[1], b[1])


def _shares_of_rows(confusion: list[list[int]]) -> list[list[float]]:
    return [[cell / max(1, sum(row)) for cell in row] for row in confusion]


def _measures_of_pair(found: dict[str, float]) -> str:
    measures = TRANSLATION_CLASSES + TRANSLATION_PIXELS
    return ", ".join(f"{m.name} {found[m.key]:.{m.digits}f}" for m in measures if m.key in found)


def _of_data(data: list[dict[str, Any]]) -> str:
    sets = (f"{entry['name']} ({entry['source']}, sha256 {entry['digest'][:12]})" for entry in data)
    return f"Data: {', '.join(sets)}."


def _as_yaml(params: Params, digits: bool) -> str:
    # The machine is recorded in MLflow; another machine must not change the report.
    left_out = {"compute"} | (set() if digits else {"mnist", "classifier", "gan", "cgan"})
    text = StringIO()
    YAML().dump(params.model_dump(exclude=left_out), text)
    return text.getvalue()


def _beside_published(
    rows: dict[str, dict[str, tuple[float, float]]], about: dict[str, Any], cyclegan: dict[str, Any] | None
) -> list[dict[str, str]]:
    """Rows of this run, of one constant colour and of the published systems, each with its conditions."""
    rows = rows | ({"cyclegan": cyclegan["rows"]["model"]} if cyclegan else {})
    keys = {"gcgan_rmse": 2, "gcgan_acc5": 1, "gcgan_acc10": 1, "fid": 1}
    ours = [
        {
            "system": system,
            "conditions": f"{how}, {about['n']:,} test pairs at {about['size']} px",
            **{key: f"{rows[row][key][0]:.{digits}f}" for key, digits in keys.items() if key in rows[row]},
        }
        for system, row, how in (
            ("this run", "model", "paired"),
            ("this run, CycleGAN", "cyclegan", "unpaired"),
            ("one constant colour", "constant", "learned nothing"),
        )
        if row in rows
    ]
    return [{**dict.fromkeys(keys, "–"), **row} for row in (*ours, *PUBLISHED)]


def _embedded(path: Path) -> dict[str, str | int]:
    """A PNG file as a data URI, with its size in pixels."""
    with Image.open(path) as image:
        return {"uri": embedded(image), "width": image.width, "height": image.height}
