"""Every kind of picture in tests/cases, each of which once was drawn wrongly: seen as its plain 8-bit relative."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow.errors import UserError
from ganflow.inference.photos import WINDOWED, open_photo

CASES = Path(__file__).parents[1] / "cases"


def seen(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    photo = open_photo(path)
    return photo.stream().rows(0, photo.height), photo.notes


def plain(name: str) -> np.ndarray:
    return np.asarray(Image.open(CASES / name).convert("RGB"))


@pytest.fixture(params=["at once", "in pieces"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("ganflow.inference.photos.WINDOWED", 0 if request.param == "in pieces" else WINDOWED)
    return request.param


@pytest.mark.usefixtures("reading")
@pytest.mark.parametrize(
    ("name", "within", "said"),
    [
        ("grey8.png", 0, None),
        ("grey16.png", 0, None),
        ("grey16.tif", 0, None),
        ("grey32i.tif", 0, None),
        ("greyfloat01.tif", 0, "range: 0 to 1, which holds its values"),
        ("greyfloat255.tif", 0, "range: 0 to 255, which holds its values"),
        ("grey10in16.tif", 1, "range: 10 bits, by the largest value"),  # 4 x 255 is 1020 of 1023
    ],
)
def test_grey_of_every_depth_is_seen_as_its_8_bits(name: str, within: int, said: str | None) -> None:
    pixels, notes = seen(CASES / name)
    assert np.abs(pixels.astype(int) - plain("grey8.png")).max() <= within
    assert said is None or notes[0].startswith(said)


@pytest.mark.usefixtures("reading")
def test_a_range_that_is_given_is_exact_and_said() -> None:
    photo = open_photo(CASES / "grey10in16.tif", given_range=(0.0, 1020.0))
    assert np.array_equal(photo.stream().rows(0, photo.height), plain("grey8.png"))
    assert photo.notes == ("range: 0 to 1020, as given",)


@pytest.mark.parametrize(("name", "turns"), [("exif3.jpg", 2), ("exif6.jpg", 3)])
def test_a_phones_photo_is_turned_as_every_viewer_shows_it(name: str, turns: int) -> None:
    pixels, _ = seen(CASES / name)
    turned = np.rot90(plain("rgb8.png"), turns)
    assert pixels.shape == turned.shape
    assert np.abs(pixels.astype(int) - turned).mean() < 4, "but for what JPEG loses"
    upside_down = np.abs(pixels.astype(int) - turned[::-1, ::-1]).mean()
    assert upside_down > 10


def test_transparent_parts_are_white_and_it_is_said() -> None:
    pixels, notes = seen(CASES / "rgba_transparent_left.png")
    assert (pixels[:, :32] == 255).all()
    assert np.array_equal(pixels[:, 32:], plain("rgb8.png")[:, 32:])
    assert notes == ("transparent parts are white",)


def test_a_small_file_of_a_huge_picture_is_refused_with_the_option() -> None:
    with pytest.raises(UserError, match=r"20000x20000 pixels, more than .* --max-megapixels 400 reads it"):
        open_photo(CASES / "bomb20000.png")


def test_no_case_is_without_a_test() -> None:
    """By what the tests above name, in this file: they may run in other processes."""
    text = Path(__file__).read_text()
    assert {path.name for path in CASES.iterdir() if f'"{path.name}"' not in text} == set()
