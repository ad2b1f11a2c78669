"""Photos of every kind are seen alike: each stands for a picture of shared/data/cases, made here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.data.kinds import PHOTO, Kind
from ganflow.data.labels import legend_entries
from ganflow.errors import UserError
from ganflow.inference import photos

RNG = np.random.default_rng(0)
GREY = RNG.integers(40, 200, (96, 128), np.uint8)
GREY[0, 0] = 255  # ranges that no tag states are told from the largest value
RGB = RNG.integers(0, 256, (96, 128, 3), np.uint8)


def save(**options: object) -> Callable[[Path, np.ndarray], None]:
    return lambda path, values: tifffile.imwrite(path, values, **options)  # pyright: ignore


def with_orientation(path: Path, values: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(values).save(path, exif=exif)


def seen(path: Path) -> np.ndarray:
    photo = photos.open_photo(path)
    rows = photo.stream().rows(0, photo.height)
    assert rows.shape == (photo.height, photo.width, 3)
    assert np.array_equal(photo.stream().rows(0, photo.height), rows), "it can be read again"
    return rows


GREYS = {
    "grey8.png": lambda path: Image.fromarray(GREY).save(path),
    "grey16.png": lambda path: Image.fromarray(GREY.astype(np.uint16) * 257).save(path),
    "grey16.tif": lambda path: tifffile.imwrite(path, GREY.astype(np.uint16) * 257),
    "grey32i.tif": lambda path: tifffile.imwrite(path, GREY.astype(np.int32) * 257),
    "grey10in16.tif": lambda path: tifffile.imwrite(path, (GREY * (1023 / 255)).round().astype(np.uint16)),
    "greyfloat01.tif": lambda path: tifffile.imwrite(path, GREY / np.float32(255)),
    "greyfloat255.tif": lambda path: tifffile.imwrite(path, GREY.astype(np.float32)),
    "white is 0.tif": lambda path: tifffile.imwrite(path, 255 - GREY, photometric="miniswhite"),
    "tiles.tif": lambda path: tifffile.imwrite(path, GREY.astype(np.uint16) * 257, tile=(32, 32), compression="zlib"),
    "stated.tif": lambda path: tifffile.imwrite(
        path, GREY.astype(np.uint16) * 4, extratags=[(281, "H", 1, 1020, True)]
    ),
}


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("name", GREYS)
def test_grey_of_every_depth_is_seen_as_its_8_bit_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, windowed: bool
) -> None:
    monkeypatch.setattr(photos, "WINDOWED", 0 if windowed else 10**9)
    GREYS[name](tmp_path / name)
    assert np.array_equal(seen(tmp_path / name), np.repeat(GREY[..., None], 3, axis=2))


@pytest.mark.parametrize("windowed", [False, True])
def test_transparent_parts_are_white_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windowed: bool
) -> None:
    monkeypatch.setattr(photos, "WINDOWED", 0 if windowed else 10**9)
    alpha = np.full((96, 128, 1), 255, np.uint8)
    alpha[:, :32] = 0
    for name in ("photo.png", "photo.tif"):
        path, values = tmp_path / name, np.concatenate([RGB, alpha], axis=2)
        if name.endswith("tif"):
            tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unassalpha"])
        else:
            Image.fromarray(values).save(path)
        assert (seen(path)[:, :32] == 255).all()
        assert np.array_equal(seen(path)[:, 32:], RGB[:, 32:])
        assert photos.open_photo(path).notes == ("transparent parts are white",)


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize(
    ("values", "tag", "level"),
    [
        (GREY.astype(np.float32) / 255, "nan", 0),
        (GREY.astype(np.float32) / 255, "-9999", 0),
        (GREY.astype(np.int32) * 257, "-9999", 0),
        (GREY.astype(np.uint16) * 257, "65535", 255),  # a number that 16 bits hold stays what it is
    ],
)
def test_pixels_without_data_change_no_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windowed: bool, values: np.ndarray, tag: str, level: int
) -> None:
    monkeypatch.setattr(photos, "WINDOWED", 0 if windowed else 10**9)
    values = values.copy()
    values[2:9, 30:] = float(tag) if tag == "nan" else int(tag)
    tifffile.imwrite(tmp_path / "x.tif", values, rowsperstrip=5, extratags=[(42113, "s", 0, tag, True)])
    found = seen(tmp_path / "x.tif")[..., 0]
    assert (found[2:9, 30:] == level).all()
    there = np.ones(GREY.shape, bool)
    there[2:9, 30:] = False
    assert np.abs(found[there].astype(int) - GREY[there]).max() <= 1
    assert (photos.NO_DATA in photos.open_photo(tmp_path / "x.tif").notes) == (level == 0)


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_photo_is_turned_as_every_viewer_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, orientation: int, turns: int
) -> None:
    monkeypatch.setattr(photos, "WINDOWED", 0)
    with_orientation(tmp_path / f"photo.{suffix}", RGB, orientation)
    assert np.array_equal(seen(tmp_path / f"photo.{suffix}"), np.rot90(RGB, turns))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_georeference_is_of_the_rows_as_they_are_stored(tmp_path: Path, orientation: int) -> None:
    square = RGB[:20, :20]
    tags = [(33550, "d", 3, (0.5, 0.5, 0.0), True), (274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "photo.tif", square, photometric="rgb", extratags=tags)
    assert bool(photos.open_photo(tmp_path / "photo.tif").georeference) == (orientation == 1)


def test_cmyk_and_palettes_are_seen_in_their_colours(tmp_path: Path) -> None:
    flat = Image.new("RGB", (20, 10), (200, 30, 60))
    flat.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    flat.quantize(4).save(tmp_path / "palette.png")
    for name in ("cmyk.jpg", "palette.png"):
        assert np.abs(seen(tmp_path / name).astype(int) - (200, 30, 60)).max() <= 3, name


def test_a_small_file_of_a_huge_picture_is_refused_with_the_option(tmp_path: Path) -> None:
    Image.new("1", (300, 200)).save(tmp_path / "bomb.png")
    with pytest.raises(UserError, match=r"300x200 pixels, more than the 0\.05 million .*--max-megapixels 1 reads it"):
        photos.open_photo(tmp_path / "bomb.png", most_pixels=50_000)
    assert photos.open_photo(tmp_path / "bomb.png", most_pixels=60_000).width == 300


@pytest.mark.parametrize("windowed", [False, True])
def test_more_channels_than_the_model_takes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windowed: bool
) -> None:
    monkeypatch.setattr(photos, "WINDOWED", 0 if windowed else 10**9)
    values = RNG.integers(0, 256, (40, 50, 6), np.uint8)
    tifffile.imwrite(tmp_path / "six.tif", values, photometric="minisblack", planarconfig="contig")
    with pytest.raises(UserError, match="has 6 channels, and the model takes grey or RGB"):
        photos.open_photo(tmp_path / "six.tif")


def test_integers_without_a_value_below_0_keep_the_range_of_a_model_of_such_integers(tmp_path: Path) -> None:
    scans = Kind("ct", 1, "float32", -1000.0, 3000.0, None)
    values = np.array([[0, 1000], [2000, 2500]], np.int16)
    np.save(tmp_path / "scan.npy", values)
    photo = photos.open_photo(tmp_path / "scan.npy", kind=scans)
    assert np.allclose(scans.values(photo.stream().rows(0, 2))[..., 0], values, atol=0.01)
    assert photo.notes == ("range: -1000 to 3000, as of the model's training pictures",)


def test_values_that_no_class_of_the_model_has_are_said(tmp_path: Path) -> None:
    numbers = Kind("labels", 3, "uint8", 0.0, 255.0, legend_entries([[0], [1], [2], [5]], {}))
    for largest, said in ((5, ()), (255, (photos.NO_CLASS,))):
        Image.fromarray(np.array([[0, 1, 2, largest]], np.uint8)).save(tmp_path / "labels.png")
        photo = photos.open_photo(tmp_path / "labels.png", kind=numbers)
        assert photo.notes == said
        assert numbers.values(photo.stream().rows(0, 1)).ravel().tolist() == [0, 1, 2, 5]


def stack(path: Path) -> None:
    tifffile.imwrite(path, np.stack([GREY, GREY[::-1], 255 - GREY]), photometric="minisblack")


def ycbcr(compression: str | None) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(RGB).convert("YCbCr").save(path, compression=compression)


def numbers(path: Path) -> None:
    tifffile.imwrite(path, (GREY % 12).astype(np.uint16), rowsperstrip=5)


@pytest.mark.parametrize("write", [stack, ycbcr(None), ycbcr("tiff_adobe_deflate"), numbers])
@pytest.mark.parametrize("classes", [None, legend_entries([[number] for number in range(8)], {})])
def test_a_tiff_is_seen_alike_whether_it_is_read_at_once_or_in_pieces(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], None],
    classes: list[dict[str, Any]] | None,
) -> None:
    write(tmp_path / "x.tif")
    kind = replace(PHOTO, classes=classes)
    found = []
    for pixels in (10**9, 0):
        monkeypatch.setattr(photos, "WINDOWED", pixels)
        photo = photos.open_photo(tmp_path / "x.tif", kind=kind)
        found.append((photo.stream().rows(0, photo.height), photo.notes))
    assert np.array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_a_stack_with_too_many_pictures_is_refused_at_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.stack([GREY, GREY[::-1]]), photometric="minisblack")
    monkeypatch.setattr(photos, "WINDOWED", 0)
    with pytest.raises(UserError, match="has 2 channels"):
        photos.open_photo(tmp_path / "x.tif")
