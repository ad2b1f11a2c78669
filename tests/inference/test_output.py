"""Every format is written whole, or refused before the work for it begins."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow.data.kinds import Kind
from ganflow.errors import UserError
from ganflow.inference import output
from ganflow.inference.rows import of_array

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def test_every_format_is_written_or_refused(tmp_path: Path) -> None:
    """What Pillow registers is not what it can save, and webp has the least room."""
    written = set()
    for suffix in Image.registered_extensions():
        path = tmp_path / f"map{suffix}"
        try:
            output.write_picture(path, of_array(PIXELS))
        except UserError:
            assert not path.exists()
            continue
        written.add(suffix)
        if suffix not in (".pdf", ".eps", ".ps"):  # Pillow only writes them
            with Image.open(path) as opened:
                assert opened.size == (50, 40), suffix
    assert {".png", ".jpg", ".tif", ".webp", ".bmp"} <= written
    with pytest.raises(UserError, match="as WEBP"):
        output.writable_format(tmp_path / "map.webp", (20_000, 4))


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "webp", "bmp"])
def test_what_is_lossless_keeps_every_value(tmp_path: Path, suffix: str) -> None:
    output.write_picture(tmp_path / f"map.{suffix}", of_array(PIXELS))
    with Image.open(tmp_path / f"map.{suffix}") as opened:
        assert np.array_equal(np.asarray(opened), PIXELS)


GREY16 = Kind("depth", 1, "uint16", 0.0, 65535.0, None)
CLASSES = [{"name": str(number), "value": [number], "colour": [30 * number, 0, 0]} for number in range(8)]
MASK = Kind("mask", 3, "uint8", 0.0, 255.0, CLASSES)


@pytest.mark.parametrize(("kind", "most"), [(GREY16, 65536), (MASK, 8)])
def test_16_bits_and_labels_are_written_as_they_are_or_refused(tmp_path: Path, kind: Kind, most: int) -> None:
    values = np.random.default_rng(0).integers(0, most, (40, 50, 1)).astype(kind.dtype)
    kept = set()
    for suffix in Image.registered_extensions():
        path = tmp_path / f"map{suffix}"
        try:
            output.write_picture(path, of_array(values), (), kind)
        except UserError:
            assert not path.exists()
            continue
        with Image.open(path) as opened:
            found = opened if kind == GREY16 else opened.convert("L")
            assert np.array_equal(np.asarray(found), values[..., 0]), suffix
        kept.add(suffix)
    assert {".png", ".tif"} <= kept
    assert not {".jpg", ".avif"} & kept
    with pytest.raises(UserError, match=r"it would change (labels|values of uint16); give it a name like map\.png"):
        output.writable_format(tmp_path / "map.avif", (1, 1), kind)


def test_a_picture_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    def chunks():
        yield PIXELS
        raise UserError("the photo ends here")

    for suffix in ("png", "tif"):
        with pytest.raises(UserError, match="ends here"):
            output.write_picture(tmp_path / f"map.{suffix}", output.Stream(600, 50, chunks()))
    assert not list(tmp_path.iterdir())
