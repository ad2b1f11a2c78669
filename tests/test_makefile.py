"""The Makefile in folders of any name: nothing outside the clone is touched, and every target works or refuses."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
TARGETS = ("setup", "demo", "repro", "seeds", "exps", "test", "exact", "torture", "lint", "ui", "bench", "clean")
# Stands for Python, and for each program in the environment that it "installs" with -m venv.
STUB = f"""#!/bin/sh
echo "${{0##*/}} $*" >> calls
case "$*" in
    src/*) exec {sys.executable} "$@" ;;
    "-m venv .venv")
        mkdir -p .venv/bin
        for name in python dvc ganflow ruff pyright; do cp "$0" ".venv/bin/$name"; done ;;
esac
"""
USABLE = ["plain", "sp ace", " two  spaces ", "R&D", "a;b", "it's", "(x)", "[x]", "{x}", "#1", "100%", "a%20b", "a?b"]
USABLE += ["a*b", "~", "-rf", "a=b", "a,b", "a|b", "<a>", "!a", "a@b", "a^b"]
UNUSABLE = ["a:b", 'a"b', "a$b", "$(HOME)", "$$", "a`b", "a\\b", "a\nb", "a\tb", "a\x1bb"]


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Makefile needs of the repository, committed."""
    folder = tmp_path_factory.mktemp("committed")
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "dvc.yaml", "profiles", "src/ganflow/pipeline"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run(["git", "-c", "user.name=me", "-c", "user.email=me@here", *command], cwd=folder, check=True)
    return folder


def clone(committed: Path, folder: Path) -> Path:
    return shutil.copytree(committed, folder)


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    stub = folder / "stubs" / "python3"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(STUB)
    for program in (stub, *folder.glob(".venv/bin/*")):
        program.chmod(0o755)
    # `make test` runs these tests below a make, whose variables would make this one a recursive make.
    given = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    given["PATH"] = f"{stub.parent}:{os.environ['PATH']}"
    given |= {f"GIT_{who}_{what}": "me@here" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["make", "PYTHON=stubs/python3", *words]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)


def outside(above: Path, folder: Path) -> list[str]:
    return sorted(str(path) for path in above.rglob("*") if not path.is_relative_to(folder))


def neighbours(above: Path, name: str) -> None:
    """Folders that a path cut at any character would name, each with a file in it."""
    for end in range(1, len(name)):
        beside = above / name[:end]
        if beside.name and beside.name not in (".", ".."):
            (beside / "ganflow" / ".venv").mkdir(parents=True, exist_ok=True)
            (beside / "precious").touch()


@pytest.mark.parametrize("name", USABLE)
def test_every_target_works_whatever_the_folder_is_called(committed: Path, tmp_path: Path, name: str) -> None:
    neighbours(tmp_path, name)
    folder = clone(committed, tmp_path / name / "ganflow")
    before = outside(tmp_path, folder)
    # Each by itself in one folder: a make for each in all of them would take half a minute.
    for targets in [[target] for target in TARGETS] if name == "plain" else [TARGETS[:-1], TARGETS[-1:]]:
        done = make(folder, *targets)
        assert done.returncode == 0, (targets, done.stdout, done.stderr)
        assert "clean" in targets or (folder / ".venv" / "bin" / "dvc").exists()
    assert not (folder / ".venv").exists()
    assert outside(tmp_path, folder) == before
    calls = (folder / "calls").read_text().splitlines()
    assert "dvc repro" in calls
    assert calls.count("python -m ganflow.pipeline.rwlock") == 3, "demo, repro and seeds"


@pytest.mark.parametrize("name", UNUSABLE, ids=ascii)
def test_a_name_that_cannot_work_is_refused_in_a_line_before_anything(
    committed: Path, tmp_path: Path, name: str
) -> None:
    neighbours(tmp_path, name)
    folder = clone(committed, tmp_path / name / "ganflow")
    before = outside(tmp_path, folder)
    for targets in [[target] for target in TARGETS[:-1]] if name == "a:b" else [TARGETS[:-1]]:
        done = make(folder, *targets)
        assert done.returncode != 0
        said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
        assert len(said) == 1, said
        assert "move the folder" in said[0]
        assert not (folder / ".venv").exists()
    assert make(folder, "clean").returncode == 0
    assert outside(tmp_path, folder) == before


@pytest.mark.parametrize(("target", "works"), [("repro", True), ("lint", True), ("demo", False), ("seeds", False)])
def test_experiments_in_a_copy_below_a_path_that_is_not_ascii_are_refused(
    committed: Path, tmp_path: Path, target: str, works: bool
) -> None:
    """DVC writes the configuration of the copy as ASCII."""
    done = make(clone(committed, tmp_path / "Projekte für später"), target)
    assert (done.returncode == 0) == works
    assert works or "not ASCII" in done.stderr


@pytest.mark.parametrize("target", ["repro", "seeds"])
def test_a_profile_that_does_not_exist_runs_nothing(committed: Path, tmp_path: Path, target: str) -> None:
    folder = clone(committed, tmp_path / "ganflow")
    done = make(folder, target, "PROFILE=papr")
    assert done.returncode != 0
    assert "there is no profiles/papr: best demo l1 paper seeds smoke" in done.stderr
    assert "dvc" not in [line.split()[0] for line in (folder / "calls").read_text().splitlines()]


def test_make_is_refused_in_another_folder_than_its_own(tmp_path: Path) -> None:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    done = subprocess.run(["make", "-f", ROOT / "Makefile", "clean"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "run make in the folder of its Makefile" in done.stderr
    assert (tmp_path / "data" / "raw").exists()


def test_the_table_of_experiments_has_the_parameters_of_every_section_that_changes_results() -> None:
    columns = re.search(r"^columns := .*\|\(([a-z0-9|]+)\)\\\.", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert columns
    sections = {name for name, value in YAML(typ="safe").load(ROOT / "params.yaml").items() if isinstance(value, dict)}
    assert sections - set(columns[1].split("|")) == {"compute", "render"}
