import numpy as np
import pytest

from ganflow.data import labels
from ganflow.data.towns import towns
from ganflow.metrics import classes


def flat(*names: str) -> np.ndarray:
    """A map [1, 4, 4 * len(names), 3] of vertical stripes, one per class."""
    colours = np.array([classes.PROTOTYPES[name][0] for name in names], np.uint8)
    return np.repeat(np.broadcast_to(colours[None, None], (1, 4, len(names), 3)), 4, axis=2)


def score(generated: np.ndarray, real: np.ndarray) -> float:
    return float(classes.scores(classes.confusions(generated, real).sum(0))["mean_iou"])


def test_every_prototype_is_its_own_class() -> None:
    for index, name in enumerate(classes.CLASSES):
        for prototype in classes.PROTOTYPES[name]:
            assert classes.segment(np.array([[prototype]], np.uint8)) == index, (name, prototype)


def test_compression_noise_does_not_change_a_class() -> None:
    noise = np.random.default_rng(0).integers(-3, 4, (1, 4, 20, 3))
    noisy = (flat(*classes.CLASSES).astype(int) + noise).clip(0, 255).astype(np.uint8)
    assert np.array_equal(classes.segment(noisy), classes.segment(flat(*classes.CLASSES)))


@pytest.mark.parametrize(
    "values",
    [
        [[n, n, n] for n in range(8)],  # numbers of classes, saved as RGB
        [[0, 0, 0], [1, 1, 1]],
        [[0, 3, 3], [4, 2, 2]],  # colours of two bins, of which one has its middle nearer to the other
        [[red, green, 99] for red in (3, 11) for green in (0, 8)],  # as near as colours may be
    ],
)
def test_each_class_of_rgb_labels_is_measured(values: list[list[int]]) -> None:
    entries = labels.legend_entries(values, {})
    legend = classes.legend_of({"classes": entries})
    assert legend is not None
    picture = np.array(values, np.uint8)[np.random.default_rng(0).integers(0, len(values), (16, 16))]
    real = labels.encode(picture, entries)[None]
    found = classes.scores(classes.confusions(real, real, legend).sum(0), legend.names)
    assert [found[f"iou/{name}"] for name in legend.names] == [1] * len(values)


def test_scores_by_hand() -> None:
    """Real: land, land, water, park. Generated: land, water, water, land."""
    counts = classes.confusions(flat("land", "water", "water", "land"), flat("land", "land", "water", "park"))[0]
    assert counts.sum() == 64
    found = classes.scores(counts)
    assert found["iou/land"] == pytest.approx(1 / 3)
    assert found["iou/water"] == pytest.approx(1 / 2)
    assert found["iou/park"] == 0
    assert [found[f"precision/{name}"] for name in ("land", "water")] == pytest.approx([1 / 2, 1 / 2])
    assert np.isnan(found["precision/park"]), "nothing was drawn as a park"
    assert [found[f"recall/{name}"] for name in ("land", "water", "park")] == pytest.approx([1 / 2, 1, 0])
    assert np.isnan(found["iou/road"]), "in neither map"
    assert found["mean_iou"] == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)


def test_a_class_only_generated_is_not_in_the_mean() -> None:
    found = classes.scores(classes.confusions(flat("land", "water"), flat("land", "land"))[0])
    assert np.isnan([found[f"{share}/water"] for share in ("iou", "precision", "recall")]).all(), "no 0 to be named for"
    assert found["iou/land"] == found["mean_iou"] == pytest.approx(1 / 2)


def test_counts_image_by_image() -> None:
    maps = np.random.default_rng(0).integers(0, 256, (2, 7, 16, 16, 3), np.uint8)
    counts = classes.confusions(maps[0], maps[1])
    pairs = classes.segment(maps[1]).astype(int) * 5 + classes.segment(maps[0])
    for image in range(7):
        assert counts[image].ravel().tolist() == [(pairs[image] == pair).sum() for pair in range(25)]
    with pytest.raises(ValueError, match="shapes differ"):
        classes.confusions(maps[0], maps[1, :1])


def test_scores_of_many_matrices_are_those_of_each() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (4, 5, 5))
    counts[0, 2] = counts[0, :, 2] = 0  # a class in neither map
    stacked = classes.scores(counts)
    for i, alone in enumerate(counts):
        expected = classes.scores(alone)
        assert {key: pytest.approx(value[i], nan_ok=True) for key, value in stacked.items()} == expected


def street(left: int, right: int, size: int = 20) -> np.ndarray:
    """A map [1, size, size, 3] of land with a street from column `left` up to, not including, `right`."""
    picture = np.full((1, size, size, 3), classes.PROTOTYPES["land"][0], np.uint8)
    picture[:, :, left:right] = classes.PROTOTYPES["road"][0]
    return picture


def test_road_edges_by_hand() -> None:
    real = street(8, 12)  # its edges: columns 8 and 11
    counts = {by: classes.road_boundaries(street(8 + by, 12 + by), real)[0].tolist() for by in (0, 2, 3, 7)}
    assert counts[0] == [40, 40, 40, 40]
    assert counts[2] == [40, 40, 40, 40]  # within two pixels
    assert counts[3] == [40, 20, 40, 20]  # columns 11 and 14 for 8 and 11: one of two is near
    assert counts[7] == [40, 0, 40, 0]
    assert classes.boundary_f(np.array(counts[3])) == pytest.approx(0.5)
    wide = classes.road_boundaries(street(8, 20), real)[0]  # runs to the picture's border, which is no edge
    assert wide.tolist() == [20, 20, 40, 20]
    assert classes.boundary_f(wide) == pytest.approx(2 / 3)


def test_a_map_without_roads_has_no_edges() -> None:
    empty = flat("land", "water")
    counts = classes.road_boundaries(empty, empty)
    assert counts.tolist() == [[0, 0, 0, 0]]
    assert classes.boundary_f(counts).tolist() == [0]


def test_motorways_are_roads_and_the_distance_is_euclidean() -> None:
    real = street(8, 12)
    painted = real.copy()
    painted[:, :, 8:12] = classes.PROTOTYPES["motorway"][1]
    assert classes.road_boundaries(painted, real)[0].tolist() == [40, 40, 40, 40]
    dot, moved = np.zeros((2, 1, 9, 9, 3), np.uint8) + np.array(classes.PROTOTYPES["land"][0], np.uint8)
    dot[0, 2, 2], moved[0, 4, 4] = classes.PROTOTYPES["road"][0], classes.PROTOTYPES["road"][0]
    assert classes.road_boundaries(dot, moved)[0].tolist() == [1, 0, 1, 0]  # 2.8 px away


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
    means = [score(np.roll(maps, by, 2), maps) for by in (0, 1, 2, 4)]
    assert means == sorted(means, reverse=True)


def test_one_constant_colour_is_exposed() -> None:
    """On towns, a constant map scores on land alone: at most a fifth of the mean of five classes."""
    maps = towns(40, 64, seed=0)[:, 1]
    constant = np.broadcast_to(np.array(classes.PROTOTYPES["land"][0], np.uint8), maps.shape)
    assert score(maps, maps) == 1
    assert score(constant, maps) < 0.2
