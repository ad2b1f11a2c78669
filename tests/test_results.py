"""The tables of docs/results.md are those of the results that stand beside it."""

from pathlib import Path

import results


def test_the_page_has_the_tables_of_its_results() -> None:
    page = (Path(__file__).parents[1] / "docs/results.md").read_text(encoding="utf-8")
    assert results.written(page) == page, "python docs/results.py RUN"
