"""Downloads against a local server that misbehaves in every way a real one does."""

import errno
import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_server import CONTENT, NAME, Server, serving

from ganflow.data import download, fetch
from ganflow.errors import UserError


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def mnist(folder: Path, *urls: str, content: bytes = CONTENT) -> None:
    fetch.fetch_mnist({NAME: digest(content)}, folder, urls)


def nothing_left(tmp_path: Path, folder: Path) -> bool:
    """No out, no temporary folder beside it, no file kept in data/.partial (locks aside)."""
    kept = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return not folder.exists() and not kept


def test_a_good_file_arrives_whole(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = CONTENT
    mnist(tmp_path / "raw", server.url)
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT
    assert not list((tmp_path / "data" / ".partial").glob(f"{NAME}"))


def test_a_download_cut_by_the_server_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = CONTENT
    server.cut_after = [300_000, 200_000]
    mnist(tmp_path / "raw", server.url)
    assert server.asked == ["", "bytes=300000-", "bytes=500000-"]
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_a_download_that_failed_goes_on_in_the_next_run(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = CONTENT
    server.cut_after = [100_000, 1, 1]
    with pytest.raises(UserError, match="not reachable"):
        mnist(tmp_path / "raw", server.url)
    assert not (tmp_path / "raw").exists()
    mnist(tmp_path / "raw", server.url)
    assert server.asked[-1] == "bytes=100002-"
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_taken_from_its_start(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = b"old" * 100_000
    server.cut_after = [1000, 0, 0]
    with pytest.raises(UserError):
        mnist(tmp_path / "raw", server.url)
    server.files[NAME], server.etag = CONTENT, '"two"'
    mnist(tmp_path / "raw", server.url)
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_a_server_that_ignores_ranges(server: Server, tmp_path: Path) -> None:
    server.files[NAME], server.ranges = CONTENT, False
    server.cut_after = [300_000]
    mnist(tmp_path / "raw", server.url)
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_a_whole_partial_file_is_used_without_another_byte(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = CONTENT
    partial = tmp_path / "data" / ".partial" / NAME
    partial.parent.mkdir(parents=True)
    partial.write_bytes(CONTENT)
    partial.with_name(f"{NAME}.source").write_text(f"{server.url}{NAME}\n{server.etag}")
    mnist(tmp_path / "raw", server.url)
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_a_flipped_byte_is_refused_by_digest(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = CONTENT[:-1] + b"\x00"
    with pytest.raises(UserError, match=f"no source gave {NAME} .*sha256 is .*, not {digest(CONTENT)}") as fault:
        mnist(tmp_path / "raw", server.url)
    assert "\n" not in str(fault.value)
    assert nothing_left(tmp_path, tmp_path / "raw")


def test_the_next_source_is_tried(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.files |= {f"bad/{NAME}": CONTENT[:-1] + b"\x00", f"good/{NAME}": CONTENT}
    mnist(tmp_path / "raw", f"{server.url}none/", f"{server.url}bad/", f"{server.url}good/")
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT
    said = capsys.readouterr().err
    assert "404" in said
    assert "another source gave" in said


def test_a_server_in_trouble_is_asked_again_one_that_refuses_is_not(server: Server, tmp_path: Path) -> None:
    server.files[NAME], server.refuse_with = CONTENT, [503, 500]
    mnist(tmp_path / "raw", server.url)
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT
    server.asked.clear()
    server.refuse_with = [403]
    with pytest.raises(UserError, match="403"):
        mnist(tmp_path / "other", server.url)
    assert len(server.asked) == 1


def test_every_reason_is_said_once(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError) as fault:
        mnist(tmp_path / "raw", f"{server.url}one/", f"{server.url}two/")
    assert (str(fault.value) + capsys.readouterr().err).count("one/") == 2  # where, and in the server's own words


def test_a_full_disk_costs_no_second_download(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files[NAME] = CONTENT

    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            mnist(tmp_path / "raw", server.url)
    mnist(tmp_path / "raw", server.url)
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={len(CONTENT)}-"], "the second time nothing was left to send"


def test_no_network_names_the_two_ways_on(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not reachable.*GANFLOW_MIRROR.*make demo") as fault:
        mnist(tmp_path / "raw", "http://127.0.0.1:1/")
    assert "\n" not in str(fault.value)
    assert nothing_left(tmp_path, tmp_path / "raw")


def test_a_mirror_that_cannot_be_read_gives_way_to_the_next_source(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mirror" / "mnist").mkdir(parents=True)
    (tmp_path / "mirror" / "mnist" / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("GANFLOW_MIRROR", str(tmp_path / "mirror"))
    server.files[NAME] = CONTENT
    whole = Path.open

    def forbidden(path: Path, *arguments: Any, **named: Any) -> Any:  # root may read everything: chmod shows nothing
        if path.is_relative_to(tmp_path / "mirror"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return whole(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", forbidden)
        mnist(tmp_path / "raw", server.url)
    assert "it cannot be read (Permission denied)" in capsys.readouterr().err
    assert server.asked == [""]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_mirror_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    (tmp_path / "mirror" / "mnist").mkdir(parents=True)
    (tmp_path / "mirror" / "mnist" / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("GANFLOW_MIRROR", f"{scheme}{tmp_path / 'mirror'}")
    mnist(tmp_path / "raw", "http://127.0.0.1:1/")
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_a_mirror_address_that_lacks_the_file_falls_back(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files[f"published/{NAME}"] = CONTENT
    monkeypatch.setenv("GANFLOW_MIRROR", f"{server.url}mirror/")
    mnist(tmp_path / "raw", f"{server.url}published/")
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT
    assert f"{server.url}mirror/mnist/{NAME}" in capsys.readouterr().err


# The maps archive

MEMBERS = {f"maps/{part}/{n}.jpg": f"{part} {n}".encode() * 50 for part in ("train", "val") for n in (1, 2, 3)}
MANIFEST = {name: digest(content) for name, content in MEMBERS.items()}


def archive(members: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for folder in ("maps", "maps/train"):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry in special:
            tar.addfile(entry)
    return buffer.getvalue()


def maps(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, test_pairs: int = 2) -> Path:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "maps.tar.gz").write_bytes(content)
    monkeypatch.setenv("GANFLOW_MIRROR", str(tmp_path / "mirror"))
    fetch.fetch_maps(MANIFEST, tmp_path / "raw", test_pairs, urls=[])
    return tmp_path / "raw"


def test_maps_are_unpacked_as_far_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = maps(tmp_path, archive(MEMBERS), monkeypatch)
    found = {str(path.relative_to(raw)): path.read_bytes() for path in raw.rglob("*.jpg")}
    assert found == {name.removeprefix("maps/"): MEMBERS[name] for name in MEMBERS if name != "maps/val/3.jpg"}


def test_maps_come_from_a_server_too(server: Server, tmp_path: Path) -> None:
    server.files["maps.tar.gz"] = archive(MEMBERS)
    server.cut_after = [len(server.files["maps.tar.gz"]) // 2]
    fetch.fetch_maps(MANIFEST, tmp_path / "raw", 3, urls=[server.url])
    assert len(list((tmp_path / "raw").rglob("*.jpg"))) == 6
    assert server.asked[-1].startswith("bytes=")


def link(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive(MEMBERS | {"../evil.jpg": b"x"}), r"'\.\./evil\.jpg'"),
        (archive(MEMBERS | {"/tmp/evil.jpg": b"x"}), r"'/tmp/evil\.jpg'"),
        (archive(MEMBERS | {"maps/train/4.jpg": b"x"}), r"'maps/train/4\.jpg'"),
        (archive(MEMBERS, link("maps/train/1.jpg", "/etc/passwd")), r"'maps/train/1\.jpg'"),
        (archive(MEMBERS | {"maps/val/2.jpg": b"flipped"}), r"sha256 of maps/val/2\.jpg"),
        (
            archive({name: content for name, content in MEMBERS.items() if "train" in name}),
            r"lacks 2 of 5 .*val/1\.jpg",
        ),
        (archive(MEMBERS)[:-60], "truncated or damaged"),
        (gzip.compress(b"no archive", mtime=0), "truncated or damaged"),
        (b"no gzip", "truncated or damaged"),
        (b"", "truncated or damaged"),
    ],
)
def test_an_archive_that_is_not_what_the_manifest_says_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    with pytest.raises(UserError, match=said) as fault:
        maps(tmp_path, content, monkeypatch)
    assert "\n" not in str(fault.value)
    assert not (tmp_path / "raw").exists()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == ["maps.tar.gz"]
    assert not Path("/tmp/evil.jpg").exists()


def test_an_earlier_download_survives_a_failed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = maps(tmp_path, archive(MEMBERS), monkeypatch)
    monkeypatch.setenv("GANFLOW_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(UserError):
        fetch.fetch_maps(MANIFEST, raw, 2, urls=[])
    assert len(list(raw.rglob("*.jpg"))) == 5


def test_a_manifest_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("only-one-word\n")
    for path in (tmp_path / "m", tmp_path / "none"):
        with pytest.raises(UserError, match="manifest"):
            fetch.read_manifest(path)
