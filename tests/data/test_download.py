"""One address to one file: servers that are slow, endless, busy, or speak nonsense."""

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_server import CONTENT, NAME, Server, serving

from ganflow.data import download
from ganflow.data.download import SlowSourceError, SourceError
from ganflow.data.fetch import fetch_mnist
from ganflow.errors import UserError

DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        state.files[NAME] = CONTENT
        yield state


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(download.time, "sleep", seconds.append)
    return seconds


def fetched(server: Server, tmp_path: Path, *, patient: bool = False) -> bytes:
    file = tmp_path / NAME
    download.download(server.url + NAME, file, file.with_suffix(".source"), patient=patient)
    return file.read_bytes()


@pytest.mark.parametrize("length", ["abc", "-5", "", "1e6", "9" * 40, "²"])
def test_a_length_that_is_no_number_is_overlooked(server: Server, tmp_path: Path, length: str) -> None:
    server.headers["Content-Length"] = length
    assert fetched(server, tmp_path) == CONTENT


@pytest.mark.parametrize(
    ("status", "header", "waited"),
    [(429, {"Retry-After": "7"}, 7), (429, {"Retry-After": "1000000"}, 60), (429, {}, 1), (408, {}, 1), (503, {}, 1)],
)
def test_a_busy_server_is_asked_again_after_the_time_that_it_names(
    server: Server, tmp_path: Path, slept: list[float], status: int, header: dict[str, str], waited: float
) -> None:
    server.refuse_with, server.headers = [status], header
    assert fetched(server, tmp_path) == CONTENT
    assert slept == [0, waited]


def test_a_server_that_has_no_such_part_of_the_file_without_being_asked_for_one(server: Server, tmp_path: Path) -> None:
    server.refuse_with = [416]  # found by `make torture`
    assert fetched(server, tmp_path) == CONTENT


@pytest.mark.parametrize("address", ["http://[::1/", "http://", "http://:x/", "http://a..b/", "http://" + "a" * 99])
def test_an_address_that_is_none_is_a_source_that_gave_nothing(tmp_path: Path, address: str) -> None:
    with pytest.raises(SourceError, match="not reachable"):
        download.download(address, tmp_path / NAME, tmp_path / "source", patient=False)


def test_redirections_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.redirect = True
    with pytest.raises(SourceError, match="TooManyRedirects"):
        fetched(server, tmp_path)


def test_no_more_is_written_than_the_largest_file_has(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", len(CONTENT))
    assert fetched(server, tmp_path) == CONTENT
    (tmp_path / "other").mkdir()
    server.endless = True
    with pytest.raises(SourceError, match="sends more than"):
        fetched(server, tmp_path / "other")
    assert not (tmp_path / "other" / NAME).exists()
    server.endless, server.headers = False, {"Content-Length": str(10**14)}
    with pytest.raises(SourceError, match=r"announces 100,000\.0 GB"):
        fetched(server, tmp_path / "other")


def test_a_slow_source_is_left_for_another_one_or_waited_for_if_there_is_none(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(0, 1000)  # a piece takes a thousand seconds
    monkeypatch.setattr(download.time, "monotonic", lambda: next(clock))
    with pytest.raises(SlowSourceError, match=r"only .* kB a second"):
        fetched(server, tmp_path)
    assert fetched(server, tmp_path, patient=True) == CONTENT
    manifest = {NAME: DIGEST}
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / NAME).write_bytes(CONTENT)
    fetch_mnist(manifest, tmp_path / "raw", [server.url, f"{tmp_path / 'here'}/"])
    assert "another source gave" in capsys.readouterr().err
    fetch_mnist(manifest, tmp_path / "raw", [server.url, "http://127.0.0.1:1/"])
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_no_password_is_shown_or_kept(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.url.replace("http://", "http://me:hunter2@")
    monkeypatch.setenv("GANFLOW_MIRROR", f"{address}none")
    server.cut_after = [1000, 0, 0]
    with pytest.raises(UserError) as fault:
        fetch_mnist({NAME: "00"}, tmp_path / "raw", [address])
    said = str(fault.value) + "".join(capsys.readouterr())
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"://***@" in content for content in kept), "it was cut off, so its address is kept"
    assert said.count("://***@") >= 4
    assert "hunter2" not in said
    assert not any(b"hunter2" in content for content in kept)
