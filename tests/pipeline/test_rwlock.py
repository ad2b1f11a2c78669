"""DVC's lock file, damaged in every way that a kill or a disk can damage it."""

import signal
import subprocess
import sys
from pathlib import Path

import forks
import pytest
from workspace import DYING_DVC, environment, until

from ganflow.errors import UserError
from ganflow.pipeline.rwlock import damaged, repair

DVC = Path(sys.executable).with_name("dvc")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")
    (tmp_path / "dvc.yaml").write_text("stages:\n  one:\n    cmd: touch began; sleep $WAIT\n")
    return tmp_path


def repro(project: Path) -> subprocess.CompletedProcess[str]:
    return forks.run(["-m", "dvc", "repro", "--force"], project, environment(project, WAIT="0"))


def test_dvc_killed_while_it_writes_its_lock_leaves_it_damaged_and_mend_helps(project: Path) -> None:
    words = [DYING_DVC, "one", "its lock file is empty"]
    assert forks.run(words, project, environment(project, WAIT="0")).returncode == -signal.SIGKILL
    assert (project / ".dvc" / "tmp" / "rwlock").read_bytes() == b""
    assert repro(project).returncode != 0
    repair(project)
    assert repro(project).returncode == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"write": {"a', "\0" * 40])
def test_dvc_goes_on_after_a_damaged_lock_is_removed(project: Path, content: str) -> None:
    path = project / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir()
    path.write_text(content)
    failed = repro(project)
    assert failed.returncode != 0
    assert "rwlock" in failed.stderr.lower()
    assert damaged(project) == path
    repair(project)
    assert damaged(project) is None
    assert repro(project).returncode == 0


def test_a_whole_lock_is_left_alone(project: Path) -> None:
    assert repro(project).returncode == 0
    path = project / ".dvc" / "tmp" / "rwlock"
    before = path.read_bytes()
    repair(project)
    assert path.read_bytes() == before


def test_a_lock_is_not_removed_while_dvc_runs(project: Path) -> None:
    # No fork: a process's command line says that it is DVC.
    given = environment(project, WAIT="5")
    running = subprocess.Popen([DVC, "repro", "--force"], cwd=project, env=given, start_new_session=True)
    until(lambda: (project / "began").exists())
    path = project / ".dvc" / "tmp" / "rwlock"
    path.write_text("")
    with pytest.raises(UserError, match=f"process {running.pid}"):
        repair(project)
    assert path.exists()
    running.kill()
    running.wait()
    repair(project)
    assert not path.exists()
