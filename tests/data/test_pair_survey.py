"""What the files of a folder are read as: no picture is lost because of what happens to be in it."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.data import prepared
from ganflow.data.kinds import Kind
from ganflow.data.pair_folder import list_pairs
from ganflow.data.pair_survey import Survey, read_sides, survey
from ganflow.data.pair_tiles import prepare_pairs

SIDE, COUNT = 32, 8


def photo(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def areas(n: int, low: int, high: int) -> np.ndarray:
    """A picture of squares of whole numbers from `low` to `high`."""
    squares = np.random.default_rng(n).integers(low, high + 1, (4, 4))
    return squares.repeat(8, axis=0).repeat(8, axis=1)


def write(path: Path, pixels: np.ndarray | Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(pixels, Image.Image):
        pixels.save(path)
    elif path.suffix == ".npy":
        np.save(path, pixels)
    else:
        Image.fromarray(pixels).save(path)


def read(folder: Path, no_data: str = "auto") -> Survey:
    for n in range(COUNT):
        write(folder / f"images/{n}.png", photo(n))
    return survey(list_pairs(folder), no_data=no_data)


def test_a_label_picture_of_background_alone_is_one_of_the_coloured_labels(tmp_path: Path) -> None:
    for n in range(COUNT):  # most are black everywhere, which Pillow and others store as grey
        indices = np.zeros((SIDE, SIDE), np.uint8)
        indices[8:20, 8:20] = 0 if n % 4 else 1 + n // 4
        picture = Image.fromarray(indices).convert("P")
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        write(tmp_path / f"masks/{n}.png", picture)
    found = read(tmp_path)
    assert len(found.pairs) == COUNT
    assert not found.problems
    masks = found.sides[1]
    assert masks.classes is not None
    assert masks.channels == 3
    assert [one["name"] for one in masks.classes] == ["#000000", "#008000", "#800000"]


def test_a_grey_class_that_only_grey_label_pictures_have_is_a_class(tmp_path: Path) -> None:
    for n in range(COUNT):
        colours = np.zeros((SIDE, SIDE, 3), np.uint8)
        colours[:, n:] = (200, 0, 0)
        grey = np.where(np.arange(SIDE) < 9, 128, 0).astype(np.uint8)[None].repeat(SIDE, 0)
        write(tmp_path / f"masks/{n}.png", grey if n == 0 else colours)
    classes = read(tmp_path).sides[1].classes
    assert classes is not None
    assert [one["name"] for one in classes] == ["#000000", "#808080", "#c80000"]


def test_one_coloured_photo_among_grey_ones_is_named(tmp_path: Path) -> None:
    for n in range(COUNT):
        write(tmp_path / f"photos/{n}.png", photo(n + 99) if n == 0 else photo(n + 99)[..., 0])
    assert read(tmp_path).problems == {
        Path("photos/0.png"): "has 3 channels of uint8, where most have 1 of uint8",
    }


@pytest.mark.parametrize("below", [2, COUNT - 2])  # of the files, how many have a value below 0
def test_integers_are_one_kind_whether_a_file_has_values_below_0_or_not(
    tmp_path: Path, below: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(COUNT):
        values = np.random.default_rng(n).integers(-1000 if n < below else 0, 3000, (SIDE, SIDE)).astype(np.int16)
        write(tmp_path / f"scans/ct/{n}.npy", values)
        write(tmp_path / f"scans/images/{n}.npy", photo(n))
    read_set = survey(list_pairs(tmp_path / "scans"))
    assert len(read_set.pairs) == COUNT
    assert not read_set.problems
    scans = read_set.sides[0]
    assert (scans.name, scans.dtype, scans.classes) == ("ct", "float32", None)
    monkeypatch.chdir(tmp_path)
    prepare_pairs(tmp_path / "scans", prepared.PREPARED / "maps", SIDE, True, 0)
    kind = Kind(**prepared.sides("a2b")[0])
    names = [pair.name for pair in read_set.pairs]
    for part in ("train", "val", "test"):
        levels = prepared.pairs(part, "a2b")[0]
        cut = [name.split(" at ")[0] for name in _names(part)]
        for one, name in zip(levels, cut, strict=True):
            stored = read_sides(tmp_path / "scans", read_set.pairs[names.index(name)])[0].pixels
            assert np.allclose(kind.values(np.array(one)), stored, atol=0.01)


def _names(part: str) -> list[str]:
    return json.loads((prepared.PREPARED / "maps/names.json").read_text(encoding="utf-8"))[part]


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_numbers_of_classes_are_labels_in_any_type(tmp_path: Path, dtype: type) -> None:
    for n in range(COUNT):
        write(tmp_path / f"labels/{n}.npy", areas(n, 0, 4).astype(dtype))
    classes = read(tmp_path).sides[1].classes
    assert classes is not None
    assert [one["value"] for one in classes] == [[0], [1], [2], [3], [4]]


def test_a_number_below_0_that_is_no_class_is_asked_about_and_left_out(tmp_path: Path) -> None:
    for n in range(COUNT):  # one has none of it: alone it would be 16 bits
        write(tmp_path / f"labels/{n}.npy", areas(n, 0 if n == 3 else -1, 4))
    seen = read(tmp_path)
    assert len(seen.pairs) == COUNT
    assert seen.sides[1].classes is None
    assert "is -1 no data? `--no-data -1` leaves it out (pairs.no_data=-1)" in seen.sides[1].notes
    classes = read(tmp_path, no_data="-1").sides[1].classes
    assert classes is not None
    assert [one["value"] for one in classes] == [[0], [1], [2], [3], [4]]


def test_a_value_of_no_data_is_in_no_range(tmp_path: Path) -> None:
    for n in range(COUNT):
        heights = np.full((SIDE, SIDE), 700.5, np.float32)
        heights[0, :3] = -9999, 100, 900
        write(tmp_path / f"z/{n}.npy", heights)
    side = read(tmp_path, no_data="-9999").sides[1]
    assert (side.low, side.high) == (0, 65535)
    assert side.no_data > 0


def test_a_range_that_files_state_is_taken_where_it_holds_their_values(tmp_path: Path) -> None:
    for largest, expected in ((4095, 4095), (255, 1023)):
        folder = tmp_path / str(largest)
        for n in range(COUNT):
            (folder / "scans").mkdir(parents=True, exist_ok=True)
            values = np.random.default_rng(n).integers(0, 1000, (SIDE, SIDE)).astype(np.uint16)
            tifffile.imwrite(folder / f"scans/{n}.tif", values, extratags=[(281, "H", 1, largest, True)])
        assert read(folder).sides[1].high == expected


def test_labels_of_too_many_classes_are_asked_about_and_photos_are_not(tmp_path: Path) -> None:
    for n in range(COUNT):
        numbers = np.arange(16, dtype=np.uint8).reshape(2, 8) + np.uint8(5 * n)  # 51 classes in all
        write(tmp_path / f"labels/{n}.png", numbers.repeat(16, axis=0).repeat(4, axis=1))
    photos, numbered = read(tmp_path).sides
    asked = "numbers of more than 32 classes? They are seen as amounts: merge some classes"
    assert asked in numbered.notes
    assert asked not in photos.notes
