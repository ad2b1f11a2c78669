"""What `ganflow pairs check` advises."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow.data import pair_check
from ganflow.data.pair_folder import list_pairs
from ganflow.data.pair_survey import survey
from ganflow.data.unpaired_folder import list_unpaired, sizes_of
from ganflow.metrics.bootstrap import FEW


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photo(seed: int, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_one_small_picture_does_not_make_the_tiles_of_all_small(tmp_path: Path) -> None:
    for n in range(12):
        for kind in ("images", "paintings"):
            write(tmp_path / kind / f"{n}.png", photo(n, 20 if n == 5 else 140))
    chosen = pair_check.settings(survey(list_pairs(tmp_path)), str(tmp_path), seed=0)
    assert (chosen["pairs.tile_size"], chosen["pairs.crop_size"]) == (128, 128)
    found = list_unpaired(tmp_path)
    assert pair_check.settings_unpaired(found, sizes_of(found), seed=0)["pairs.tile_size"] == 128


@pytest.mark.parametrize(
    ("numbers", "asked"),
    [
        ([0, 1, 2, 5, 8, 255], True),  # a set in which some classes never occur
        ([0, 1, 255], True),
        ([0, 255], False),  # a mask
        ([0, 85, 170, 255], False),  # four greys
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_255_beside_numbers_of_classes_is_asked_about(
    tmp_path: Path, numbers: list[int], asked: bool, channels: int
) -> None:
    for n in range(6):
        labels = np.random.default_rng(n).choice(np.array(numbers, np.uint8), (32, 32))
        write(tmp_path / f"images/{n}.png", photo(n))
        write(tmp_path / f"labels/{n}.png", labels if channels == 1 else labels[..., None].repeat(3, axis=2))
    said = pair_check.findings(survey(list_pairs(tmp_path)), seed=0)
    hint = "  B: is 255 no class, but no data? `--no-data 255` leaves it out (pairs.no_data=255)"
    assert (hint in said) == asked


def test_two_kinds_of_labels_for_each_photo_are_told_from_pictures_without_partners(tmp_path: Path) -> None:
    for n in range(4):  # as the Cityscapes have them
        write(tmp_path / f"leftImg8bit/town_{n}_leftImg8bit.png", photo(n))
        for kind in ("color", "labelIds"):
            write(tmp_path / f"gtFine/town_{n}_gtFine_{kind}.png", photo(n))
    found = list_unpaired(tmp_path)
    said = "\n".join(pair_check.findings_unpaired(found, sizes_of(found), seed=0))
    assert "do they belong together? gtFine/town_0_gtFine_color.png and leftImg8bit/town_0_leftImg8bit.png" in said
    assert "one side has 2 kinds of pictures: move all but one kind out of" in said
    for path in tmp_path.glob("gtFine/*_color.png"):
        path.unlink()
    assert len(list_pairs(tmp_path).pairs) == 4


def test_what_is_to_be_drawn_is_told_by_its_name_and_said_in_words(tmp_path: Path) -> None:
    for n in range(30):  # smeared masks, which are no labels by their values
        write(tmp_path / f"photos/{n}.png", photo(n))
        write(tmp_path / f"masks/{n}.png", photo(99 + n))
    read = survey(list_pairs(tmp_path))
    assert [side.name for side in read.sides] == ["masks", "photos"]
    direction = str(pair_check.settings(read, str(tmp_path), seed=0)["pairs.direction"])
    words = pair_check.direction_in_words(read, direction)
    assert words == "b2a draws masks from photos; pairs.direction=a2b the other way round"
    said = pair_check.findings(read, seed=0)
    assert "few test pictures (6): every ± will be wide" in said
    assert "few validation pictures (3): no model becomes champion (20 are needed)" in said


def test_few_pictures_are_as_many_as_where_intervals_are_made() -> None:
    assert pair_check.ENOUGH == FEW
