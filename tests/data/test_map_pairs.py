import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow.data import map_pairs
from ganflow.errors import UserError

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
NAMES = [f"train/{n}.jpg" for n in range(1, 21)]


def picture(path: Path, width: int = 128, height: int = 64) -> Path:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (60, 80, 50)
    pixels[:, width // 2 :] = (230, 230, 220)
    Image.fromarray(pixels).save(path)
    return path


def test_split_parts_the_names_and_depends_on_the_seed_alone() -> None:
    train, val = map_pairs.split(NAMES, 5, seed=0)
    assert len(val) == 5
    assert sorted(train + val) == sorted(NAMES)
    assert map_pairs.split(NAMES, 5, seed=0) == (train, val)
    assert map_pairs.split(NAMES, 5, seed=1) != (train, val)


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(UserError, match=r"maps\.val_pairs = 20"):
        map_pairs.split(NAMES, 20, seed=0)


def test_the_left_half_is_the_aerial_photo(tmp_path: Path) -> None:
    pair = map_pairs.read_pair(picture(tmp_path / "1.png"), 32)
    assert pair.shape == (2, 32, 32, 3)
    assert (pair[0] == (60, 80, 50)).all()
    assert (pair[1] == (230, 230, 220)).all()


@pytest.mark.parametrize(
    ("width", "height", "said"), [(100, 64, "not a pair"), (64, 64, "not a pair"), (40, 20, "less than the 32 px")]
)
def test_a_picture_that_is_not_a_pair_is_refused_by_name(tmp_path: Path, width: int, height: int, said: str) -> None:
    path = picture(tmp_path / "odd.png", width, height)
    with pytest.raises(UserError, match=f"odd.png.*{said}"):
        map_pairs.read_pair(path, 32)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 cut jpeg"])
def test_what_is_no_image_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.jpg").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.jpg is not a readable image"):
        map_pairs.read_pair(tmp_path / "bad.jpg", 32)


def test_a_truncated_picture_is_refused_by_name(tmp_path: Path) -> None:
    path = picture(tmp_path / "cut.png")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"cut\.png is not a readable image"):
        map_pairs.read_pair(path, 32)


def test_write_pairs_keeps_the_order_and_names_the_bad_one(tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{n}.png") for n in range(5)]
    Image.new("RGB", (128, 64), (n := 7, n, n)).save(paths[3])
    map_pairs.write_pairs(tmp_path / "out.npy", paths, 32)
    array = np.load(tmp_path / "out.npy")
    assert array.shape == (5, 2, 32, 32, 3)
    assert (array[3] == 7).all()
    assert (array[2, 0] == (60, 80, 50)).all()
    paths[4].write_bytes(b"")
    with pytest.raises(UserError, match=r"4\.png"):
        map_pairs.write_pairs(tmp_path / "out.npy", paths, 32)


def test_a_disk_that_is_full_is_an_error_and_no_bus_error(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk."""
    script = """
import resource, signal
from pathlib import Path
from ganflow import errors
from ganflow.data.map_pairs import write_pairs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
errors.run_main(lambda: write_pairs(Path("out.npy"), [Path("1.png")], 64))
"""
    picture(tmp_path / "1.png")
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error: the disk is full")
