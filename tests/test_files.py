"""Files that are whole or absent, also after a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ganflow.files import whole_file

SRC = Path(__file__).parents[1] / "src"


def write(path: Path, *, killed: bool) -> None:
    """In a process of its own, which may be killed half-way."""
    script = f"""if True:
        import os, signal
        from pathlib import Path
        from ganflow.files import whole_file
        with whole_file(Path({str(path)!r})) as partial:
            partial.write_text("half")
            if {killed}:
                os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(SRC)})
    assert done.returncode == (-signal.SIGKILL if killed else 0)


def test_the_next_writer_clears_away_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "history [1].csv"
    write(path, killed=True)
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1
    write(path, killed=False)
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with whole_file(path) as first:
        first.write_text("first")
        write(path, killed=False)
        assert first.exists()
    assert path.read_text() == "first"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as partial:
            partial.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
