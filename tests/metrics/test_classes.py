import numpy as np
import pytest

from ganflow.data.generated import towns
from ganflow.metrics import classes


def flat(*names: str) -> np.ndarray:
    """A map [1, 4, 4 * len(names), 3] of vertical stripes, one per class."""
    colours = np.array([classes.PROTOTYPES[name][0] for name in names], np.uint8)
    return np.repeat(np.broadcast_to(colours[None, None], (1, 4, len(names), 3)), 4, axis=2)


def test_every_prototype_is_its_own_class() -> None:
    for index, name in enumerate(classes.CLASSES):
        for prototype in classes.PROTOTYPES[name]:
            assert classes.segment(np.array([[prototype]], np.uint8)) == index, (name, prototype)


def test_compression_noise_does_not_change_a_class() -> None:
    noise = np.random.default_rng(0).integers(-3, 4, (1, 4, 20, 3))
    noisy = (flat(*classes.CLASSES).astype(int) + noise).clip(0, 255).astype(np.uint8)
    assert np.array_equal(classes.segment(noisy), classes.segment(flat(*classes.CLASSES)))


def test_scores_by_hand() -> None:
    """Real: land, land, water, park. Generated: land, water, water, land."""
    counts = classes.confusion(flat("land", "water", "water", "land"), flat("land", "land", "water", "park"))
    assert counts.sum() == 64
    found = classes.scores(counts)
    assert found["iou/land"] == pytest.approx(1 / 3)
    assert found["iou/water"] == pytest.approx(1 / 2)
    assert found["iou/park"] == 0
    assert [found[f"precision/{name}"] for name in ("land", "water", "park")] == pytest.approx([1 / 2, 1 / 2, 0])
    assert [found[f"recall/{name}"] for name in ("land", "water", "park")] == pytest.approx([1 / 2, 1, 0])
    assert not [key for key in found if "road" in key]
    assert found["mean_iou"] == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)


def test_a_class_only_generated_is_not_in_the_mean() -> None:
    found = classes.scores(classes.confusion(flat("land", "water"), flat("land", "land")))
    assert found["iou/water"] == 0
    assert found["mean_iou"] == pytest.approx(1 / 2)


def test_confusion_of_chunks_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = np.random.default_rng(0).integers(0, 256, (2, 7, 16, 16, 3), np.uint8)
    whole = classes.confusion(maps[0], maps[1])
    pairs = classes.segment(maps[1]).astype(int) * 5 + classes.segment(maps[0])
    assert whole.ravel().tolist() == [(pairs == pair).sum() for pair in range(25)]
    monkeypatch.setattr(classes, "CHUNK", 3 * 16**2)
    assert np.array_equal(classes.confusion(maps[0], maps[1]), whole)
    with pytest.raises(ValueError, match="shapes differ"):
        classes.confusion(maps[0], maps[1, :1])


def test_the_table_agrees_with_the_nearest_prototype() -> None:
    """Random colours, but for those so near the middle of two classes that quantisation may tip them."""
    colours = np.random.default_rng(0).integers(0, 256, (5000, 3), np.uint8)
    distances = np.stack(
        [
            np.linalg.norm(colours[:, None] - np.array(classes.PROTOTYPES[name], float), axis=2).min(1)
            for name in classes.CLASSES
        ],
        axis=1,
    )
    nearest, second = np.sort(distances, axis=1)[:, :2].T
    clear = second - nearest > 8
    assert clear.mean() > 0.7
    assert np.array_equal(classes.segment(colours)[clear], distances.argmin(1)[clear])


def test_scores_fall_the_further_a_map_is_shifted() -> None:
    maps = towns(6, 64, seed=0)[:, 1]
    means = [classes.scores(classes.confusion(np.roll(maps, by, 2), maps))["mean_iou"] for by in (0, 1, 2, 4)]
    assert means == sorted(means, reverse=True)


def test_one_constant_colour_is_exposed() -> None:
    """On towns, a constant map scores on land alone: at most a fifth of the mean of five classes."""
    maps = towns(40, 64, seed=0)[:, 1]
    constant = np.broadcast_to(np.array(classes.PROTOTYPES["land"][0], np.uint8), maps.shape)
    assert classes.scores(classes.confusion(maps, maps))["mean_iou"] == 1
    assert classes.scores(classes.confusion(constant, maps))["mean_iou"] < 0.2
