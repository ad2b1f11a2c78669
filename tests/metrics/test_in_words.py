import math
from typing import Any

import pytest

from ganflow.metrics.in_words import how_good, how_it_fails, key_numbers

DIGITS = {
    "rows": {
        "model": {
            "precision": (0.75, 0.02),
            "coverage": (0.8, 0.01),
            "frechet_classifier": (8.0, 0.9),
            "score": (8.4, 0.1),
            "copied": (0.0, 0.002),
        },
        "floor": {"precision": (0.87, 0.01), "coverage": (0.83, 0.01), "frechet_classifier": (0.9, 0.1)},
        "ceiling": {"frechet_classifier": (360.0, 4.0)},
    },
    "class_shares": [0.1] * 10,
    "coverage_by_class": {row: {str(digit): 0.8 for digit in range(10)} for row in ("model", "floor")},
}
MAPS = {
    "rows": {
        "model": {"mean_iou": (0.571, 0.03), "iou/land": (0.84, 0.1), "iou/road": (0.267, 0.1), "mae": (8.0, 0.5)},
        "nearest": {"mean_iou": (0.267, 0.03), "mae": (14.3, 0.5)},
        "constant": {"mean_iou": (0.155, 0.03), "mae": (10.6, 0.5)},
    },
    "classes": ["land", "road"],
    "confusion": [[9, 1], [6, 4]],
}


def altered(table: dict[str, Any], **changes: Any) -> dict[str, Any]:
    rows = table["rows"] | {"model": table["rows"]["model"] | changes.pop("model", {})}
    return table | {"rows": rows} | changes


def test_how_good_stands_beside_real_digits() -> None:
    expected = (
        "75 of 100 digits lie among the real ones (other real digits: 87); they cover 80 of 100 real digits (83)."
    )
    assert how_good("gan", DIGITS) == expected


def test_how_good_a_map_is_stands_beside_what_learned_nothing() -> None:
    said = how_good("pix2pix", MAPS)
    assert said == "0.571 overlap with the real classes; nearest training pair 0.267, one constant colour 0.155."


def test_a_lost_model_says_first_that_it_lost() -> None:
    lost = altered(MAPS, model={"mean_iou": (0.1, 0.01)})
    assert how_good("pix2pix", lost) == "This model is worse than one constant colour by mean class IoU."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Least varied at 0: they cover 80 of 100 real ones (other real ones: 80)."),
        (
            {"coverage_by_class": {"model": {"3": 0.01, "4": 0.7}, "floor": {"3": 0.8, "4": 0.8}}},
            "Every 3 is nearly the same 3.",
        ),
        (
            {
                "coverage_by_class": {"model": {"0": 0.7, "1": 0.01}, "floor": {"0": 0.8, "1": 0.8}},
                "classes": ["shirt", "coat"],
                "class_shares": [0.5, 0.5],
            },
            "Every coat is nearly the same coat.",
        ),
        ({"class_shares": [0.0, 0.1, 0.0, *[0.8 / 7] * 7]}, "It hardly ever draws a 0 or a 2."),
        (
            {"class_shares": [0.0, *[1 / 99] * 99], "classes": [f"c{n}" for n in range(100)]},
            "It hardly ever draws a c0.",
        ),
        ({"class_shares": [0.09, 0.91], "classes": ["shirt", "coat"]}, "It hardly ever draws a shirt."),
        ({"model": {"copied": (0.3, 0.01)}}, "30 of 100 are copies of training digits."),
    ],
)
def test_how_digits_fail_is_seen_though_each_is_legible(change: dict[str, Any], said: str) -> None:
    assert how_it_fails("gan", altered(DIGITS, **change)) == said


def test_a_digit_to_order_names_its_weakest() -> None:
    by_class = {"model": {"3": {"class_accuracy": (0.995, 0.01)}, "8": {"class_accuracy": (0.9, 0.01)}}}
    assert how_it_fails("cgan", DIGITS | {"by_class": by_class}) == "Weakest at 8: 90 of 100 are read as asked."


def test_a_map_names_its_weakest_class_and_what_is_drawn_instead() -> None:
    assert how_it_fails("pix2pix", MAPS) == "Weakest at road: overlap 0.267, mostly drawn as land."


def test_what_is_most_often_drawn_where_none_is_has_its_own_share() -> None:
    """Of the maps that lack it: few lack a park, so that a park on half of those is less than half of all maps."""
    drawn = {"": 0.416, "/motorway": 0.274, "/park": 0.547, "/water": math.nan}
    said = how_it_fails(
        "pix2pix", altered(MAPS, model={f"hallucinated_images{of}": (share, 0.1) for of, share in drawn.items()})
    )
    where = "show water, park or motorway where none is (park on 55 of 100 that have none)."
    assert said.endswith(f"; 42 of 100 tiles {where}")


def test_a_latent_that_is_ignored_is_said_first() -> None:
    assert how_it_fails("cvae", altered(MAPS, model={"diversity": (0.01, 0.01)})).startswith(
        "Its answers to one input are all the same"
    )


def test_an_input_that_is_no_answer_stands_beside_nothing() -> None:
    rows = {"model": {"mean_iou": (0.5, 0.1)}, "constant": {"mean_iou": (0.14, 0.0)}, "input": {"mean_iou": (0.006, 0)}}
    assert how_good("pix2pix", {"rows": rows}).endswith("; one constant colour 0.140.")
    rows["input"] = {"mean_iou": (0.3, 0.1)}
    assert how_good("pix2pix", {"rows": rows}).endswith("; one constant colour 0.140, the input itself 0.300.")


def test_the_input_and_the_threshold_stand_beside_a_result_where_there_are_some() -> None:
    trivial = {"input": {"mae": (9.0, 0.5)}, "colour": {"mae": (8.5, 0.5)}}
    table = {"rows": {"model": {"mae": (8.0, 0.1)}, "constant": {"mae": (50.0, 0.1)}, **trivial}}
    beside = "one constant colour 50.00, the input itself 9.00, the pixel's colour alone 8.50"
    assert how_good("pix2pix", table) == f"8.00 levels of 255 off per pixel; {beside}."


def test_the_noise_of_a_single_picture_is_a_dash() -> None:
    table = {"rows": {"model": {"mae": (8.0, None)}, "constant": {"mae": (5.0, None)}}}
    (number,) = key_numbers("pix2pix", table)
    assert (number.value, number.noise) == ("8.00", "–")
    assert how_good("pix2pix", table) == "8.00 levels of 255 off per pixel; one constant colour 5.00.", "no verdict"


def test_key_numbers_are_three_with_their_baselines() -> None:
    found = key_numbers("gan", DIGITS)
    assert [number.key for number in found] == ["score", "coverage", "frechet_classifier"]
    assert found[1].value == "80.0 %"
    assert found[2].beside == [("other real digits", "0.90"), ("a Gaussian on pixels", "360.00")]
    assert found[0].words == "out of 10: clear digits, all 10 of them"
    assert key_numbers("gan", DIGITS | {"classes": ["shirt", "coat"]})[0].words.startswith("out of 2: ")
    assert [number.key for number in key_numbers("pix2pix", MAPS)] == ["mean_iou", "mae"], "those that there are"
