import numpy as np
import pytest

from ganflow.metrics import classes, hallucination, translation
from ganflow.metrics.bootstrap import multiplicities

SIDE = 40  # 1600 pixels, of which a class has to fill 1.6


def drawn(**pixels: int) -> np.ndarray:
    """A map [SIDE, SIDE, 3] of land with so many pixels of each class."""
    picture = np.empty((SIDE * SIDE, 3), np.uint8)
    picture[:] = classes.PROTOTYPES["land"][0]
    start = 0
    for name, count in pixels.items():
        picture[start : start + count] = classes.PROTOTYPES[name][0]
        start += count
    return picture.reshape(SIDE, SIDE, 3)


REAL = np.stack([drawn(), drawn(water=800), drawn(motorway=99, park=99, water=99)])
GENERATED = np.stack([drawn(park=160, water=32), drawn(motorway=1, water=100), drawn(motorway=500)])


def measured(generated: np.ndarray, real: np.ndarray) -> dict[str, tuple[float, float]]:
    return translation.with_noise(
        translation.per_image(generated, real, legend=classes.MAPS), multiplicities(len(real), 0)
    )


def test_by_hand() -> None:
    """The first map hallucinates a park and a lake; the second one pixel, which is none; the third lacks nothing."""
    found = hallucination.hallucinations_per_image(classes.confusions(GENERATED, REAL))
    any_motorway_park_water = [
        [[1, 192 / 1600, 1], [1, 0, 0], [1, 160 / 1600, 1], [1, 32 / 1600, 1]],
        [[1, 1 / 1600, 0], [1, 1 / 1600, 0], [1, 0, 0], [0, 0, 0]],
        [[0, 0, 0]] * 4,
    ]
    assert found == pytest.approx(np.array(any_motorway_park_water))
    shares = {key: float(value) for key, value in hallucination.hallucinated_shares(found.sum(0)).items()}
    assert shares == pytest.approx(
        {
            "hallucinated_images": 1 / 2,
            "hallucinated_images/motorway": 0,
            "hallucinated_images/park": 1 / 2,
            "hallucinated_images/water": 1,
            "hallucinated_pixels": 193 / 3200,
            "hallucinated_pixels/motorway": 1 / 3200,
            "hallucinated_pixels/park": 160 / 3200,
            "hallucinated_pixels/water": 32 / 1600,
        }
    )


def test_the_measures_of_a_set_are_these() -> None:
    found = measured(GENERATED, REAL)
    assert found["hallucinated_images"][0] == pytest.approx(1 / 2)
    assert found["hallucinated_pixels"][0] == pytest.approx(193 / 3200)


def test_a_real_map_hallucinates_nothing_and_three_maps_do_not_prove_it() -> None:
    found = measured(REAL, REAL)
    assert found["hallucinated_images"] == (0, pytest.approx(0.658, abs=0.001))  # Wilson, of the two that lack a class
    value, noise = found["hallucinated_pixels"]
    assert value == 0
    assert noise > 0


def test_where_nothing_is_lacking_there_is_no_measure() -> None:
    assert not {key for key in measured(GENERATED[2:], REAL[2:]) if key.startswith("hallucinated")}
