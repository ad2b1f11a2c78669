"""Write the tables of docs/results.md, and the numbers that the pages quote, from a run's metrics.

    python docs/results.py RUN     # RUN: the folder of a project in which `dvc repro` has run; . is this one

Copies RUN/metrics/tables/*.json, which are not in git, to docs/results/, and writes the tables between the page's marks
from the copies. tests/test_results.py holds the page to them.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import quotes

from ganflow.metrics.measures import CONDITIONAL, DIGITS, TRANSLATION_CLASSES, TRANSLATION_PIXELS, Measure

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs/results"
Row = dict[str, tuple[float, float]]
# Measures of other systems, in the heading of their row. Fu et al. 2019, quoted from a copy.
PUBLISHED = {
    "gcgan_rmse": "CycleGAN 28.15, GcGAN 27.98 ¹",
    "gcgan_acc5": "41.8, 42.8 ¹",
    "gcgan_acc10": "63.7, 64.6 ¹",
}


def digits(gan: dict[str, Any], cgan: dict[str, Any]) -> str:
    """A row per measure of digits: both GANs, and what stands beside them."""
    found: dict[str, Row] = {"GAN": gan["rows"]["model"], "class-conditional GAN": cgan["rows"]["model"]}
    # Of the class-conditional GAN's table: it has the measures by class too.
    beside = {
        "lower bound: other real digits": "floor",
        "copies: nearest training digits": "copies",
        "trivial baseline: Gaussian on pixels": "ceiling",
    }
    found |= {title: cgan["rows"][row] for title, row in beside.items()}
    return _table(CONDITIONAL + DIGITS, found, with_noise=2)


def maps(pix2pix: dict[str, Any], cvae: dict[str, Any], cyclegan: dict[str, Any]) -> str:
    """A row per measure of maps: the translators, and what stands beside them."""
    found: dict[str, Row] = {
        "Pix2Pix": pix2pix["rows"]["model"],
        "conditional VAE, the prior's mean": cvae["rows"]["centre"],
        "one sample of it": cvae["rows"]["model"],
        "CycleGAN, without pairs": cyclegan["rows"]["model"],
    }
    beside = {"nearest training pair": "nearest", "one constant colour": "constant", "the input itself": "input"}
    found |= {title: pix2pix["rows"][row] for title, row in beside.items()}
    return _table(TRANSLATION_CLASSES + TRANSLATION_PIXELS, found, with_noise=4)


def _table(measures: tuple[Measure, ...], columns: dict[str, Row], with_noise: int) -> str:
    """Markdown; the first `with_noise` columns show half the width of their interval."""
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for measure in measures:
        cells = []
        for place, row in enumerate(columns.values()):
            value, noise = row.get(measure.key, (None, None))
            noisy = f" ± {noise:.{measure.digits}f}" if place < with_noise and value is not None else ""
            cells.append("–" if value is None else f"{value:.{measure.digits}f}{noisy}")
        if any(cell != "–" for cell in cells):
            others = f" ({PUBLISHED[measure.key]})" if measure.key in PUBLISHED else ""
            lines.append(f"| {measure.name} {measure.arrow}{others} | {' | '.join(cells)} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """The text of docs/results.md with its tables as they should be."""
    gan, cgan, *translators = (quotes.table(name) for name in ("gan", "cgan", "pix2pix", "cvae", "cyclegan"))
    for name, table in {"digits": digits(gan, cgan), "maps": maps(*translators)}.items():
        mark, end = f"<!-- {name}: docs/results.py -->\n", f"<!-- end of {name} -->\n"
        between = f"({re.escape(mark)}).*?({re.escape(end)})"
        page, count = re.subn(between, rf"\g<1>\n{table}\n\n\g<2>", page, flags=re.S)
        assert count == 1, f"docs/results.md has no mark for the table of {name}"
    return page


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    for path in (Path(sys.argv[1]) / "metrics/tables").glob("*.json"):
        shutil.copy(path, RESULTS)
    page = ROOT / "docs/results.md"
    page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
    quotes.write()
