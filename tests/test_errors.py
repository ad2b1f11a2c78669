"""What a user sees of a fault: one line for what is theirs or the machine's, a traceback for what is ours."""

import errno
import getpass
import io
import os
import pwd
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from hostile import NAMES
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import save_file
from small_disk import files_of_at_most

from ganflow.errors import UserError, run_main, say
from ganflow.files import whole_dir, whole_file, write_json

NOISE = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
WRITERS: dict[str, Callable[[Path], object]] = {
    "weights": lambda path: save_file({"a": torch.zeros(10**5)}, path),
    "array": lambda path: np.save(path.open("wb"), np.zeros(10**5)),
    "curves": lambda path: pd.DataFrame(NOISE[0].repeat(20, 0)).to_csv(path),
    "picture": lambda path: Image.fromarray(NOISE).save(path, "PNG"),
    "photo": lambda path: Image.fromarray(NOISE).save(path, "JPEG", quality=100),
    "tiff": lambda path: tifffile.imwrite(path, NOISE),
    "text": lambda path: path.write_text("x" * 10**6),
}


def said(main: Callable[[], object]) -> str:
    with pytest.raises(SystemExit) as end:
        run_main(main)
    assert str(end.value).startswith("error: ")
    assert str(end.value).isprintable()
    return str(end.value)


def failing(fault: BaseException) -> Callable[[], object]:
    def main() -> None:
        raise fault

    return main


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("whole", ["file", "folder"])
def test_a_full_disk_is_one_line_that_names_the_file_and_leaves_what_was_there(
    tmp_path: Path, kind: str, whole: str
) -> None:
    final = tmp_path / "final"

    def write() -> None:
        with whole_file(final) if whole == "file" else whole_dir(final) as partial:
            WRITERS[kind](partial if whole == "file" else partial / "file")

    with files_of_at_most(20_000):
        assert f"the disk is full ({final})" in said(write)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/mlruns/a"), "the disk is full (/mlruns/a)"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full (while writing)"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (MemoryError(), "the memory is not enough: reduce batch_size"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"), "the memory is not enough"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "the memory is not enough"),
        (RuntimeError("std::bad_alloc"), "the memory is not enough"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "the memory is not enough"),
        (SafetensorError("Cannot allocate memory (os error 12)"), "the memory is not enough"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/x"), "cannot write or read /root/x: Permission"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 900), "x ...: File name too long"),
        (OSError(errno.EROFS, "Read-only file system", "a\x1b[31m"), "read a\\x1b[31m: Read-only"),
        (UserError("a\x1b[2Jb\nc http://me:hunter2@host/"), "error: a\\x1b[2Jb c http://***@host/"),
    ],
)
def test_faults_of_the_machine_are_one_line(fault: BaseException, expected: str) -> None:
    assert expected in said(failing(fault))


@pytest.mark.parametrize("fault", [KeyError("x"), FileNotFoundError(errno.ENOENT, "No such file", "x"), ValueError()])
def test_a_programming_error_keeps_its_traceback(fault: Exception) -> None:
    with pytest.raises(type(fault)):
        run_main(failing(fault))


def test_no_room_for_temporary_files_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    assert "set TMPDIR" in said(lambda: tempfile.TemporaryDirectory())


def test_a_user_whom_the_machine_does_not_know_has_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with `--user 12345`."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with pytest.raises(RuntimeError):
        Path.home()
    run_main(lambda: (Path.home(), getpass.getuser()))
    assert os.environ["HOME"] == tempfile.gettempdir()


def test_what_is_said_stays_on_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say("", *NAMES, Path("a\x1b[31m"))
    empty, *lines, path, end = capsys.readouterr().out.split("\n")
    assert (empty, path, end) == ("", "a\\x1b[31m", "")
    assert len(lines) == len(NAMES)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("module", ["commands", "doctor", "data/pair_tiles", "data/digit_folder"])
def test_where_names_are_printed_they_are_said(module: str) -> None:
    text = (Path(__file__).parents[1] / f"src/ganflow/{module}.py").read_text()
    assert "say(" in text
    assert " print(" not in text


def test_letters_that_the_terminal_lacks_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, encoding="iso-8859-1"))
    run_main(lambda: print("free space → é"))
    assert terminal.getvalue() == b"free space ? \xe9\n"


def test_what_is_not_json_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())
