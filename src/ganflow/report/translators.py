"""The report's section on a translator with one answer (Pix2Pix), and what all translators' sections share."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.config import Translator
from ganflow.inference.grids import translation_grid
from ganflow.metrics.comparable import JUDGED, not_comparable
from ganflow.metrics.failures import failure
from ganflow.metrics.measures import (
    PER_CLASS,
    TRANSLATION_CLASSES,
    TRANSLATION_PERCEPTUAL,
    TRANSLATION_PIXELS,
    Measure,
    measures_of,
)
from ganflow.report.parts import (
    Figure,
    Fold,
    Matrix,
    ModelSection,
    PairGrid,
    Part,
    Table,
    TestPair,
    Text,
    Wipe,
    picture_of,
    table_rows,
    verdict_of,
)
from ganflow.report.published import beside_published

TRAINED = ("model", "l1")  # of the columns below; the others are baselines without a network
COLUMNS = {
    "model": "this run",
    "l1": "L1 alone",
    "nearest": "nearest training pair",
    "constant": "constant colour",
    "input": "the input",
    "colour": "the pixel's colour alone",
}
FIRST = 4  # pairs that are shown without opening anything
IN_CARD = 2  # pairs in the picture at the top of the page
CARD_TILE = 128  # px: their names are then large enough to be read there
TITLES = {"pix2pix": "Pix2Pix"}  # of translators whose name is not their task's


def one_answer_section(
    task: str,
    table: dict[str, Any],
    own: Translator,
    figures: dict[str, Path],
    pairs: dict[str, list[dict[str, Any]]],
    l1: dict[str, Any] | None,
) -> ModelSection:
    """A translator that gives one answer to each input.

    `pairs`: test pairs under "spread", "best" and "worst", each {"image": number, "measures": its own, by name,
    "tiles": PNG files of input, generated and real}. `l1`: the table of the L1 baseline, shown if it is comparable.
    """
    about = table["about"]
    to_map, folder = kinds_of(about)
    class_measures, per_class = class_measures_of(table)
    why_not = not_comparable(l1.get(JUDGED), table.get(JUDGED)) if l1 else "other model"
    rows = table["rows"] | ({"l1": l1["rows"]["model"]} if l1 and not why_not else {})
    columns = {key: title for key, title in COLUMNS.items() if key in rows}
    trained = [place for place, key in enumerate(columns) if key in TRAINED and not failure(rows, rows[key])]
    values, titles = [rows[key] for key in columns], list(columns.values())
    measured: list[Part] = [Text(_how_measured(about, columns))]
    if class_measures:
        caption = "Map classes and streets" if to_map else "Classes"
        overlap = "IoU: intersection over union, pixels of the class in both pictures, divided by those in either"
        measured.append(Table(f"{caption} ({overlap})", titles, table_rows(class_measures, values, trained)))
    title = TITLES.get(task, task)
    measured.append(
        Table(f"Pixels, {title} ({loss_terms(own)})", titles, table_rows(TRANSLATION_PIXELS, values, trained))
    )
    if l1 and why_not and not folder:
        measured.append(Text(f"L1 alone is not in these tables: {why_not}."))
    measured += _perceptual(table)
    names = [about["input"], f"generated {about['target']}", f"real {about['target']}"]
    groups = {group: _pairs(members, names) for group, members in pairs.items()}
    ranked_by = "mean IoU" if table["classes"] else "mean absolute error"
    folds = [Fold("All measures, and how they were measured", measured)]
    if table["confusion"]:
        folds.append(Fold("Class by class", _by_class(table, to_map, table_rows(per_class, [rows["model"]]))))
    folds += [
        Fold("Compare a pair yourself", [Wipe(names)]),
        Fold(
            f"The best and the worst by {ranked_by}",
            [
                Text(f"The best by {ranked_by}: what it has learned."),
                PairGrid(groups["best"]),
                Text(f"The worst by {ranked_by}: how it fails."),
                PairGrid(groups["worst"]),
            ],
        ),
    ]
    if groups["spread"][FIRST:]:
        folds.insert(-1, Fold("More test pairs, spread evenly", [PairGrid(groups["spread"][FIRST:])]))
    folds.append(curves_fold(task, title, about, figures))
    if to_map and about["source"] == "download":
        folds.append(Fold("Published numbers", beside_published(rows, about)))
    return ModelSection(
        id="maps" if task == "pix2pix" else task,
        title=f"{capitalised(about['input'])} → {about['target']}" + ("" if task == "pix2pix" else f", by {title}"),
        drew=f"{title}: one {about['target']} for each {about['input']}.",
        **verdict_of(task, table),
        card=picture_of(
            _first(pairs["spread"][:IN_CARD]), f"{capitalised(names[0])}, {names[1]} and {names[2]}, side by side"
        ),
        pictures=[PairGrid(groups["spread"][:FIRST])],
        folds=folds,
    )


def loss_terms(own: Translator) -> str:
    """`non_saturating 3, features 60, L1 100 (rare colours 40)`: the generator's loss terms with weights above 0."""
    terms = [f"{own.objective} {own.lambda_gan:g}"] if own.lambda_gan else []
    terms += [f"features {own.lambda_features:g}"] if own.lambda_gan and own.lambda_features else []
    rare = f" (rare colours {own.lambda_rare:g})" if own.lambda_rare else ""
    return ", ".join([*terms, f"L1 {own.lambda_l1:g}{rare}"])


