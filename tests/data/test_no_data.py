"""Pixels without data: found in files of every kind, prepared with a mask, and in no range, class or median."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.config import Pairs
from ganflow.data import derived, pair_check, pair_tiles, prepared
from ganflow.data.no_data import read_with_no_data
from ganflow.data.pair_folder import list_pairs
from ganflow.data.pair_survey import survey
from ganflow.data.pictures import read
from ganflow.errors import UserError

SIDE, TILE, COUNT = 64, 32, 6
GDAL = 42113


def hole(n: int) -> np.ndarray:
    """Where picture n has no data: its upper left tile, and a corner of another."""
    found = np.zeros((SIDE, SIDE), bool)
    found[:TILE, :TILE] = True
    found[-5 - n :, -7:] = True
    return found


def geotiff(path: Path, n: int, garbage: int) -> None:
    heights = np.random.default_rng(n).uniform(100, 900, (SIDE, SIDE)).astype(np.float32)
    heights[hole(n)] = -9999
    tifffile.imwrite(path.with_suffix(".tif"), heights, extratags=[(GDAL, "s", 0, "-9999", True)])


def nan(path: Path, n: int, garbage: int) -> None:
    heights = np.random.default_rng(n).uniform(0, 1, (SIDE, SIDE, 2)).astype(np.float32)
    heights[hole(n), n % 2] = (np.nan, np.inf, -np.inf)[garbage % 3]
    np.save(path.with_suffix(".npy"), heights)


def transparent(path: Path, n: int, garbage: int) -> None:
    colours = np.random.default_rng(n).integers(0, 256, (SIDE, SIDE, 4), np.uint8)
    colours[..., 3] = 255
    colours[hole(n)] = [garbage, 3, 200, 0]
    Image.fromarray(colours).save(path.with_suffix(".png"))


def void(path: Path, n: int, garbage: int) -> None:
    labels = np.random.default_rng(n).integers(0, 3, (SIDE, SIDE), np.uint8)
    labels[hole(n)] = 255
    Image.fromarray(labels).save(path.with_suffix(".png"))


def void_colour(path: Path, n: int, garbage: int) -> None:
    labels = np.random.default_rng(n).integers(0, 3, (SIDE, SIDE), np.uint8)
    labels[hole(n)] = 255
    picture = Image.fromarray(labels, mode="P")
    palette = np.zeros((256, 3), np.uint8)
    palette[[0, 1, 2, 255]] = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [224, 224, 192]]
    picture.putpalette(palette.tobytes())
    picture.save(path.with_suffix(".png"))


KINDS = {"auto": geotiff, " auto": nan, "alpha": transparent, "255": void, "#e0e0c0": void_colour}


def pairs_of(folder: Path, rule: str, garbage: int = 0) -> Path:
    for side in ("a photo", "b target"):
        (folder / side).mkdir(parents=True)
    for n in range(COUNT):
        photo = np.random.default_rng(100 + n).integers(1, 250, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(photo).save(folder / f"a photo/{n}.png")
        KINDS[rule](folder / f"b target/{n}", n, garbage)
    return folder


def prepare(folder: Path, out: Path, rule: str) -> dict[str, np.ndarray]:
    pair_tiles.prepare_pairs(folder, out, TILE, True, seed=0, no_data=rule.strip())
    names = json.loads((out / "names.json").read_text())
    return {
        name: tile
        for part in ("train", "val", "test")
        for name, tile in zip(names[part], np.load(out / f"{part}.npy"), strict=True)
    }


@pytest.mark.parametrize("rule", KINDS)
def test_a_mask_goes_with_the_tiles_of_the_side_that_has_holes(
    tmp_path: Path, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "data/prepared/maps"
    tiles = prepare(pairs_of(tmp_path / "pairs", rule), out, rule)
    # The upper left tile is wholly without data and left out.
    assert len(tiles) == 3 * COUNT
    assert not [name for name in tiles if name.endswith(" 0,0")]
    for name, tile in tiles.items():
        number, _, corner = name.partition(" at ")
        left, top = map(int, corner.split(","))
        assert np.array_equal(tile[..., -1] == 0, hole(int(number))[top : top + TILE, left : left + TILE])
        assert set(np.unique(tile[..., -1])) <= {0, 1}
    about = json.loads((out / "training.json").read_text())
    assert about["masks"] == [False, True]
    monkeypatch.chdir(tmp_path)
    inputs, targets = prepared.pairs("test", "a2b")
    assert (inputs.shape[-1], targets.shape[-1]) == prepared.channels()
    mask = prepared.has_data("test", "a2b")
    assert mask is not None
    assert np.array_equal(mask, np.load(out / "test.npy")[..., -1] > 0)
    assert prepared.has_data("test", "b2a") is None, "only the target's holes count"
    # A value that says "no data" is in no range and no class.
    classes = about["sides"][1]["classes"]
    if rule in ("255", "#e0e0c0"):
        assert [one["value"] for one in classes] in ([[0], [1], [2]], [[0, 0, 0], [0, 128, 0], [128, 0, 0]])
    elif rule == "auto":
        assert (about["sides"][1]["low"], about["sides"][1]["high"]) == (0, 65535), "which hold 100 to 900"


@pytest.mark.parametrize("rule", [" auto", "alpha"])
def test_what_is_under_the_mask_reaches_no_prepared_byte(tmp_path: Path, rule: str) -> None:
    prepared_twice = []
    for garbage in (1, 2):
        out = tmp_path / f"out {garbage}"
        prepare(pairs_of(tmp_path / str(garbage) / "pairs", rule, garbage), out, rule)
        prepared_twice.append(
            {
                path.name: path.read_bytes() for path in out.iterdir() if path.name != "names.json"
            }  # digests of the files
        )
    assert prepared_twice[0] == prepared_twice[1]


def test_the_check_says_how_much_has_no_data_and_passes_over_what_has_none(tmp_path: Path) -> None:
    folder = pairs_of(tmp_path / "pairs", "255")
    Image.fromarray(np.full((SIDE, SIDE), 255, np.uint8)).save(folder / "b target/3.png")
    read_folder = survey(list_pairs(folder), no_data="255")
    assert read_folder.problems == {Path("b target/3.png"): "has no data in any pixel"}
    text = "\n".join(pair_check.findings(read_folder, seed=0))
    share = 100 * np.mean([hole(n).mean() for n in range(COUNT) if n != 3])
    assert f"{share:.2g} % of the pixels have no data (in 5 pictures)" in text
    assert "labels of 3 classes (0, 1, 2)" in text


def test_files_that_do_not_say_it_have_data_everywhere_and_no_mask(tmp_path: Path) -> None:
    folder = pairs_of(tmp_path / "pairs", "255")
    tiles = prepare(folder, tmp_path / "out", "auto")
    assert {tile.shape[-1] for tile in tiles.values()} == {3 + 3}
    about = json.loads((tmp_path / "out/training.json").read_text())
    assert "masks" not in about
    assert len(about["sides"][1]["classes"]) == 4
    said = "\n".join(pair_check.findings(survey(list_pairs(folder)), seed=0))
    assert "pairs.no_data=255" in said, "255 beside 0, 1, 2 is void more often than a class"


def test_a_mask_whose_background_is_called_no_data_is_asked_about(tmp_path: Path) -> None:
    folder = pairs_of(tmp_path / "pairs", "255")
    for n in range(COUNT):
        (folder / f"b target/{n}.png").unlink()
        tifffile.imwrite(folder / f"b target/{n}.tif", np.uint8(9) * hole(n), extratags=[(GDAL, "s", 0, "0", True)])
    assert any("`--no-data none` keeps it" in note for note in survey(list_pairs(folder)).sides[1].notes)
    classes = survey(list_pairs(folder), no_data="none").sides[1].classes
    assert classes is not None
    assert [one["value"] for one in classes] == [[0], [9]]


def test_none_counts_the_value_of_the_tag_as_data_and_refuses_nan(tmp_path: Path) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5] = 255
    tifffile.imwrite(tmp_path / "mask.tif", mask, extratags=[(GDAL, "s", 0, "0", True)])
    assert read_with_no_data(tmp_path / "mask.tif", "auto").no_data is not None
    found = read_with_no_data(tmp_path / "mask.tif", "none")
    assert found.no_data is None
    assert np.array_equal(found.pixels[..., 0], mask)
    tifffile.imwrite(tmp_path / "empty.tif", 0 * mask, extratags=[(GDAL, "s", 0, "0", True)])
    assert not read_with_no_data(tmp_path / "empty.tif", "none").pixels.any(), "a mask of nothing"
    nan(tmp_path / "heights", 0, garbage=0)
    with pytest.raises(UserError, match=r"heights.npy has pixels without data, which pairs.no_data = none"):
        read_with_no_data(tmp_path / "heights.npy", "none")


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.array([[3.5, -3.4028234663852886e38]] * 2, np.float32), "-3.4028234663852886e+38"),
        (np.array([[7, -(2**31)]] * 2, np.int32), "-2147483648"),
        (np.array([[7, 65535]] * 2, np.uint16), "65535"),
        (np.array([[7, np.nan]] * 2, np.float64), "nan"),
    ],
)
def test_gdals_tag_is_read_in_the_pixels_own_type(tmp_path: Path, pixels: np.ndarray, said: str) -> None:
    tifffile.imwrite(tmp_path / "x.tif", pixels, extratags=[(GDAL, "s", 0, said, True)])
    found = read(tmp_path / "x.tif")
    assert found.no_data is not None
    assert found.no_data.tolist() == [[False, True]] * 2
    assert np.isfinite(found.pixels).all()
    assert found.high <= 255


def test_a_derived_task_learns_only_where_the_picture_has_data(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for n in range(4):
        transparent(tmp_path / f"pictures/{n}", n, garbage=9)
    derived.prepare_derived(tmp_path / "pictures", tmp_path / "out", TILE, "denoise", seed=0, no_data="alpha")
    train = np.load(tmp_path / "out/train.npy")
    assert train.shape[-1] == 3 + 3 + 1
    assert (train[..., -1] == 0).any()
    assert (train[train[..., -1] == 0][:, 3:6] == 255).all()
    assert json.loads((tmp_path / "out/training.json").read_text())["masks"] == [False, True]


@pytest.mark.parametrize(("value", "kept"), [(255, "255"), (-9999.5, "-9999.5"), ("#e0e0c0", "#e0e0c0")])
def test_the_parameter_takes_numbers_as_yaml_reads_them(value: object, kept: str) -> None:
    own = {"folder": "mine", "direction": "a2b", "crop_size": 32, "tile_size": 64, "labels": "auto"}
    assert Pairs(**own | {"derive": "none", "unpaired": False, "no_data": value}).no_data == kept  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes auto, alpha, none, a number such as 255, or a colour"):
        Pairs(**own | {"derive": "none", "unpaired": False, "no_data": "void"})  # type: ignore[arg-type]
