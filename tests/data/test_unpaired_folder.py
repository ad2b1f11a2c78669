"""Folders of pictures that do not belong together: of other counts and sizes, in the format of pairs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow.data import pair_check, prepared
from ganflow.data.pair_folder import list_pairs
from ganflow.data.trivial_answers import median_colour
from ganflow.data.unpaired_folder import has_no_pairs, list_unpaired, prepare_unpaired, sizes_of
from ganflow.errors import UserError


def save(path: Path, value: int, size: tuple[int, int] = (40, 32), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, (value,) * 3 if mode == "RGB" else value).save(path)


def zoo(folder: Path) -> Path:
    """Ten horses and four zebras under names of their own, of several sizes; one zebra is grey."""
    for n in range(10):
        save(folder / f"horses/h{n}x.png", n, size=(40, 32) if n % 2 else (64, 32))
    for n, name in enumerate(("anna", "berta", "carla", "dora")):
        save(folder / f"zebras/{name}.png", 100 + n, size=(20, 20), mode="L" if n == 3 else "RGB")
    return folder


def test_two_folders_without_common_names_have_no_pairs(tmp_path: Path) -> None:
    assert has_no_pairs(list_pairs(zoo(tmp_path / "zoo")))
    for n in range(4):
        save(tmp_path / f"pairs/a/{n}.png", n)
        save(tmp_path / f"pairs/b/{n}.png", n)
    assert not has_no_pairs(list_pairs(tmp_path / "pairs"))


def test_each_side_keeps_its_own_parts(tmp_path: Path) -> None:
    """trainA, trainB, testA and testB of the published sets."""
    for part, a, b in (("train", 5, 3), ("test", 2, 4)):
        for letter, count in (("A", a), ("B", b)):
            for n in range(count):
                save(tmp_path / f"{part}{letter}/{letter}{part}{n}.png", n)
    found = list_unpaired(tmp_path)
    assert [len(side) for side in found.sides] == [7, 7]
    assert [sum(one.part == "test" for one in side) for side in found.sides] == [2, 4]


def test_rows_hold_every_tile_and_the_smaller_side_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_unpaired(zoo(tmp_path / "zoo"), prepared.PREPARED / "maps", 32, seed=0)
    parts = {part: np.load(f"data/prepared/maps/{part}.npy") for part in ("train", "val", "test")}
    horses, zebras = (
        [{int(value) for value in rows[:, 0, 0, channel]} for rows in parts.values()] for channel in (0, 3)
    )
    assert set.union(*horses) == set(range(10))
    assert set.union(*zebras) == {100, 101, 102, 103}
    for side in (horses, zebras):
        assert sum(map(len, side)) == len(set.union(*side)), "no picture is in two parts"
    assert all((rows[..., :3] == rows[:, :1, :1, :1]).all() for rows in parts.values()), "small ones are mirrored"
    marks = parts["train"][:, 0, 0, 3].tolist()
    assert marks == (marks[:2] * len(marks))[: len(marks)], "two zebras, again and again"
    about = json.loads(Path("data/prepared/maps/training.json").read_text())
    assert about["unpaired"] is True
    assert about["train"] == len(marks)
    a, b = prepared.pairs("train", "a2b")
    assert about["tiles"]["train"] == [len(a), len(b)] == [len(marks), 2], "as sets, without the repeated rows"
    assert about["median"] == [median_colour(side[:, ::8, ::8]).tolist() for side in (a, b)]
    assert "test" not in about["tiles"], "nothing that a training reads changes with the test data"
    for side, numbers in zip((a, b), prepared.pictures_of_sides("train", "a2b"), strict=True):
        assert len({(int(n), int(tile[0, 0, 0])) for n, tile in zip(numbers, side, strict=True)}) == numbers.max() + 1
    assert [len(side) for side in prepared.pairs("train", "b2a")] == [2, len(marks)]
    assert [side["name"] for side in about["sides"]] == ["horses", "zebras"]


def test_what_to_type_suits_the_pictures(tmp_path: Path) -> None:
    found = list_unpaired(zoo(tmp_path / "zoo"))
    chosen = pair_check.settings_unpaired(found, sizes_of(found), seed=0)
    assert (chosen["pairs.unpaired"], chosen["pairs.tile_size"], chosen["pairs.crop_size"]) == ("true", 32, 32)
    said = pair_check.findings_unpaired(found, sizes_of(found), seed=0)
    assert "have no partners" in said[0]
    assert said[2].startswith("B = zebras: 4 pictures, 20x20 (4); split: train 2, val 1, test 1")


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    save(tmp_path / "one/only/1.png", 0)
    with pytest.raises(UserError, match="pictures in 1 places: without pairs it takes two folders, A and B"):
        list_unpaired(tmp_path / "one")
    deep = zoo(tmp_path / "zoo") / "horses/h0x.png"
    Image.fromarray(np.zeros((32, 40), np.uint16)).save(deep)
    with pytest.raises(UserError, match=r"h0x.png has 1 channels of uint16: without pairs, pictures are grey or RGB"):
        prepare_unpaired(tmp_path / "zoo", tmp_path / "out", 32, seed=0)
    assert not (tmp_path / "out").exists()


def test_a_copy_is_not_both_in_training_and_in_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = zoo(tmp_path / "zoo")
    for path in sorted(folder.glob("*/*.png")):
        shutil.copy(path, path.with_stem(f"{path.stem} copy"))
    prepare_unpaired(folder, prepared.PREPARED / "maps", 32, seed=0)
    names = json.loads(Path("data/prepared/maps/names.json").read_text())
    assert [sum(len(names[part][side]) for part in ("train", "val", "test")) for side in (0, 1)] == [10, 4]
