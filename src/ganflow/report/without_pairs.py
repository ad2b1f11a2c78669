"""The report's section on CycleGAN: what pairing is worth."""

from pathlib import Path
from typing import Any

from ganflow.config import Cyclegan
from ganflow.metrics.comparable import IMAGES, JUDGED, not_comparable
from ganflow.metrics.failures import failure
from ganflow.metrics.measures import TRANSLATION_PIXELS
from ganflow.report.parts import (
    Figure,
    Fold,
    ModelSection,
    Table,
    Text,
    corner,
    first_rows,
    picture_of,
    table_rows,
    verdict_of,
)
from ganflow.report.published import beside_published
from ganflow.report.translators import COLUMNS, capitalised, class_measures_of, curves_fold, kinds_of

GRID_COLUMNS = 4  # of report.pictures.cyclegan_pictures
ROWS = 3  # of it that are seen before the numbers


def without_pairs_section(
    table: dict[str, Any], of_pix2pix: dict[str, Any], own: Cyclegan, figures: dict[str, Path]
) -> ModelSection:
    """CycleGAN, beside Pix2Pix on the same test pairs: what pairing is worth."""
    about, rows = table["about"], table["rows"]
    columns = {"without pairs": rows["model"]}
    if not not_comparable(table.get(JUDGED), of_pix2pix.get(JUDGED), only=(*IMAGES, "checkpoint")):
        columns["with pairs: Pix2Pix"] = of_pix2pix["rows"]["model"]
    networks = [place for place, values in enumerate(columns.values()) if not failure(rows, values)]
    columns |= {COLUMNS[key]: rows[key] for key in ("nearest", "constant")}
    class_measures, _ = class_measures_of(table)
    to_map, _ = kinds_of(about)
    rows_of = "Rows of input, generated image, the input recovered from it, and the real target"
    there = figures["cyclegan_there"]
    folds = [
        Fold(
            "All measures, and how they were measured",
            [
                Text(
                    "Trained on the same pictures as Pix2Pix, but never shown which belong together: each step drew "
                    f"them apart. {capitalised(about['checkpoint'])} weights, of epoch {about['epoch']}, chosen by the "
                    "texture of a whole set of answers beside real targets of other places: no pair decided that "
                    "either. Only these measures use the test pairs."
                ),
                Table(
                    f"The same test pairs, the same measures ({own.objective})",
                    list(columns),
                    table_rows((*class_measures, *TRANSLATION_PIXELS), list(columns.values()), networks),
                ),
            ],
        ),
        Fold(
            "More pictures, there and back",
            [Figure(picture_of(there, rows_of), "All that were drawn, evenly spaced in the test set.")],
        ),
        Fold(
            "The way back",
            [
                Figure(
                    picture_of(
                        figures["cyclegan_back"],
                        "Rows of target, image generated from it, the target recovered, and the real input",
                    ),
                    "The same training gives a translator the other way: `ganflow translate --reverse`.",
                )
            ],
        ),
        curves_fold("cyclegan", "CycleGAN", about, figures),
    ]
    if to_map and about["source"] == "download":
        folds.append(Fold("Published numbers", beside_published(rows, about, how="unpaired")))
    return ModelSection(
        id="unpaired",
        title=f"{capitalised(about['input'])} → {about['target']} without pairs: what pairing is worth",
        drew=f"CycleGAN: a {about['target']} for each {about['input']}, learned without pairs.",
        **verdict_of("cyclegan", table),
        card=picture_of(corner(there, GRID_COLUMNS), rows_of),
        pictures=[
            Figure(
                picture_of(first_rows(there, GRID_COLUMNS, ROWS), rows_of),
                "There and back again. Where more comes back than the picture between shows, the two generators have "
                "agreed on a code in faint shades of it.",
            )
        ],
        folds=folds,
    )
