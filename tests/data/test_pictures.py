"""Every usual kind of picture file is read with its values, channels and orientation, or refused in one line."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.data.pictures import on_white, read, value_range
from ganflow.errors import UserError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 9, 3), np.uint8)
GREY = RGB[..., 0]


def grey(unit: np.ndarray) -> np.ndarray:
    """The 8-bit picture that is seen in a picture's values."""
    return (unit * 255).round().astype(np.uint8)


def seen(path: Path) -> np.ndarray:
    picture = read(path)
    return grey((picture.pixels.astype(np.float64) - picture.low) / (picture.high - picture.low))[..., 0]


FULL = GREY.copy()
FULL[0, 0] = 255  # the range of 10 bits, floats and wide integers is told from the largest value
KINDS = {
    "grey8.png": lambda path: Image.fromarray(FULL).save(path),
    "grey16.png": lambda path: Image.fromarray(FULL.astype(np.uint16) * 257).save(path),
    "grey16.tif": lambda path: Image.fromarray(FULL.astype(np.uint16) * 257).save(path),
    "lzw 16.tif": lambda path: Image.fromarray(FULL.astype(np.uint16) * 257).save(path, compression="tiff_lzw"),
    "big endian 16.tif": lambda path: tifffile.imwrite(path, FULL.astype(np.uint16) * 257, byteorder=">"),
    "10 bits in 16.tif": lambda path: Image.fromarray((FULL * (1023 / 255)).round().astype(np.uint16)).save(path),
    "int32.tif": lambda path: Image.fromarray(FULL.astype(np.int32) * 257).save(path),
    "float01.tif": lambda path: Image.fromarray(FULL.astype(np.float32) / 255).save(path),
    "float255.tif": lambda path: Image.fromarray(FULL.astype(np.float32)).save(path),
    "double.npy": lambda path: np.save(path, FULL.astype(np.float64) / 255),
    "one channel first.npy": lambda path: np.save(path, np.pad(FULL, ((0, 20), (0, 20)))[None]),
    "white is zero.tif": lambda path: tifffile.imwrite(path, 255 - FULL, photometric="miniswhite"),
    "palette of greys.gif": lambda path: Image.fromarray(FULL).save(path),
}


@pytest.mark.parametrize("name", KINDS)
def test_grey_of_every_depth_is_seen_as_its_8_bit_picture(tmp_path: Path, name: str) -> None:
    KINDS[name](tmp_path / name)
    expected = np.pad(FULL, ((0, 20), (0, 20))) if "first" in name else FULL
    assert np.array_equal(seen(tmp_path / name), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_values_and_channels_are_kept(tmp_path: Path, dtype: type, channels: int, suffix: str) -> None:
    values = RNG.integers(0, 256, (20, 30, channels)).astype(dtype) * dtype(1 if dtype == np.uint8 else 200)
    path = tmp_path / f"bands.{suffix}"
    if suffix == "npy":
        np.save(path, values)
    else:
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig" if channels > 1 else None)
    picture = read(path)
    assert picture.pixels.dtype == dtype
    assert np.array_equal(picture.pixels, values)
    assert picture.alpha is None


def test_colours_of_16_bits_are_not_cut_to_8(tmp_path: Path) -> None:
    wide = RNG.integers(0, 65536, (6, 9, 3), np.uint16)
    tifffile.imwrite(tmp_path / "wide.tif", wide, photometric="rgb")
    assert np.array_equal(read(tmp_path / "wide.tif").pixels, wide)
    (tmp_path / "wide.png").write_bytes(png16(wide))
    assert np.array_equal(read(tmp_path / "wide.png").pixels, wide)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint32, np.int32])
def test_tiff_integers_of_every_type_keep_their_values(tmp_path: Path, dtype: type) -> None:
    values = np.array([[0, 5], [120, -3 if np.iinfo(dtype).min else 70000]]).astype(dtype)
    tifffile.imwrite(tmp_path / "numbers.tif", values)
    assert np.array_equal(read(tmp_path / "numbers.tif").pixels[..., 0], values)


