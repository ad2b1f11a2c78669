"""Sets of translated images: what their measures are, and what each of them notices."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from distortions import blur, noise, of, shift, without_streets

from ganflow.data.towns import towns
from ganflow.data.trivial_answers import median_colour
from ganflow.metrics import classes, pixels, translation
from ganflow.metrics.bootstrap import multiplicities
from ganflow.metrics.measures import TRANSLATION

BETTER = {measure.key: measure.better for measure in TRANSLATION}


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    return towns(6, 256, seed=0)[:, 1]


def test_pixel_measures_are_means_and_class_measures_come_from_all_counts(real: np.ndarray) -> None:
    shifted = np.roll(real, 2, 1)
    frame = translation.per_image(shifted, real, legend=classes.MAPS)
    found = of(shifted, real)
    assert found["mae"] == pytest.approx(pixels.pixel_errors_per_image(shifted, real).mae.mean())
    counts = classes.confusions(shifted, real).sum(0)
    assert found["mean_iou"] == pytest.approx(float(classes.scores(counts)["mean_iou"]))
    assert found["mean_iou"] != pytest.approx(frame.mean_iou.mean(), abs=1e-3), "not the mean of the maps' own"
    edges = classes.road_boundaries(shifted, real).sum(0)
    assert found["road_boundary_f"] == pytest.approx(float(classes.boundary_f(edges)))


def test_photos_have_no_classes(real: np.ndarray) -> None:
    frame = translation.per_image(real[:2], real[2:4], legend=None)
    assert list(frame) == list(pixels.pixel_errors_per_image(real[:2], real[2:4]))
    assert set(translation.translation_measures(frame)) == set(frame)


def test_a_resample_is_measured_as_the_images_it_holds(real: np.ndarray) -> None:
    generated = np.roll(real, 3, 2)
    weights = multiplicities(len(real), seed=4, resamples=3)
    resampled = translation.translation_measures(translation.per_image(generated, real, legend=classes.MAPS), weights)
    for row, counts in enumerate(weights.astype(int)):
        drawn = np.repeat(np.arange(len(real)), counts)
        for key, value in of(generated[drawn], real[drawn]).items():
            assert resampled[key][row] == pytest.approx(value, rel=1e-6, nan_ok=True), key


def test_tiles_of_a_picture_are_drawn_together(real: np.ndarray) -> None:
    """Each picture twice is measured as it is once, and so is the difference of two answers."""
    generated, other = np.roll(real, 2, 1), np.roll(real, 3, 2)
    pictures = np.repeat(np.arange(len(real)), 2)
    once, twice = (
        [
            translation.per_image(np.repeat(one, tiles, 0), np.repeat(real, tiles, 0), classes.MAPS, pictures=of)
            for one in (generated, other)
        ]
        for tiles, of in ((1, None), (2, pictures))
    )
    assert list(twice[0]) == ["picture", *once[0]]
    noise = [translation.with_noise(frames[0], translation.resamples(frames[0], 1)) for frames in (once, twice)]
    change = [translation.difference_with_noise(*both, translation.resamples(both[0], 1)) for both in (once, twice)]
    for a, b in (noise, change):
        assert a.keys() == b.keys()
        for key in a:
            assert b[key] == pytest.approx(a[key], nan_ok=True) or key.startswith("hallucinated"), key
    assert "picture" not in noise[1]
    assert "image" not in translation.translation_measures(twice[0].reset_index(names="image"))


def test_one_picture_shows_no_noise(real: np.ndarray) -> None:
    frame = translation.per_image(real[:2], real[2:4], classes.MAPS, pictures=np.zeros(2, int))
    found = translation.with_noise(frame, translation.resamples(frame, 0))
    assert found["mae"][0] > 0
    assert np.isnan([noise for _, noise in found.values()]).all()


def test_a_class_in_none_of_the_maps_has_no_measure() -> None:
    land = np.full((3, 32, 32, 3), classes.PROTOTYPES["land"][0], np.uint8)
    found = translation.with_noise(translation.per_image(land, land, legend=classes.MAPS), multiplicities(3, 0))
    assert found["iou/land"] == found["mean_iou"] == (1, 0)
    assert not {key for key in found if key in ("iou/water", "iou/road", "recall/water")}


@pytest.mark.parametrize(
    ("distort", "strengths"),
    [(blur, (0.5, 1, 2, 4)), (noise, (4, 12, 36)), (shift, (1, 2, 4)), (without_streets, (0.2, 0.5, 1.0))],
)
def test_every_measure_worsens_with_every_distortion(
    real: np.ndarray, distort: Callable[[np.ndarray, float], np.ndarray], strengths: tuple[float, ...]
) -> None:
    rows = [of(real, real), *(of(distort(real, strength), real) for strength in strengths)]
    for key in rows[0]:
        # What is not drawn is not wrong: neither the correctness of streets nor hallucinations have to worsen.
        if key == "iou/road" or ("/" not in key and not key.startswith(("hallucinated_", "street_correctness"))):
            values = [row[key] for row in rows]
            falling = all(a >= b for a, b in itertools.pairwise(values))
            rising = all(a <= b for a, b in itertools.pairwise(values))
            assert falling if BETTER[key] == "up" else rising, (key, values)
            assert values[0] != values[-1], key


def test_missing_streets_are_hardly_noticed_by_pixels_and_plainly_by_classes(real: np.ndarray) -> None:
    """Why both stand in every table."""
    without = of(without_streets(real, 1.0), real)
    constant = np.broadcast_to(median_colour(real), real.shape)
    of_constant = of(constant, real)
    assert without["iou/road"] == 0
    assert without["road_boundary_f"] == 0
    assert without["mae"] < 0.5 * of_constant["mae"]
