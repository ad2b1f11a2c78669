"""The pages of `dvc plots` with .dvc/plots.html, in a real browser without a network."""

import os
import shutil
import subprocess
from pathlib import Path

import forks
import pytest
from playwright.sync_api import Page
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone's .dvc and the plots of dvc.yaml, with a short history for each of its figures: two commits."""
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    for name in ("config", "plots.html"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    plots = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["plots"]
    columns: dict[str, list[str]] = {}
    for entry in plots:
        for figure in entry.values():
            for path, names in figure["y"].items():
                columns.setdefault(path, []).extend([names] if isinstance(names, str) else names)
    YAML(typ="safe").dump({"plots": plots}, folder / "dvc.yaml")
    git = ["git", "-c", "user.name=somebody", "-c", "user.email=some@body"]
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    for scale in (1, 2):
        for path, names in columns.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            rows = [[step, *(scale / step for _ in names)] for step in (50, 100, 150)]
            (folder / path).write_text("\n".join(",".join(map(str, row)) for row in [["step", *names], *rows]) + "\n")
        subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-qm", f"scale {scale}"], cwd=folder, check=True)
    return folder


def test_a_page_draws_its_curves_with_no_network(page: Page, project: Path) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    words = ["-m", "dvc", "plots", "diff", "HEAD~1", "HEAD", "-o", "plots"]
    done = forks.run(words, project, dict(os.environ))
    assert done.returncode == 0, done.stderr
    page.goto((project / "plots" / "index.html").as_uri())
    figures = len(YAML(typ="safe").load((project / "dvc.yaml").read_text())["plots"])
    drawn = page.locator(".vega-embed :is(canvas, svg)")
    drawn.nth(figures - 1).wait_for()
    assert drawn.count() >= figures > 8
    coloured = """canvas => {
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      const seen = new Set();
      for (let at = 0; at < data.length; at += 4)
        if (Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) > 60)
          seen.add(`${data[at] >> 5} ${data[at + 1] >> 5} ${data[at + 2] >> 5}`);
      return seen.size;
    }"""
    assert drawn.first.evaluate(coloured) >= 2, "a curve of each commit"
    assert faults == []


def test_the_template_fits_into_git_and_keeps_its_licences() -> None:
    template = ROOT / ".dvc" / "plots.html"
    assert template.stat().st_size < 1_000_000
    text = template.read_text()
    assert text.count("Redistributions of source code must retain") == 3
    assert "{plot_divs}" in text
