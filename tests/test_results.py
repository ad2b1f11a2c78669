"""README's tables are those of the results that stand beside it."""

from pathlib import Path

import results


def test_readme_has_the_tables_of_its_results() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert results.written(readme) == readme, "python docs/results.py RUN"
