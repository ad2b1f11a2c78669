"""What is said when Linux kills a stage for want of memory. A file stands in for Linux's count of such kills;
tests/torture/machine_faults.py has a real limit.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ganflow.pipeline import out_of_memory

BODY = """
import os, signal, sys
from pathlib import Path
from ganflow.pipeline import out_of_memory
out_of_memory.VMSTAT = Path("vmstat")
with out_of_memory.told_if_killed("train_gan"):
    if "counted" in sys.argv:
        out_of_memory.VMSTAT.write_text("nr_free_pages 7\\noom_kill 4\\n")
    if "killed" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)
    if "failed" in sys.argv:
        sys.exit("a process of the training was killed")
"""


def run(folder: Path, *what: str) -> subprocess.CompletedProcess[str]:
    (folder / "vmstat").write_text("nr_free_pages 5\noom_kill 3\n")
    given = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", BODY, *what]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)


def test_a_stage_that_linux_kills_for_memory_leaves_a_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "counted", "killed")
    assert done.returncode == -signal.SIGKILL
    assert done.stderr.startswith("train_gan: Linux has killed a process because the memory was not enough")
    assert "Reduce batch_size" in done.stderr


def test_so_does_one_that_fails_with_a_process_of_its_own(tmp_path: Path) -> None:
    assert "Reduce batch_size" in run(tmp_path, "counted", "failed").stderr


@pytest.mark.parametrize("what", [(), ("killed",), ("failed",), ("counted",)])
def test_no_other_end_does(tmp_path: Path, what: tuple[str, ...]) -> None:
    """A kill that somebody sent; an error; another process that Linux killed while all went well here."""
    assert "Linux" not in run(tmp_path, *what).stderr


def test_nothing_is_watched_where_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out_of_memory, "VMSTAT", tmp_path / "none")
    monkeypatch.setenv("PATH", "")  # no shell would be found
    with out_of_memory.told_if_killed("train_gan"):
        pass
