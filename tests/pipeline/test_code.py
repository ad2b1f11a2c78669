"""The code fingerprint: over the source tree as it is, and over copies of it with an edit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ganflow.pipeline.code import SRC, code_fingerprint, modules_that_matter

ROOT = SRC.parent
SCRIPT = "import sys; from ganflow.pipeline.code import code_fingerprint; print(code_fingerprint(sys.argv[1]))"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for part in ("src", "stages"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def before(copy: Path) -> str:
    """Of the copy without an edit."""
    return fingerprint_of(copy, "train_gan")


def fingerprint_of(copy: Path, stage: str) -> str:
    command = [sys.executable, "-B", "-c", SCRIPT, stage]
    done = subprocess.run(command, env={"PYTHONPATH": str(copy / "src")}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("edited", "edit", "changes"),
    [
        ("training/progress.py", "print(1)\n", False),  # a watcher
        ("tracking/run.py", "print(1)\n", False),
        ("evaluation/digits.py", "print(1)\n", False),  # of another stage
        ("training/loop.py", "\n# a comment\n", False),
        ("training/loop.py", "print(1)\n", True),
        ("losses.py", "print(1)\n", True),
        ("inference/digits.py", "print(1)\n", True),
    ],
)
def test_the_fingerprint_changes_with_the_code_that_can_change_the_outs(
    copy: Path, before: str, edited: str, edit: str, changes: bool
) -> None:
    path = copy / "src/ganflow" / edited
    source = path.read_text()
    path.write_text(source + edit)
    after = fingerprint_of(copy, "train_gan")
    path.write_text(source)
    assert (after != before) is changes


def test_the_fingerprint_is_of_the_source_alone(before: str) -> None:
    """What is imported, or where the source is, does not count."""
    assert before == code_fingerprint("train_gan")


def test_a_module_that_is_imported_late_is_among_them(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def later():\n    import ganflow.losses\n")
    assert modules_that_matter(script) == {SRC / "ganflow/losses.py"}


def test_each_stage_has_a_fingerprint_of_its_own() -> None:
    models = ("gan", "cgan", "pix2pix", "cvae", "cyclegan", "classifier")
    assert len({code_fingerprint(f"train_{model}") for model in models}) == len(models)
