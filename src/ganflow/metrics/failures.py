"""What a model has failed at, in words: it loses to a trivial baseline, or it has collapsed.

Such a model is never called best or better, and never becomes champion.
"""

import math
from collections.abc import Mapping
from typing import Any

from ganflow.metrics.bootstrap import less
from ganflow.metrics.measures import MEASURES

Noisy = tuple[float, float | None]  # a value, and half the width of its 95 % interval; None or nan: of one picture
Row = Mapping[str, Noisy]  # of measures

# Row of each trivial baseline, its name, and the headline measures: a model must beat it by the first that it has.
HEADLINES = ("mean_iou", "texture", "mae", "texture_of_sets")  # of translators
TRIVIAL = (
    ("ceiling", "a Gaussian on pixels", ("frechet_classifier",)),
    ("constant", "one constant colour", HEADLINES),
    ("input", "the input itself", HEADLINES),
    ("colour", "the pixel's colour alone", ("mean_iou",)),
)
_VARIETY = ("coverage", "recall")


def failure_of(table: Mapping[str, Any]) -> str:
    """What the model of a table (metrics/tables/<task>.json) has failed at, or ""."""
    return failure(table["rows"], classes=len(table.get("classes") or range(10)))


def failure(rows: Mapping[str, Row], other: Row | None = None, classes: int = 10) -> str:
    """What the row "model" has failed at, or "". `rows` also holds the trivial baselines, measured on the same images.

    A model that is better than a trivial baseline only within noise is no better. `other`: a row in the model's place.
    A model of digits in `classes` classes has collapsed if it covers fewer than perfect drawings of a single class do.
    The words contain no comma: they stand in tables whose columns are separated by commas.
    """
    model = rows["model"] if other is None else other
    found = []
    for row, name, headlines in TRIVIAL:
        key = next((key for key in headlines if key in model), None)
        if key is not None and key in rows.get(row, {}):
            gain, noise = lead(rows, row, key, other)
            if noise is not None and not gain > noise:  # also where a value is nan
                found.append(f"{'worse' if gain < -noise else 'no better'} than {name} by {MEASURES[key].name}")
    if any(model[key][0] < 1 / classes for key in _VARIETY if key in model):
        found.append("collapsed: draws few of the digits")
    return "; ".join(found)


def lead(rows: Mapping[str, Row], row: str, key: str, other: Row | None = None) -> Noisy:
    """By how much the model is ahead of the row `row` in the measure `key`, and the noise of that; None: not known.

    The noise is that of the difference where a row `less` has it, image by image, else that of the two together.
    `other`: a row in the model's place.
    """
    model = rows["model"] if other is None else other
    paired = rows.get(less(row), {}).get(key) if model is rows["model"] else None
    change, noise = paired or independent_difference(model[key], rows[row][key])
    known = noise is not None and not math.isnan(noise)
    return change if MEASURES[key].better == "up" else -change, noise if known else None


def independent_difference(a: Noisy, b: Noisy) -> Noisy:
    """a - b, with the noise that it has if theirs are independent; None where one of them is not known."""
    noises = a[1], b[1]
    return a[0] - b[0], None if noises[0] is None or noises[1] is None else math.hypot(noises[0], noises[1])
