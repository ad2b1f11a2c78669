"""DVC's lock file, damaged in every way that a kill or a disk can damage it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from workspace import DYING_DVC, environment, until

from ganflow.errors import UserError
from ganflow.pipeline.rwlock import damaged, repair

DVC = Path(sys.executable).with_name("dvc")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run([DVC, "init", "--quiet", "--no-scm"], cwd=tmp_path, check=True)
    (tmp_path / "dvc.yaml").write_text("stages:\n  one:\n    cmd: touch began; sleep $WAIT\n")
    return tmp_path


def repro(wait: int = 0) -> list[str | Path]:
    return ["env", f"WAIT={wait}", DVC, "repro", "--force"]


def test_dvc_killed_while_it_writes_its_lock_leaves_it_damaged_and_mend_helps(project: Path) -> None:
    command, given = [sys.executable, "-c", DYING_DVC, "one", "its lock file is empty"], environment(project, WAIT="0")
    done = subprocess.run(command, cwd=project, env=given, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert (project / ".dvc" / "tmp" / "rwlock").read_bytes() == b""
    assert subprocess.run(repro(), cwd=project, env=given, capture_output=True).returncode != 0
    repair(project)
    subprocess.run(repro(), cwd=project, env=given, check=True, capture_output=True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"write": {"a', "\0" * 40])
def test_dvc_goes_on_after_a_damaged_lock_is_removed(project: Path, content: str) -> None:
    path = project / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    given = environment(project)
    failed = subprocess.run(repro(), cwd=project, env=given, capture_output=True, text=True)
    assert failed.returncode != 0
    assert "rwlock" in failed.stderr.lower()
    assert damaged(project) == path
    repair(project)
    assert damaged(project) is None
    subprocess.run(repro(), cwd=project, env=given, check=True, capture_output=True)


def test_a_whole_lock_is_left_alone(project: Path) -> None:
    subprocess.run(repro(), cwd=project, env=environment(project), check=True, capture_output=True)
    path = project / ".dvc" / "tmp" / "rwlock"
    before = path.read_bytes()
    repair(project)
    assert path.read_bytes() == before


def test_a_lock_is_not_removed_while_dvc_runs(project: Path) -> None:
    running = subprocess.Popen(repro(5), cwd=project, env=environment(project), start_new_session=True)
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
