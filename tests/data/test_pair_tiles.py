"""A folder of pairs becomes arrays: files that cannot be used are named, values keep their range, splits are sane."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from dvc.utils.hydra import to_hydra_overrides
from PIL import Image

from ganflow.data import pair_check, pair_tiles, prepared
from ganflow.data.pair_folder import MANIFEST, Pair, list_pairs
from ganflow.data.pair_survey import survey
from ganflow.errors import UserError

SIDE = 40


def photo(seed: int, width: int = SIDE, height: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(30, 220, (height, width, 3), np.uint8)


def mask(seed: int, width: int = SIDE, height: int = SIDE) -> np.ndarray:
    return photo(seed, width, height)[..., 0] > 120


def cells(folder: Path, count: int = 10) -> Path:
    """`count` pairs: images/N.png, RGB, and masks/N.png, 1 bit."""
    for n in range(count):
        for kind, pixels in (("images", photo(n)), ("masks", mask(n))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{n}.png")
    return folder


def save(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels).save(path)


def cut(folder: Path) -> None:
    path = folder / "images/3.png"
    path.write_bytes(path.read_bytes()[:200])


def twice(folder: Path) -> None:
    for kind in ("images", "masks"):
        shutil.copy(folder / kind / "3.png", folder / kind / "8.png")


def bands(folder: Path) -> None:
    (folder / "images/3.png").unlink()
    five = np.dstack([photo(3), photo(4)[..., :2]])
    tifffile.imwrite(folder / "images/3.tif", five, photometric="minisblack", planarconfig="contig")


def stack(folder: Path) -> None:
    (folder / "images/3.png").unlink()
    tifffile.imwrite(folder / "images/3.tif", np.zeros((30, SIDE, SIDE), np.float32))


def infinite(folder: Path) -> None:
    (folder / "images/3.png").unlink()
    np.save(folder / "images/3.npy", np.full((SIDE, SIDE, 3), np.inf, np.float32))


TROUBLE: dict[str, tuple[str, Callable[[Path], object]]] = {  # what is said: the file named, what was done
    "has no partner in masks": ("images/3.png", lambda folder: (folder / "masks/3.png").unlink()),
    "not a readable picture: no known format": ("masks/3.png", lambda folder: (folder / "masks/3.png").write_text("x")),
    "not a readable picture": ("images/3.png", cut),
    "is 44x40, its partner": ("images/3.png", lambda folder: save(photo(3, 44), folder / "images/3.png")),
    "has 5 channels of uint8, where most have 3": ("images/3.tif", bands),
    "of uint16, where most": ("masks/3.png", lambda folder: save(mask(3) * np.uint16(9000), folder / "masks/3.png")),
    "is the same pair as images/3.png": ("images/8.png", twice),
    "has the same name as": ("images/3.jpg", lambda folder: save(photo(3), folder / "images/3.jpg")),
    "stack": ("images/3.tif", stack),
    "it has no data in any pixel": ("images/3.npy", infinite),
}


@pytest.mark.parametrize("said", TROUBLE)
def test_a_picture_that_cannot_be_used_is_named_and_nothing_half_prepared_remains(tmp_path: Path, said: str) -> None:
    name, make = TROUBLE[said]
    folder, out = cells(tmp_path / "cells"), tmp_path / "prepared/maps"
    make(folder)
    out.mkdir(parents=True)
    (out / "earlier").touch()
    with pytest.raises(UserError, match=said) as refused:
        pair_tiles.prepare_pairs(folder, out, 32, True, seed=0)
    assert str(folder / name) in str(refused.value)
    assert "ganflow pairs check" in str(refused.value)
    assert [path.name for path in out.parent.rglob("*")] == ["maps", "earlier"]

    read = survey(list_pairs(folder))
    assert said in read.problems[Path(name)]
    assert len(read.pairs) == 9
    # The check accepts the rest, and the manifest says so to the stage.
    pair_check.write_manifest(read)
    pair_tiles.prepare_pairs(folder, out, 32, True, seed=0)
    assert sum(prepared_counts(out).values()) == 9 * 4


def test_microscope_pictures_with_1_bit_masks(tmp_path: Path) -> None:
    """Three of ../shared/data/pairs/cells, in the public domain: RGBA, all opaque, of two sizes."""
    read = survey(list_pairs(Path(__file__).parent / "cells"))
    assert not read.problems
    assert not read.suspicious
    photos, masks = read.sides
    assert (photos.name, photos.channels, photos.classes, photos.notes) == ("images", 3, None, ())
    assert masks.classes is not None
    assert [one["colour"] for one in masks.classes] == [[0], [255]]


def prepared_counts(out: Path) -> dict[str, int]:
    return {part: len(np.load(out / f"{part}.npy")) for part in ("train", "val", "test")}


def test_all_trouble_at_once_is_listed_file_by_file(tmp_path: Path) -> None:
    folder = cells(tmp_path / "cells", 14)
    (folder / "masks/0.png").unlink()
    (folder / "images/1.png").write_bytes(b"")
    save(photo(2, 44), folder / "images/2.png")
    twice(folder)
    (folder / ".DS_Store").touch()
    save(np.zeros((SIDE, SIDE, 3), np.uint8), folder / "images/6.png")
    text = "\n".join(pair_check.findings(survey(list_pairs(folder)), seed=0))
    for said in (
        "10 pairs that can be used",
        "A = images: RGB, 8 bits",
        "B = masks: grey, 8 bits, labels of 2 classes (0, 255)",
        ".DS_Store",
        "images/0.png has no partner in masks",
        "images/1.png is not a readable picture",
        "images/2.png is 44x40, its partner masks/2.png 40x40",
        "images/8.png is the same pair as images/3.png",
        "6: A is blank",
    ):
        assert said in text, text


def test_a_file_that_is_not_the_manifests_is_refused(tmp_path: Path) -> None:
    folder = cells(tmp_path / "cells")
    pair_check.write_manifest(survey(list_pairs(folder)))
    save(photo(99), folder / "images/3.png")
    with pytest.raises(
        UserError, match=r"images/3.png is not the file of the folder's manifest.sha256: `ganflow pairs"
    ):
        pair_tiles.prepare_pairs(folder, tmp_path / "out", 32, True, seed=0)
    (folder / "images/3.png").unlink()
    with pytest.raises(UserError, match="missing"):
        pair_tiles.prepare_pairs(folder, tmp_path / "out", 32, True, seed=0)
    assert not (tmp_path / "out").exists()
    assert (folder / MANIFEST).read_text().count("\n") == 20


def test_pictures_of_any_size_are_cut_and_small_ones_mirrored(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    folder.mkdir()
    for n, (width, height) in enumerate([(32, 32), (70, 40), (20, 25), (64, 32)]):
        save(np.concatenate([photo(n, width, height), 255 - photo(n, width, height)], axis=1), folder / f"{n}.png")
    pair_tiles.prepare_pairs(folder, tmp_path / "out", 32, True, seed=0)
    names = prepared_names(tmp_path / "out")
    corners = {"0": ["0,0"], "1": ["0,0", "32,0", "38,0", "0,8", "32,8", "38,8"], "2": ["0,0"], "3": ["0,0", "32,0"]}
    assert set(names) == {f"{number} at {corner}" for number, those in corners.items() for corner in those}
    for name, tile in names.items():
        number, _, corner = name.partition(" at ")
        left, top = map(int, corner.split(","))
        whole = photo(int(number), *[(32, 32), (70, 40), (20, 25), (64, 32)][int(number)])
        whole = np.pad(whole, ((0, max(0, 32 - whole.shape[0])), (0, max(0, 32 - whole.shape[1])), (0, 0)), "symmetric")
        assert np.array_equal(tile[..., :3], whole[top : top + 32, left : left + 32])
        assert np.array_equal(tile[..., 3:6], 255 - tile[..., :3])
        # What is mirrored is no data of either side.
        assert tile[..., 6:].sum() == 2 * (20 * 25 if number == "2" else 32 * 32)
        assert tile[: 25 if number == "2" else 32, : 20 if number == "2" else 32, 6:].all()


def prepared_names(out: Path) -> dict[str, np.ndarray]:
    names = json.loads((out / "names.json").read_text())
    return {
        name: tile
        for part in ("train", "val", "test")
        for name, tile in zip(names[part], np.load(out / f"{part}.npy"), strict=True)
    }


def test_more_than_8_bits_are_stored_as_levels_that_give_the_values_back(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    rng = np.random.default_rng(0)
    for kind in ("depth", "bands"):
        (folder / kind).mkdir(parents=True)
    originals = {}
    for n in range(6):
        depth = rng.integers(0, 65536, (32, 32), np.uint16)
        bands = rng.integers(0, 4096, (32, 32, 4), np.uint16)
        Image.fromarray(depth).save(folder / f"depth/{n}.png")
        tifffile.imwrite(folder / f"bands/{n}.tif", bands, photometric="minisblack", planarconfig="contig")
        originals[f"{n} at 0,0"] = np.dstack([bands, depth])  # A is the first by name
    out = tmp_path / "out"
    pair_tiles.prepare_pairs(folder, out, 32, True, seed=0)
    assert np.load(out / "train.npy").dtype == np.float32
    for name, tile in prepared_names(out).items():
        high = np.array([4095] * 4 + [65535])
        assert np.array_equal((tile.astype(np.float64) / 255 * high).round(), originals[name])


@pytest.mark.parametrize(
    "parts",
    [{"": 20}, {"": 3}, {"train": 15, "test": 5}, {"train": 15, "val": 5}, {"": 2000}, {"train": 50, "test": 500}],
)
def test_a_split_is_seeded_whole_and_sensible(parts: dict[str, int]) -> None:
    pairs = [Pair(f"{part}{n}", part, (Path(f"{n}.png"),)) for part, count in parts.items() for n in range(count)]
    found = pair_tiles.split_pairs(pairs, seed=3)
    assert found == pair_tiles.split_pairs(pairs, seed=3)
    assert sorted(pair.name for held in found.values() for pair in held) == sorted(pair.name for pair in pairs)
    assert all(found.values())
    assert len(found["train"]) >= max(len(found["val"]), 0 if "test" in parts else len(found["test"]))
    assert len(found["val"]) <= max(1, round(0.1 * sum(pair.part in ("", "train") for pair in pairs)))
    if "train" in parts:
        assert {pair.part for pair in found["test"]} == {"test" if "test" in parts else "val"}
        assert {pair.part for pair in found["val"]} == {"train"}
    if len(pairs) == 20 and parts == {"": 20}:
        assert {part: len(held) for part, held in found.items()} == {"train": 14, "val": 2, "test": 4}
        assert found != pair_tiles.split_pairs(pairs, seed=4)


def test_two_pairs_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 pairs are too few"):
        pair_tiles.prepare_pairs(cells(tmp_path / "cells", 2), tmp_path / "out", 32, True, seed=0)


def test_exchanged_and_shifted_pairs_are_suspicious(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    for n in range(9):
        shapes = np.zeros((96, 96), np.uint8)
        for top, left in np.random.default_rng(n).integers(8, 72, (6, 2)):
            shapes[top : top + 14, left : left + 10] = 160
        a, b = shapes // 4 + 20, 255 - shapes
        if n == 3:
            a, b = b, a
        if n == 5:
            b = np.roll(b, (12, 18), (0, 1))
        save(a, folder / f"a/{n}.png")
        save(b, folder / f"b/{n}.png")
    found = survey(list_pairs(folder)).suspicious
    assert set(found) == {"3", "5"}
    assert "exchanged" in found["3"]
    assert found["5"] == "B seems shifted by +18, +12 px (right, down) against A"


def test_what_to_set_suits_the_pictures(tmp_path: Path) -> None:
    read = survey(list_pairs(cells(tmp_path / "my cells", 20)))
    chosen = pair_check.settings(read, str(tmp_path / "my cells"), seed=0)
    assert (chosen["pairs.tile_size"], chosen["pairs.crop_size"], chosen["pairs.direction"]) == (32, 32, "a2b")
    line = pair_check.command(chosen, "report_pairs")
    assert line.startswith("dvc exp run -S pairs.folder='\"/")
    assert line.endswith(" report_pairs")


def test_sides_of_own_pairs_and_of_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pair_tiles.prepare_pairs(cells(tmp_path / "cells", 20), prepared.PREPARED / "maps", 32, True, seed=0)
    source, target = prepared.sides("a2b")
    assert (source["name"], source["channels"], source["classes"]) == ("images", 3, None)
    assert (target["name"], target["channels"]) == ("masks", 1)
    inputs, targets = prepared.pairs("val", "b2a")
    assert (inputs.shape[-1], targets.shape[-1]) == (1, 3)
    for part, count in (("val", 2), ("test", 4)):
        numbers = prepared.pictures(part)
        assert numbers is not None
        assert numbers.tolist() == [n for n in range(count) for _ in range(4)]
    np.save(prepared.PREPARED / "maps/val_pictures.npy", np.arange(8))
    assert prepared.pictures("val") is None, "a tile each: they are whole"
    assert prepared.common_colour("b2a").shape == (3,)


@pytest.mark.parametrize(
    "name", ["my cells", "größe", "a(1)", "it's", "a, b", "a=b", "2024", "x {y} [z]", 'say "cells"']
)
def test_dvc_reads_the_printed_command_for_a_folder_of_any_name(name: str) -> None:
    line = pair_check.command({"pairs.folder": name, "pairs.tile_size": 32, "pairs.no_data": "#e0e0c0"}, "report_pairs")
    _, _, _, _, folder, _, tile, _, no_data, _ = shlex.split(line)
    read = [override.value() for override in to_hydra_overrides([folder, tile, no_data])]
    assert [str(value) for value in read] == [name, "32", "#e0e0c0"]
    assert isinstance(read[0], str)
