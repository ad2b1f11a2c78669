"""The layouts that people have, found by the names of the files alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ganflow.data.digit_folder import list_digits
from ganflow.data.pair_folder import list_pairs, list_pictures
from ganflow.data.unpaired_folder import list_unpaired
from ganflow.errors import UserError

N = range(1, 12)
LAYOUTS: dict[str, tuple[list[str], tuple[str, str], set[str]]] = {  # files, names of A and B, parts
    "side by side": ([f"{n}.jpg" for n in N], ("left", "right"), {""}),
    "side by side, split": (
        [f"{part}/{n}.jpg" for part in ("train", "val") for n in N],
        ("left", "right"),
        {"train", "val"},
    ),
    "two folders": (
        [f"images/{n:03}.png" for n in N] + [f"masks/{n:03}.tif" for n in N],
        ("images", "masks"),
        {""},
    ),
    "names with parts of their own": (
        [f"{part}/images/{n}_{part}.tif" for part in ("training", "test") for n in N]
        + [f"{part}/1st_manual/{n}_manual1.gif" for part in ("training", "test") for n in N],
        ("1st_manual", "images"),
        {"train", "test"},
    ),
    "left and right": ([f"{eye}_{n}.jpg" for eye in "lr" for n in N], ("l", "r"), {""}),
    "one folder, two words": ([f"{n}_{kind}.png" for kind in ("photo", "label") for n in N], ("label", "photo"), {""}),
    "trainA, trainB": (
        [f"{part}{side}/{n}.jpg" for part in ("train", "test") for side in "AB" for n in N],
        ("A", "B"),
        {"train", "test"},
    ),
    "the split inside the sides": (
        [f"{side}/{part}/{n}.jpg" for part in ("train", "dev") for side in "AB" for n in N],
        ("A", "B"),
        {"train", "val"},
    ),
    "images_train, labels_train": (
        [f"{kind}_{part}/x{n}.png" for kind in ("images", "labels") for part in ("train", "val") for n in N],
        ("images", "labels"),
        {"train", "val"},
    ),
    "folders within the sides": (
        [f"{kind}/{place}/{n}.png" for kind in ("images", "masks") for place in ("park", "sea") for n in N],
        ("images", "masks"),
        {""},
    ),
    "names with spaces, of any language": (
        [f"Größe – {kind}/Bild {n}.{suffix}" for kind, suffix in (("nachher", "PNG"), ("vorher", "jpeg")) for n in N],
        ("Größe – nachher", "Größe – vorher"),
        {""},
    ),
    "a word in the names of one side": (
        [f"ISIC_{n:07}{kind}" for kind in (".jpg", "_segmentation.png") for n in N],
        ("picture", "segmentation"),
        {""},
    ),
    "the same numbers in each part": (
        [f"{part}/{n}_{kind}" for part in ("train", "valid") for kind in ("mask.png", "sat.jpg") for n in N],
        ("mask", "sat"),
        {"train", "val"},
    ),
    "a folder for each pair": (
        [f"scene{n}/{kind}.png" for kind in ("depth", "rgb") for n in N],
        ("depth", "rgb"),
        {""},
    ),
    "scenes above the sides": (
        [f"train/GOPR{scene}/{kind}/{n}.png" for scene in (7, 8) for kind in ("blur", "sharp") for n in N],
        ("blur", "sharp"),
        {"train"},
    ),
    "sets above the sides": (
        [f"our485/{kind}/{n}.png" for kind in ("dark", "lit") for n in N]
        + [f"eval15/{kind}/{n + 20}.png" for kind in ("dark", "lit") for n in N],
        ("dark", "lit"),
        {""},
    ),
    "train and trainannot": (
        [f"{part}{kind}/{n}.png" for part in ("train", "val", "test") for kind in ("", "annot") for n in N],
        ("pairs", "annot"),
        {"train", "val", "test"},
    ),
    "one level deeper, with a Mac's files": (
        [f"My Data/{kind}/{n}.png" for kind in ("images", "masks") for n in N],
        ("images", "masks"),
        {""},
    ),
    "masks in a folder beside the pictures": (
        [f"{n}.JPG" for n in N] + [f"masks/{n:02}.png" for n in N],
        ("pairs", "masks"),
        {""},
    ),
}


def folder_of(tmp_path: Path, names: list[str]) -> Path:
    folder = tmp_path / "pairs"
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_picture_finds_its_partner(tmp_path: Path, layout: str) -> None:
    names, sides, parts = LAYOUTS[layout]
    found = list_pairs(folder_of(tmp_path, names))
    assert not found.problems
    assert found.names == sides
    assert {pair.part for pair in found.pairs} == parts
    assert sorted(str(file) for pair in found.pairs for file in pair.files) == sorted(names)
    assert len({pair.name for pair in found.pairs}) == len(found.pairs)
    for pair in found.pairs:  # the same number in both names, not a shifted one, and of one scene
        numbers = {"".join(filter(str.isdigit, file.stem.split("manual")[0])).lstrip("0") for file in pair.files}
        assert len(numbers) == 1, pair
        assert len({part for file in pair.files for part in file.parts if part.startswith(("GOPR", "scene"))}) <= 1


def test_strays_are_passed_over_and_pictures_without_a_partner_named(tmp_path: Path) -> None:
    names = [f"a/{n}.png" for n in N] + [f"b/{n}.png" for n in N if n != 4]
    strays = [".DS_Store", "a/Thumbs.db", "notes.txt", ".git/1.png", "__MACOSX/a/._1.png"]
    found = list_pairs(folder_of(tmp_path, names + strays))
    assert sorted(map(str, found.passed_over)) == sorted(strays)
    assert found.problems == {Path("a/4.png"): "has no partner in b"}
    assert len(found.pairs) == 10


def test_of_two_files_with_one_name_neither_is_taken(tmp_path: Path) -> None:
    found = list_pairs(folder_of(tmp_path, ["a/1.png", "a/1.jpg", "b/1.png", "a/2.png", "b/2.png"]))
    assert [pair.name for pair in found.pairs] == ["2"]
    assert set(found.problems) == {Path("a/1.png"), Path("a/1.jpg"), Path("b/1.png")}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["notes.txt"], "holds no pictures"),
        ([f"{side}/{n}.png" for side in "abc" for n in N], r"3 places \(a: 11, b: 11, c: 11\)"),
    ],
)
def test_a_folder_without_two_sides_is_refused(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        list_pairs(folder_of(tmp_path, names))


@pytest.mark.parametrize("name", [b"two\nlines", b"\x1b[2J", b"\xff"])
@pytest.mark.parametrize("look", [list_pairs, list_unpaired, list_pictures, list_digits])
def test_a_name_that_no_list_can_hold_is_refused(tmp_path: Path, name: bytes, look: Callable[[Path], object]) -> None:
    odd = os.fsdecode(name)
    with pytest.raises(UserError, match="rename the file or folder"):
        look(folder_of(tmp_path, [f"a/{odd}/1.png", f"b/{odd}/1.png"]))


@pytest.mark.parametrize("look", [list_pairs, list_pictures, list_unpaired, list_digits])
def test_a_link_to_a_folder_is_refused(tmp_path: Path, look: Callable[[Path], object]) -> None:
    """Else the other side is taken for side-by-side pairs, and DVC sees nothing of what changes behind the link."""
    for side in "ab":
        (tmp_path / f"else where/{side}").mkdir(parents=True)
        (tmp_path / f"else where/{side}/1.png").touch()
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a").symlink_to(tmp_path / "else where/a")
    (tmp_path / "else where/b").rename(folder / "b")
    with pytest.raises(UserError, match="mine/a is a link to a folder, and DVC does not look behind it") as fault:
        look(folder)
    assert str(fault.value).endswith(f"rm {folder}/a && cp -r '{tmp_path}/else where/a' {folder}/a")
    (folder / "a").rename(folder / ".hidden")
    (folder / "b/1.png").unlink()
    (folder / "b/1.png").symlink_to(tmp_path / "else where/a/1.png")  # DVC reads a file behind a link
    (folder / "c").mkdir()
    (folder / "c/1.png").touch()
    look(folder)
    (tmp_path / "link").symlink_to(folder)
    look(tmp_path / "link")


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        list_pairs(tmp_path / "none")
