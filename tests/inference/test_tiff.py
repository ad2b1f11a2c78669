"""TIFF in pieces: every way to store it gives the same values, and georeference survives."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.errors import UserError
from ganflow.inference import tiff
from ganflow.inference.rows import of_array

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (300, 270, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (300, 270), np.uint16)
STORED = {
    "strips": (RGB, {"rowsperstrip": 7, "compression": "zlib"}),
    "one strip": (RGB, {"compression": "zlib", "rowsperstrip": 300}),
    "not compressed": (RGB, {}),
    "big endian": (DEEP, {"byteorder": ">"}),
    "big endian, compressed": (DEEP, {"byteorder": ">", "compression": "zlib", "predictor": True}),
    "tiles": (RGB, {"tile": (64, 48), "compression": "zlib"}),
    "tiles, planes apart": (RGB.transpose(2, 0, 1), {"tile": (64, 48), "planarconfig": "separate"}),
    "strips, planes apart": (RGB.transpose(2, 0, 1), {"planarconfig": "separate", "rowsperstrip": 50}),
    "16 bits": (DEEP, {"tile": (64, 64), "compression": "zlib"}),
    "floats": (DEEP.astype(np.float32), {"rowsperstrip": 9, "compression": "zlib"}),
}
# EPSG:32618 (metres), half a metre per pixel
KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32618)
TAGS = [
    (33550, "d", 3, (0.5, 0.5, 0.0), True),
    (33922, "d", 6, (0.0, 0.0, 0.0, 580000.0, 4510000.0, 0.0), True),
    (34735, "H", len(KEYS), KEYS, True),
]


@pytest.mark.parametrize("way", STORED)
def test_every_way_to_store_it_gives_the_same_values(tmp_path: Path, way: str) -> None:
    values, options = STORED[way]
    photometric = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "photo.tif", values, photometric=photometric, **options)
    expected = values.transpose(1, 2, 0) if way.endswith("apart") else values.reshape(300, 270, -1)
    found = np.concatenate(list(tiff.read_tiff(tmp_path / "photo.tif")))
    assert np.array_equal(found, expected)
    assert found.dtype.isnative
    facts = tiff.facts(tmp_path / "photo.tif")
    assert (facts.height, facts.width, facts.channels, facts.plain) == (300, 270, expected.shape[2], True)


def test_what_a_sparse_file_does_not_store_has_no_data(tmp_path: Path) -> None:
    """GDAL leaves tiles without data out of the file: their place and length are 0."""
    path = tmp_path / "heights.tif"
    values = np.full((64, 64), 7.5, np.float32)
    tifffile.imwrite(path, values, tile=(16, 16), compression="zlib", extratags=[(42113, "s", 0, "-9999", True)])
    with tifffile.TiffFile(path, mode="r+") as file:
        for code in (324, 325):  # places and lengths of the tiles
            tag = file.pages.first.tags[code]
            tag.overwrite([0, *tag.value[1:]])
    values[:16, :16] = -9999
    assert np.array_equal(np.concatenate(list(tiff.read_tiff(path)))[..., 0], values)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_what_others_read(tmp_path: Path, channels: int) -> None:
    tiff.write_tiff(tmp_path / "map.tif", of_array(RGB[..., :channels]), channels, np.dtype(np.uint8))
    with Image.open(tmp_path / "map.tif") as opened:
        assert np.array_equal(np.asarray(opened), RGB[..., :channels].squeeze())


def test_the_georeference_goes_from_one_file_to_the_other_and_says_the_scale(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "photo.tif", RGB, photometric="rgb", extratags=TAGS)
    facts = tiff.facts(tmp_path / "photo.tif")
    assert facts.metres_per_pixel == 0.5
    tiff.write_tiff(tmp_path / "map.tif", of_array(RGB), 3, np.dtype(np.uint8), facts.georeference)
    with tifffile.TiffFile(tmp_path / "map.tif") as before, tifffile.TiffFile(tmp_path / "photo.tif") as after:
        assert before.pages.first.geotiff_tags == after.pages.first.geotiff_tags
        assert before.pages.first.geotiff_tags["ProjectedCSTypeGeoKey"] == 32618


@pytest.mark.parametrize(
    ("keys", "scale", "metres"),
    [
        ((1024, 0, 1, 1, 3072, 0, 1, 2263, 3076, 0, 1, 9003), 2.0, 2 * 1200 / 3937),  # US survey feet
        ((1024, 0, 1, 1, 3072, 0, 1, 3857), 1.0, 0.7577),  # web maps, at New York's latitude of 40.73°
        ((1024, 0, 1, 2, 2048, 0, 1, 4326), 1e-5, None),  # degrees
        ((1024, 0, 1, 1, 3072, 0, 1, 2154), 1.0, None),  # a system whose unit the file does not say
    ],
)
def test_the_scale_is_known_where_the_file_says_it_in_a_length(
    tmp_path: Path, keys: tuple[int, ...], scale: float, metres: float | None
) -> None:
    directory = (1, 1, 0, len(keys) // 4, *keys)
    tags = [
        (33550, "d", 3, (scale, scale, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, -8_238_000.0, 4_972_000.0, 0.0), True),
        (34735, "H", len(directory), directory, True),
    ]
    tifffile.imwrite(tmp_path / "photo.tif", RGB, photometric="rgb", extratags=tags)
    found = tiff.facts(tmp_path / "photo.tif").metres_per_pixel
    assert found == (metres if metres is None else pytest.approx(metres, rel=1e-3))


def test_what_can_only_be_read_whole_is_refused_with_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "photo.tif", RGB, photometric="rgb", rowsperstrip=300, compression="zlib")
    monkeypatch.setattr(tiff, "LARGEST_SEGMENT", 1000)
    with pytest.raises(UserError, match=r"in one piece of 270x300: .*gdal_translate"):
        list(tiff.read_tiff(tmp_path / "photo.tif"))


@pytest.mark.parametrize("content", [b"", b"text", b"II*\0\xff\xff\xff\xff"])
def test_what_is_no_tiff_is_refused_in_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.tif").write_bytes(content)
    with pytest.raises(UserError, match="not a readable TIFF"):
        tiff.facts(tmp_path / "photo.tif")
