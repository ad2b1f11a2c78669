"""Archives that announce more than they should: refused before any of it is read into memory."""

import gzip
import hashlib
import tarfile
from pathlib import Path

import pytest

from ganflow.data.download import SourceError
from ganflow.data.maps_archive import HEADERS, LARGEST, unpack

GOOD = "maps/train/1.jpg"
CONTENT = b"a picture" * 100
MANIFEST = {GOOD: hashlib.sha256(CONTENT).hexdigest()}


def entry(kind: bytes, size: int, content: bytes = b"", name: str = GOOD) -> bytes:
    """One entry as it lies in an archive: what its header announces, and what there is."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def refused(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "maps.tar.gz").write_bytes(gzip.compress(content, 1, mtime=0))
    with pytest.raises(SourceError) as fault:
        unpack(tmp_path / "maps.tar.gz", MANIFEST, {GOOD}, tmp_path)
    return str(fault.value)


PICTURE = entry(tarfile.REGTYPE, len(CONTENT), CONTENT)


def test_a_good_one_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "maps.tar.gz").write_bytes(gzip.compress(PICTURE + bytes(1024)))
    unpack(tmp_path / "maps.tar.gz", MANIFEST, {GOOD}, tmp_path)
    assert (tmp_path / "train/1.jpg").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [LARGEST + 1, 4 * 2**30, 100 * 10**9, 2**62])
@pytest.mark.parametrize(
    "kind",
    [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE],
    ids=["picture", "long name", "long link", "header", "header of all"],
)
def test_what_is_announced_as_huge_is_refused_unread(tmp_path: Path, kind: bytes, size: int) -> None:
    said = refused(tmp_path, entry(kind, size))
    assert "no picture of at most 8 MiB" in said if kind == tarfile.REGTYPE else f"at most {HEADERS - 512}" in said


def test_a_sparse_member_is_refused_however_small_the_file(tmp_path: Path) -> None:
    header = bytearray(entry(tarfile.GNUTYPE_SPARSE, 0))
    header[483:495] = b"%011o\0" % (8**10 * 12)  # the size that it unpacks to: 12 GB
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert "no picture of at most 8 MiB" in refused(tmp_path, bytes(header))


def test_entries_without_end_are_refused_at_the_second_of_a_name(tmp_path: Path) -> None:
    folder = entry(tarfile.DIRTYPE, 0, name="maps/train")
    assert "'maps/train' more than once" in refused(tmp_path, folder * 2000)
    assert f"{GOOD!r} more than once" in refused(tmp_path, PICTURE * 2000)


def test_headers_before_headers_without_end_are_refused(tmp_path: Path) -> None:
    """tarfile reads them by recursion."""
    assert "announces an entry" in refused(tmp_path, entry(tarfile.GNUTYPE_LONGNAME, 4, b"name") * 10_000)


def test_any_cut_and_any_flipped_bit_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(PICTURE + bytes(1024), mtime=0)
    damaged = [whole[:end] for end in range(0, len(whole) - 8, 7)]
    damaged += [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(10, len(whole))]
    for number, content in enumerate(damaged):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            (folder / "maps.tar.gz").write_bytes(content)
            unpack(folder / "maps.tar.gz", MANIFEST, {GOOD}, folder)
        except SourceError:
            continue
        assert (folder / "train/1.jpg").read_bytes() == CONTENT, "the flipped bit was in nothing that is read"


@pytest.mark.parametrize("value", [0x80, 0xFF])
def test_a_header_with_another_byte_is_refused_or_makes_no_difference(tmp_path: Path, value: int) -> None:
    """The checksum is right: somebody did it on purpose."""
    for at in range(0, 512, 4):
        header = bytearray(PICTURE[:512])
        header[at] = value
        header[148:156] = b"        "
        header[148:156] = b"%06o\0 " % sum(header)
        (tmp_path / "maps.tar.gz").write_bytes(gzip.compress(bytes(header) + PICTURE[512:] + bytes(1024), 1))
        try:
            unpack(tmp_path / "maps.tar.gz", MANIFEST, {GOOD}, tmp_path)
        except SourceError:
            continue
        assert (tmp_path / "train/1.jpg").read_bytes() == CONTENT
