"""README's tables of results: generated, and of the run that dvc.lock records."""

import hashlib
from pathlib import Path

import pytest
import results
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
OUTS = {
    out["path"]: out["md5"]
    for stage in YAML(typ="safe").load((ROOT / "dvc.lock").read_text())["stages"].values()
    for out in stage.get("outs", [])
}


@pytest.mark.parametrize("task", results.TABLES)
def test_the_results_are_those_of_dvc_lock(task: str) -> None:
    content = (results.RESULTS / f"{task}.json").read_bytes()
    assert hashlib.md5(content).hexdigest() == OUTS[f"metrics/tables/{task}.json"]


def test_readmes_tables_are_generated_from_them() -> None:
    readme = (ROOT / "README.md").read_text()
    assert results.written(readme) == readme, "python docs/results.py"


def test_a_baseline_stands_beside_every_measure() -> None:
    for table in results.tables().values():
        for row in table.splitlines()[2:]:
            cells = [cell.strip() for cell in row.strip("|").split("|")[3:]]
            assert any(cell != "–" for cell in cells), row
