import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganflow import cli

ROOT = Path(__file__).parents[1]


def test_the_help_is_a_map_of_all_commands_with_an_example_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["ganflow", "--help"])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().out
    commands = re.findall(r"^    (\w+) +\w.*$", said, re.MULTILINE)
    assert {"translate", "diff", "seeds", "doctor"} <= set(commands)
    for command in commands:
        assert re.search(rf"^  ganflow {command}\b", said, re.MULTILINE), f"no example of {command} in cli.EXAMPLES"
    assert max(map(len, said.splitlines())) <= 80
    assert all((ROOT / page).exists() for page in re.findall(r"docs/[\w-]+\.md", said))


def test_make_help_names_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    for target in targets[1].split():
        assert re.search(rf"^  make {target} +\w|^  make {target} +`", said, re.MULTILINE), target
