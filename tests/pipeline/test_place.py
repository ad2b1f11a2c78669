"""What is said before an installation, with git as it really answers."""

import subprocess
from pathlib import Path

import pytest

from ganflow.pipeline.place import faults


@pytest.fixture(autouse=True)
def _no_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.delenv(f"GIT_{name}", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_each_lack_of_git_is_one_line_where_the_target_needs_it(tmp_path: Path) -> None:
    folder = tmp_path / "ganflow"
    folder.mkdir()
    (folder / "dvc.yaml").touch()

    def said(*targets: str) -> str:
        return "\n".join(faults(folder, targets))

    assert said("lint", "test", "clean") == ""
    assert said("repro").startswith("this folder is no git repository")
    git(folder, "init", "-q")
    assert said("repro") == ""
    assert said("demo").startswith("git has no commit of this folder")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=me", "-c", "user.email=me@here", "commit", "-q", "-m", "all")
    git(folder, "config", "user.useConfigOnly", "true")
    assert said("seeds").startswith("git does not know who you are")
    git(folder, "config", "user.name", "me")
    git(folder, "config", "user.email", "me@here")
    assert said("demo", "seeds", "exps", "exact", "repro") == ""


def test_a_copy_inside_another_repository_is_no_commit_of_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "-c", "user.name=me", "-c", "user.email=me@here", "commit", "-q", "--allow-empty", "-m", "none")
    folder = tmp_path / "ganflow"
    folder.mkdir()
    (folder / "dvc.yaml").touch()
    (fault,) = faults(folder, ["demo"])
    assert fault.startswith("git has no commit of this folder")


def test_a_folder_of_another_user_is_not_called_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my copy"
    folder.mkdir()
    git(folder, "init", "-q")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for tests
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    (fault,) = faults(folder, ["repro"])
    assert fault.startswith("git does not trust this folder")
    assert fault.endswith(f"git config --global --add safe.directory '{folder}'")
