import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow import cli
from ganflow.files import locked

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


def test_checkpoints_are_listed_and_all_but_the_running_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("gan/a", 2_000_000), ("gan/b", 1_500_000), ("cvae/c", 500_000)):
        state = tmp_path / "checkpoints" / name / "step-000000007.safetensors"
        state.parent.mkdir(parents=True)
        state.write_bytes(bytes(size))

    def said(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["ganflow", "checkpoints", *arguments])
        cli.main()
        return capsys.readouterr().out.splitlines()

    with locked(tmp_path / "checkpoints/gan/b.lock", wait=False):
        assert said() == [
            "cvae/c: step 7, interrupted (of other code), 0.5 MB",
            "gan/a: step 7, interrupted (of other code), 2.0 MB",
            "gan/b: step 7, running (of other code), 1.5 MB",
            "4.0 MB in all",
        ]
        assert said("gan", "--remove")[0::2] == [
            "removed gan/a: step 7, interrupted (of other code), 2.0 MB",
            "2.0 MB removed",
        ]
        assert sorted(path.name for path in tmp_path.glob("checkpoints/*/*") if path.is_dir()) == ["b", "c"]
        assert said("--remove")[-1] == "0.5 MB removed"
    assert said("--remove")[-1] == "1.5 MB removed"
    assert said() == ["0.0 MB in all"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "a", "b", "-o", "."), r"error: \. is a folder"),
        (("compare", "a", "b", "-o", "/proc/page.html"), r"error: cannot write /proc/page\.html"),
        (("ui", "--port", "80000"), r"error: --port 80000: a port is a number from 1 to 65535"),
        (("ui", "--port", "0"), r"error: --port 0"),
        (("translate", "x.png", "-o", "y.png", "--samples", "0"), r"error: --samples 0"),
        (("translate", "x.png", "-o", "y.png", "--samples", "1000000000"), r"error: --samples 1000000000"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ganflow", *words])
    with pytest.raises(SystemExit, match=said) as refused:
        cli.main()
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_seen_enough_ends_a_command_in_silence(tmp_path: Path) -> None:
    """`ganflow runs | head -1`: whether the pipe breaks in the midst or only when the end is flushed."""
    for lines in (1, 100_000):
        work = f"[print('a line of a list') for _ in range({lines})]"
        code = f"from ganflow.errors import run_main; run_main(lambda: {work})"
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, cwd=ROOT / "src")
        os.close(write)
        assert done.returncode == 128 + signal.SIGPIPE
        assert done.stderr == b""


def test_a_folder_of_pairs_is_checked_and_the_next_command_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cells"
    shutil.copytree(ROOT / "tests/data/cells", folder)
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.setattr(sys, "argv", ["ganflow", "pairs", "check", str(folder)])
    cli.main()
    said = capsys.readouterr().out
    assert "3 pairs that can be used" in said
    assert said.splitlines()[-1].startswith(f"dvc exp run -S pairs.folder={folder} -S pairs.direction=a2b ")
    manifest = (folder / "manifest.sha256").read_text()
    assert sorted(line.split("  ")[1] for line in manifest.splitlines()) == sorted(
        f"{kind}/{name}.png" for kind in ("images", "masks") for name in ("040", "041", "120")
    )
    cli.main()
    assert (folder / "manifest.sha256").read_text() == manifest, "what it wrote is no picture and no stray"


def test_what_is_no_data_is_told_to_the_check_and_printed_for_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pairs"
    for n in range(4):
        for side, last in (("photo", 0), ("labels", 255)):
            (folder / side).mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(n).integers(0, 3, (32, 32), np.uint8)
            pixels[:, 24:] = last
            Image.fromarray(pixels).save(folder / f"{side}/{n}.png")
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("DVC_ROOT")
    for value, said in (("255", "labels of 3 classes (0, 1, 2); 25 % of the pixels have no data"), ("none", "255)")):
        monkeypatch.setattr(sys, "argv", ["ganflow", "pairs", "check", str(folder), "--no-data", value])
        cli.main()
        printed = capsys.readouterr().out
        assert said in printed
        assert f" -S pairs.no_data={value} " in printed.splitlines()[-1]
    monkeypatch.setattr(sys, "argv", ["ganflow", "pairs", "check", str(folder), "--no-data", "void"])
    with pytest.raises(SystemExit, match="--no-data void: it takes auto, alpha, none, a number"):
        cli.main()


def test_usage_names_the_command_as_it_is_typed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (["translate"], ["pairs", "check"]):
        monkeypatch.setattr("sys.argv", ["ganflow", *command, "--help"])
        with pytest.raises(SystemExit):
            cli.main()
        assert capsys.readouterr().out.startswith(f"usage: ganflow {' '.join(command)} ")
