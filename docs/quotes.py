"""Numbers in prose that are quoted from results: `python docs/quotes.py` writes them anew.

A quote is a number before a mark that no page shows: `0.498<!-- pix2pix_l1 rows:model:mean_iou:0 .3f -->` is the value
at this path of docs/results/pix2pix_l1.json or baselines/pix2pix_l1.json, in this format. tests/test_quotes.py holds
the pages to the files.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TABLES = ("gan", "cgan", "pix2pix", "cvae", "cyclegan", "pix2pix_l1", "tasks", "own_pairs")
QUOTE = re.compile(r"([−\d.,]+)(<!-- (\w+) (\S+) (\S+) -->)")


def rewritten(text: str) -> str:
    """`text` with every quoted number as its file has it. Numbers of files that are not there stay."""

    def quoted(match: re.Match[str]) -> str:
        number, mark, name, path, spec = match.groups()
        content = table(name)
        if content is None:
            return match[0]
        value: Any = content
        for key in path.split(":"):
            value = value[int(key) if isinstance(value, list) else key]
        number = format(value, spec).removesuffix("%").replace("-", "−")
        return number + mark

    return QUOTE.sub(quoted, text)


@cache
def table(name: str) -> Any:
    """The content of a file of results; None if the run that makes it has not been recorded."""
    assert name in TABLES, f"{name}: a quote is of {', '.join(TABLES)}"
    found = [path for folder in ("docs/results", "baselines") if (path := ROOT / folder / f"{name}.json").exists()]
    return json.loads(found[0].read_text(encoding="utf-8")) if found else None


def write() -> None:
    for page in PAGES:
        page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
