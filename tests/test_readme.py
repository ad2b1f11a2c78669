"""The README stays short, and what it links to is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.sub(r"<!--.*?-->", "", TEXT)
WORDS = 900
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_it_is_read_in_three_minutes() -> None:
    assert len(SHOWN.split()) <= WORDS


def test_what_it_is_one_picture_and_three_commands_come_first() -> None:
    beginning = SHOWN[: SHOWN.index("## How good is it?")]
    assert len(re.findall(r"!\[[^\]]*\]\(docs/", beginning)) == 1
    assert [line.split("#")[0].split() for line in beginning.splitlines() if line.startswith("    ")] == [
        ["make", "demo"],
        ["make", "repro"],
        ["make", "ui"],
    ]


def test_how_good_it_is_stands_beside_the_classic_recipe_and_what_learned_nothing() -> None:
    table = SHOWN[SHOWN.index("| | trained for") :].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == 5
    assert "trivial baseline" in table[0]
    assert any("classic" in row for row in table)
    assert len(re.findall(r"<!-- pix2pix rows", TEXT)) >= 4, "its numbers are those of docs/results (docs/quotes.py)"
    experiments = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    assert "| classic | 15.0 | 2512 | 0.381 |" in experiments
    assert "| **default** | 10.3 | 40000 | **.549** |" in experiments
    assert "| 15.0 minutes, two cores | 96 validation pairs | 0.381 |" in SHOWN
    assert "| 10.3 minutes, two cores | 96 validation pairs | 0.549 |" in SHOWN


def test_links_lead_to_files() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            if not link.startswith("../../"):  # of GitHub, not of the tree
                assert (page.parent / link).exists(), f"{page.name}: {link}"
