"""What the report's page is made of: sections of one form, whose parts the template draws by their kind."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from ganflow.inference.grids import GAP
from ganflow.metrics.failures import Noisy, Row, failure_of, independent_difference, lead
from ganflow.metrics.in_words import BESIDE, KeyNumber, how_good, how_it_fails, key_numbers
from ganflow.metrics.intervals import in_text
from ganflow.metrics.measures import Measure
from ganflow.templates import embedded

LOWER_BOUND = "floor"  # the row of other real digits, which no model is to beat
STRIP_ASPECT = 1.38  # width over height of the pictures at the top of the page


@dataclass(frozen=True)
class Shown:
    """A picture as a data URI, with its size in pixels and what it shows, for who cannot see it."""

    uri: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Figure:
    """A picture with a caption. A chart is drawn on white, and inverted on a dark page."""

    picture: Shown
    caption: str
    chart: bool = False
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True)
class Table:
    """Rows of `table_rows`. `columns` names what stands beside each measure."""

    caption: str
    columns: list[str]
    rows: list[dict[str, Any]]
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Matrix:
    """Shares of each row, shaded. `corner` says what the rows are."""

    caption: str
    corner: str
    names: list[str]
    rows: list[list[float]]
    kind: Literal["matrix"] = "matrix"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class TestPair:
    """A test pair: its input, what was generated, what is real."""

    title: str
    measures: str
    tiles: list[Shown]
    names: list[str]


@dataclass(frozen=True)
class PairGrid:
    pairs: list[TestPair]
    kind: Literal["pairs"] = "pairs"


@dataclass(frozen=True)
class Wipe:
    """A test pair of choice, whose pictures a slider wipes over one another, out of all pairs of its section."""

    names: list[str]
    kind: Literal["wipe"] = "wipe"


Part = Figure | Table | Matrix | Text | PairGrid | Wipe


@dataclass(frozen=True)
class Fold:
    """Parts that are seen when their title is opened (and in print)."""

    title: str
    parts: list[Part]


@dataclass(frozen=True)
class ModelSection:
    """One model on the page, in this order: its card at the top, pictures, key numbers, and all else folded."""

    id: str
    title: str
    drew: str  #      what it draws, in a few words
    good: str  #      how good, beside its baselines
    fails: str  #     how it fails
    failed: bool  #   it lost to a trivial baseline or collapsed
    card: Shown
    numbers: list[KeyNumber]
    pictures: list[Figure | PairGrid]
    folds: list[Fold] = field(default_factory=list)


def picture_of(image: Image.Image | Path, alt: str) -> Shown:
    """A picture, or a file of one, as part of the page."""
    if isinstance(image, Path):
        with Image.open(image) as opened:
            return picture_of(opened, alt)
    return Shown(embedded(image), image.width, image.height, alt)


def verdict_of(task: str, table: dict[str, Any]) -> dict[str, Any]:
    """The fields of a section that its table says in words: good, fails, failed, numbers."""
    return {
        "good": how_good(task, table) + _no_clear_lead(task, table),
        "fails": how_it_fails(task, table),
        "failed": bool(failure_of(table)),
        "numbers": key_numbers(task, table),
    }


def _no_clear_lead(task: str, table: dict[str, Any]) -> str:
    """The baselines that the first key number does not clearly beat, as a sentence; "" where it beats all of them."""
    if failure_of(table):
        return ""
    rows, number = table["rows"], key_numbers(task, table)[0]
    shown = {name for name, _ in number.beside}
    unbeaten = []
    for row, name in BESIDE.items():
        if row != LOWER_BOUND and name in shown:
            gain, noise = lead(rows, row, number.key)
            if noise is not None and gain <= noise:
                unbeaten.append(name)
    return f" Not clearly better than {' and '.join(unbeaten)}." if unbeaten else ""


def corner(path: Path, columns: int = 0, shown: int = 0) -> Image.Image:
    """The upper left part of a picture, of the form of those at the top of the page: of a grid, its first tiles.

    `columns`: of a grid of translations (inference.grids.translation_grid), whose captions, too small there, are left
    out. `shown`: how many of them, all if 0.
    """
    with Image.open(path) as image:
        tile, top = _tile_and_captions(image, columns) if columns else (0, 0)
        width = min(image.width, shown * tile) if shown else image.width
        height = min(image.height - top, round(width / STRIP_ASPECT))
        return image.crop((0, top, min(width, round(height * STRIP_ASPECT)), top + height))


def first_rows(path: Path, columns: int, rows: int) -> Image.Image:
    """The first `rows` of a grid of translations, with its captions."""
    with Image.open(path) as image:
        tile, top = _tile_and_captions(image, columns)
        return image.crop((0, 0, image.width, min(image.height, top + rows * tile + GAP)))


def _tile_and_captions(grid: Image.Image, columns: int) -> tuple[int, int]:
    """The side of a tile with its gap, and the height of the captions, in pixels."""
    tile = max(1, (grid.width - GAP) // columns)
    return tile, (grid.height - GAP) % tile


def table_rows(
    measures: tuple[Measure, ...], columns: list[Row], candidates: Collection[int] = ()
) -> list[dict[str, Any]]:
    """Table rows of the measures that any of `columns` holds, as value and half width of its interval.

    With `candidates`, the columns that may be called best, the best value of each row is marked, and values within its
    noise. If another column has it (one constant colour draws no hallucination), none is marked.
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
                cell["text"], cell["noise"] = f"{value:.{measure.digits}f}", in_text(noise, measure.digits)
                cell["even"] = place not in best and any(_within_noise(found[other], pair) for other in best)
            cells.append(cell)
        rows.append(
            {
                "name": measure.name,
                "arrow": measure.arrow,
                "better": measure.better_in_words,
                "description": measure.description,
                "cells": cells,
            }
        )
    return rows


def plain_rows(rows: dict[str, list[tuple[str, str]]]) -> list[dict[str, Any]]:
    """Table rows of texts: by the row's name its cells, each (value, half width of its interval or "")."""
    return [
        {
            "name": name,
            "arrow": "",
            "better": "",
            "description": "",
            "cells": [{"text": text, "noise": noise, "best": False, "even": False} for text, noise in cells],
        }
        for name, cells in rows.items()
    ]


def _within_noise(a: Noisy | None, b: Noisy) -> bool:
    if a is None:
        return False
    change, noise = independent_difference(a, b)
    return noise is not None and abs(change) <= noise
