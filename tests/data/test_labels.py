"""Labels are told from photos by their own values, whether saved exactly or as JPEG."""

import io

import numpy as np
import pytest
from PIL import Image

from ganflow.data import labels
from ganflow.data.towns import towns

COLOURS = np.array([(0, 0, 170), (0, 85, 255), (170, 255, 85), (255, 85, 0)], np.uint8)


def areas(count: int, rng: np.random.Generator) -> np.ndarray:
    """Class numbers [128, 128] in rectangles, all classes present."""
    image = np.zeros((128, 128), np.uint8)
    for n in range(40):
        top, left = rng.integers(0, 112, 2)
        image[top : top + 24, left : left + 24] = n % count
    return image


def jpeg(pixels: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))


def classes(*pictures: np.ndarray) -> list[list[int]] | None:
    census = labels.Census(pictures[0].shape[2])
    for picture in pictures:
        census.add(picture)
    return labels.classes_of(census)


@pytest.fixture
def areas_of_four() -> list[np.ndarray]:
    return [areas(4, np.random.default_rng(n)) for n in range(3)]


def test_a_mask_has_two_classes_and_an_index_picture_its_numbers(areas_of_four: list[np.ndarray]) -> None:
    assert classes(*((one[..., None] > 1) * np.uint8(255) for one in areas_of_four)) == [[0], [255]]
    assert classes(*(one[..., None] for one in areas_of_four)) == [[0], [1], [2], [3]]
    assert classes(*(one[..., None].astype(np.uint16) * 1000 for one in areas_of_four)) == [[0], [1000], [2000], [3000]]
    thrice = [np.repeat(one[..., None].astype(np.uint16) * 1000, 3, 2) for one in areas_of_four]
    assert classes(*thrice) == [[0] * 3, [1000] * 3, [2000] * 3, [3000] * 3]


def test_colours_saved_exactly_or_with_loss_are_the_same_classes(areas_of_four: list[np.ndarray]) -> None:
    exact = [COLOURS[one] for one in areas_of_four]
    assert classes(*exact) == sorted(COLOURS.tolist())
    found = classes(*map(jpeg, exact))
    assert found is not None
    assert np.abs(np.array(found) - np.array(sorted(COLOURS.tolist()))).max() <= 4


def test_photos_and_empty_masks_are_no_labels() -> None:
    photos = towns(4, 128, seed=0)[:, 0]
    assert classes(*photos) is None
    assert classes(*map(jpeg, photos)) is None
    assert classes(photos[0][..., :1]) is None
    assert classes(np.zeros((8, 8, 1), np.uint8)) is None


def test_labels_are_stored_in_colours_far_apart_and_named_by_the_legend(areas_of_four: list[np.ndarray]) -> None:
    two = labels.legend_entries([[0], [7]], {"7": "cell"})
    assert [one["name"] for one in two] == ["0", "cell"]
    assert labels.encode(np.array([[[0], [7], [6]]], np.uint8), two).tolist() == [[[0], [255], [255]]]
    many = labels.legend_entries([[n] for n in range(20)], {})
    colours = np.array([one["colour"] for one in many])
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2) + 999 * np.eye(20)
    assert apart.min() > 30, "neighbouring numbers are no neighbouring greys"
    rgb = labels.legend_entries([[n, n, n] for n in range(20)], {})
    assert [one["colour"] for one in rgb] == colours.tolist(), "numbers in three channels are numbers still"
    names = [one["name"] for one in labels.legend_entries([[1, 1, 1], [0x101, 1, 1]], {})]
    assert names == ["#010101", "#010100010001"]
    coloured = labels.legend_entries(sorted(COLOURS.tolist()), {"#0000aa": "wall"})
    assert coloured[0]["name"] == "wall"
    smeared = labels.encode(jpeg(COLOURS[areas_of_four[0]]), coloured)
    assert (smeared == COLOURS[areas_of_four[0]]).all(-1).mean() > 0.97