def png16(pixels: np.ndarray) -> bytes:
    """A PNG of 16-bit RGB, by hand: Pillow writes none."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["photo.png", "scan.tif", "grey.tif", "bands.tif"])
def test_the_orientation_is_applied(tmp_path: Path, orientation: int, name: str) -> None:
    path = tmp_path / name
    if name == "bands.tif":
        tags = [(274, "H", 1, orientation, True)]
        bands = np.concatenate([RGB, RGB[..., :2]], axis=2)
        tifffile.imwrite(path, bands, photometric="minisblack", planarconfig="contig", extratags=tags)
    elif name == "grey.tif":  # not compressed: Pillow maps it
        tifffile.imwrite(path, RGB[..., 0], extratags=[(274, "H", 1, orientation, True)])
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(RGB).save(path, exif=exif)
    expected = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.swapaxes(0, 1),
        6: RGB[::-1].swapaxes(0, 1),
        7: RGB[::-1, ::-1].swapaxes(0, 1),
        8: RGB[:, ::-1].swapaxes(0, 1),
    }[orientation]
    assert np.array_equal(read(path).pixels[..., :3], expected[..., :1] if name == "grey.tif" else expected)


def test_transparency_is_kept_beside_the_colours_and_goes_over_white(tmp_path: Path) -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    Image.fromarray(np.dstack([RGB, alpha])).save(tmp_path / "opaque.png")
    opaque = read(tmp_path / "opaque.png")
    assert opaque.alpha is None
    assert np.array_equal(opaque.pixels, RGB)
    alpha[:, :3] = 0
    Image.fromarray(np.dstack([RGB, alpha])).save(tmp_path / "left.png")
    picture = read(tmp_path / "left.png")
    assert np.array_equal(picture.pixels, RGB)
    assert picture.alpha is not None
    white = on_white(picture)
    assert (white.pixels[:, :3] == 255).all()
    assert np.array_equal(white.pixels[:, 3:], RGB[:, 3:])
    assert "white" in white.notes[-1]


def test_a_palette_is_read_as_its_colours(tmp_path: Path) -> None:
    labels = Image.fromarray(RNG.integers(0, 3, (5, 5), np.uint8), mode="P")
    labels.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 250])
    labels.save(tmp_path / "labels.png")
    colours = read(tmp_path / "labels.png").pixels
    assert np.array_equal(colours, np.asarray(labels.convert("RGB")))


def test_one_bit_is_0_and_255(tmp_path: Path) -> None:
    mask = GREY > 100
    for name in ("mask.png", "mask.tif"):
        Image.fromarray(mask).save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name).pixels[..., 0], mask * 255)


def test_cmyk_is_read_as_rgb_and_said(tmp_path: Path) -> None:
    for name in ("press.jpg", "press.tif"):
        Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / name)
        picture = read(tmp_path / name)
        assert picture.pixels.mean((0, 1)) == pytest.approx((255, 0, 0), abs=3)
        assert picture.notes == ("CMYK is read as RGB",)


def stack(path: Path) -> None:
    frames = [Image.fromarray(np.full((8, 8), grey, np.uint8)) for grey in (0, 99, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


REFUSED = {
    "none.png": (lambda path: None, "cannot be read: No such file"),
    "folder.png": (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    "empty.png": (lambda path: path.touch(), "not a readable picture"),
    "text.jpg": (lambda path: path.write_text("hello"), "not a readable picture"),
    "cut.png": (lambda path: path.write_bytes(png16(RNG.integers(0, 9, (50, 50, 3), np.uint16))[:200]), "not a read"),
    "cut.tif": (lambda path: path.write_bytes(b"II*\0\x08\0\0\0\xff\xff"), "not a readable picture"),
    "lab.tif": (lambda path: Image.new("LAB", (4, 4)).save(path), "save it as RGB"),
    "stack.gif": (stack, "holds 3 pictures"),
    "stack.tif": (lambda path: tifffile.imwrite(path, np.zeros((20, 8, 8), np.float32)), "stack"),
    "bands.npy": (lambda path: np.save(path, np.zeros((9, 9, 17), np.uint8)), "17 channels"),
    "four axes.npy": (lambda path: np.save(path, np.zeros((2, 9, 9, 3), np.uint8)), "2 x 9 x 9 x 3"),
    "objects.npy": (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "not a readable picture"),
    "text.npy": (lambda path: np.save(path, np.array([["a"]])), "numbers are needed"),
    "nan.npy": (lambda path: np.save(path, np.full((5, 5), np.nan)), "it has no data in any pixel"),
    "largest.tif": (
        lambda path: tifffile.imwrite(path, np.array([[0, 2**32 - 1]], np.uint32)),
        "4294967295: .* 24 bits",
    ),
    "16 bits.ppm": (lambda path: path.write_bytes(b"P6 1 1 65535\n" + bytes(6)), "values up to 65535: save it as PNG"),
    "wide.npy": (lambda path: np.save(path, np.array([[0, 2**30]])), "24 bits"),
    "no pixels.npy": (lambda path: np.save(path, np.zeros((0, 9))), "empty picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_line_that_names_it(tmp_path: Path, name: str) -> None:
    make, reason = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(UserError, match=reason) as refused:
        read(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / name))
    assert "\n" not in str(refused.value)


def test_a_picture_too_large_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    Image.new("1", (300, 200)).save(tmp_path / "large.png")
    with pytest.raises(UserError, match="300x200: 60,000 pixels, at most 50,000 are read"):
        read(tmp_path / "large.png", most_pixels=50_000)
    assert read(tmp_path / "large.png", most_pixels=60_000).size == (300, 200)


def test_tags_state_the_range(tmp_path: Path) -> None:
    tags = [(280, "H", 1, 0, True), (281, "H", 1, 4095, True)]
    tifffile.imwrite(tmp_path / "dark.tif", np.full((4, 4), 900, np.uint16), extratags=tags)
    picture = read(tmp_path / "dark.tif")
    assert (picture.low, picture.high) == (0, 4095)
    assert picture.notes == ("range: 0 to 4095, by the file's tags",)


def test_the_range_of_a_set_is_that_of_its_extremes() -> None:
    assert value_range(0, 900, np.dtype(np.uint16))[:2] == (0, 1023)
    assert value_range(-0.2, 0.7, np.dtype(np.float32))[:2] == (-1, 1)
    assert value_range(-400, 1800, np.dtype(np.float32))[:2] == (-400, 1800)