def kinds_of(about: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the targets are maps of the published set, and whether the pairs come from a folder."""
    folder = about["source"] == "folder"
    return about["target"] == "map" and not folder, folder


def class_measures_of(table: dict[str, Any]) -> tuple[tuple[Measure, ...], tuple[Measure, ...]]:
    """The measures of classes: mean and by class, and the details of each class; none for pictures without classes."""
    to_map, _ = kinds_of(table["about"])
    if to_map:
        return TRANSLATION_CLASSES, PER_CLASS
    names = table["classes"]
    by_class = measures_of("pix2pix", [f"iou/{name}" for name in names])
    shares = measures_of("pix2pix", [f"{share}/{name}" for name in names for share in ("precision", "recall")])
    return ((TRANSLATION_CLASSES[0], *by_class), shares) if names else ((), ())


def _how_measured(about: dict[str, Any], columns: dict[str, str]) -> str:
    itself = ", and the input itself" if "input" in columns else ""
    colour = "; and, pixel by pixel, the class that is most frequent in training at the colour of the input"
    holes = f" {100 * about.get('no_data', 0):.2g} % of the target pixels have no data and are not measured."
    return (
        f"{about['n']:,} test pairs at {about['size']} px, {about['checkpoint']} weights, of epoch {about['epoch']} "
        "(chosen on validation pairs), dropout off. The baselines need no network: the target of the training pair "
        f"with the most similar input, one constant colour (the median of the training targets){itself}"
        f"{colour if 'colour' in columns else ''}. A measure on which a baseline does as well as the model says "
        "nothing about translation. ✓ marks the best value of a row, ≈ values within its noise; ± is half "
        f"the 95 % interval over images.{holes if 'no_data' in about else ''}"
    )


def _perceptual(table: dict[str, Any]) -> list[Part]:
    conditions, rows = table["perceptual"], table["rows"]
    found = table_rows(TRANSLATION_PERCEPTUAL, [rows["model"], rows.get("floor", {})])
    if not found:
        return [Text(f"FID, KID and LPIPS were not measured: {conditions['absent']}.")]
    return [
        Text(
            f"From networks trained on photographs: n = {conditions['n']} at {conditions['size']} px, "
            f"{conditions['fid_resize']}, weights {conditions['fid_weights']}; {conditions['lpips_weights']}. FID is "
            "biased if there are fewer images than features: compare it at equal n only, and prefer KID."
        ),
        Table("Perceptual", ["this run", "lower bound: real training targets"], found),
    ]


def _by_class(table: dict[str, Any], to_map: bool, details: list[dict[str, Any]]) -> list[Part]:
    shares = [[cell / max(1, sum(row)) for cell in row] for row in table["confusion"]]
    targets = "maps" if to_map else "targets"
    caption = f"Of the pixels of each class in the real {targets} (rows), the percentage drawn as each class (columns)"
    title = "Precision, recall and hallucinations by class" if to_map else "Precision and recall by class"
    return [Matrix(caption, "real", table["classes"], shares), Table(title, ["this run"], details)]


def curves_fold(task: str, name: str, about: dict[str, Any], figures: dict[str, Path]) -> Fold:
    paired = task != "cyclegan"
    ahead = (
        "With a large L1 weight a generator does not reach the equilibrium (dashed): the discriminator stays ahead. "
    )
    return Fold(
        "Training curves",
        [
            Figure(
                picture_of(figures[f"{task}_curves"], f"Losses over the training of {name}"),
                f"Faint: every logged point; strong: their running median. {ahead if paired else ''}The circle marks "
                f"epoch {about['epoch']}, chosen {'on validation pairs' if paired else 'without pairs'}.",
                chart=True,
            )
        ],
    )


def _pairs(members: list[dict[str, Any]], names: list[str]) -> list[TestPair]:
    return [
        TestPair(
            title=f"Test pair {pair['image']}",
            measures=_measures_of_pair(pair["measures"]),
            tiles=[
                picture_of(path, f"{name} of test pair {pair['image']}")
                for path, name in zip(pair["tiles"], names, strict=True)
            ],
            names=names,
        )
        for pair in members
    ]


def _measures_of_pair(found: dict[str, float]) -> str:
    measures = TRANSLATION_CLASSES + TRANSLATION_PIXELS
    return ", ".join(f"{m.name} {found[m.key]:.{m.digits}f}" for m in measures if m.key in found)


def _first(members: list[dict[str, Any]]) -> Image.Image:
    """Pairs below one another: input, generated, real."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("input", "generated", "real")}
    for pair in members:
        for column, path in zip(columns.values(), pair["tiles"], strict=True):
            with Image.open(path) as tile:
                column.append(np.asarray(tile.convert("RGB").resize((CARD_TILE, CARD_TILE))))
    return translation_grid({name: np.stack(tiles) for name, tiles in columns.items()})


def capitalised(text: str) -> str:
    return text[0].upper() + text[1:]
