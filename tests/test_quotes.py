"""Numbers in prose are those of the files that they quote."""

import re
from pathlib import Path

import pytest
import quotes
from ruamel.yaml import YAML


@pytest.mark.parametrize("page", quotes.PAGES, ids=lambda page: page.name)
def test_quoted_numbers_are_those_of_their_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert quotes.rewritten(text) == text, "python docs/quotes.py"
    assert len(re.findall(r"\d *<!--", text)) == len(quotes.QUOTE.findall(text)), "a mark is misspelt"


def test_a_stale_number_is_found_and_one_without_a_file_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"rows": {"model": {"copied": [0.12345, 0.01]}}}
    monkeypatch.setattr(quotes, "table", {"gan": content, "cgan": None}.get)
    text = (
        "{}<!-- gan rows:model:copied:0 .3f --> and {}<!-- gan rows:model:copied:0 .1% --> %, 0.1<!-- cgan a:b .1f -->"
    )
    assert quotes.rewritten(text.format(0.9, 7)) == text.format("0.123", "12.3")


def test_a_quote_of_no_known_file_is_refused() -> None:
    with pytest.raises(AssertionError, match="a quote is of gan"):
        quotes.rewritten("1<!-- gna rows:model:copied:0 .3f -->")


def test_the_defaults_that_the_experiments_lead_to_are_those_of_params_yaml() -> None:
    params = YAML(typ="safe").load((quotes.ROOT / "params.yaml").read_text(encoding="utf-8"))
    page = (quotes.ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    rows = page[page.index("| section of `params.yaml`") :].partition("\n\n")[0].splitlines()[2:]
    for row in rows:
        _, section, defaults, *_ = row.split("|")
        quoted = re.findall(r"`(\w+)` ([\w.]+)", defaults)
        assert quoted, row
        for key, value in quoted:
            assert str(params[section.strip(" `")][key]) == value, f"{section}: {key}"
