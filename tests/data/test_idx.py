import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from ganflow.data import idx
from ganflow.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
LABELS = np.array([3, 1, 4, 1, 9], np.uint8)


def files(folder: Path) -> tuple[Path, Path]:
    return folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"


def write(folder: Path, images: bytes, labels: bytes) -> None:
    for path, content in zip(files(folder), (images, labels), strict=True):
        path.write_bytes(gzip.compress(content))


def image_bytes(count: int = 5, side: int = 28) -> bytes:
    return struct.pack(">4I", 2051, count, side, side) + IMAGES.tobytes()


def label_bytes(labels: np.ndarray = LABELS) -> bytes:
    return struct.pack(">2I", 2049, len(labels)) + labels.tobytes()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, image_bytes(), label_bytes())
    images, labels = idx.read_part(*files(tmp_path))
    assert np.array_equal(images, IMAGES)
    assert np.array_equal(labels, LABELS)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (image_bytes(count=6), label_bytes()),
        (image_bytes(side=27), label_bytes()),
        (image_bytes()[:-1], label_bytes()),
        (b"\x00\x00\x08\x01" + image_bytes()[4:], label_bytes()),
        (b"", label_bytes()),
        (image_bytes(), label_bytes(LABELS[:4])),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, images: bytes, labels: bytes) -> None:
    write(tmp_path, images, labels)
    with pytest.raises(UserError) as fault:
        idx.read_part(*files(tmp_path))
    assert str(tmp_path) in str(fault.value)
    assert "\n" not in str(fault.value)


def test_no_more_is_unpacked_than_any_set_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, image_bytes() + bytes(10**6), label_bytes())
    monkeypatch.setattr(idx, "MOST", 5000)
    with pytest.raises(UserError, match=r"holds 4984 pixels"):
        idx.read_part(*files(tmp_path))


def test_no_gzip_is_one_line(tmp_path: Path) -> None:
    write(tmp_path, image_bytes(), label_bytes())
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="cannot be read"):
        idx.read_part(*files(tmp_path))
