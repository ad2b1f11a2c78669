"""Which results may be compared, and the reason where they may not."""

import pytest

from ganflow.metrics.comparable import IMAGES, judged, not_comparable

PAIRS = {"test_images": "ab" * 32, "n": 200, "size": 256, "direction": "aerial2map", "checkpoint": "best"}
DIGITS = {"test_images": "ab" * 32, "n": 500, "size": 28, "checkpoint": "best", "classifier": "cd" * 32}


@pytest.mark.parametrize(
    ("task", "conditions", "change", "reason"),
    [
        ("pix2pix", PAIRS, {"direction": "map2aerial"}, "other direction (aerial2map and map2aerial)"),
        ("pix2pix", PAIRS, {"test_images": "ef" * 32}, "other test images"),
        ("pix2pix", PAIRS, {"size": 128}, "other size (256 and 128 pixels)"),
        ("pix2pix", PAIRS, {"n": 1098}, "other number of images (200 and 1098)"),
        ("pix2pix", PAIRS, {"checkpoint": "last"}, "other checkpoint rule (best and last)"),
        ("gan", DIGITS, {"classifier": "ef" * 32}, "judged by another classifier"),
        ("gan", DIGITS, {"n": 50}, "other number of images (500 and 50)"),
        (
            "cvae",
            PAIRS,
            {"parameters": {"evaluate.samples": 3}},
            "other evaluation parameter evaluate.samples (none and 3)",
        ),
    ],
)
def test_one_other_condition_is_one_reason(task: str, conditions: dict, change: dict, reason: str) -> None:
    a = judged(task, **conditions)
    assert not_comparable(a, judged(task, **conditions)) == ""
    assert not_comparable(a, judged(task, **conditions | change)) == f"not comparable: {reason}"


def test_every_reason_is_named() -> None:
    found = not_comparable(judged("pix2pix", **PAIRS), judged("cvae", **PAIRS | {"n": 1, "size": 8}))
    assert found == (
        "not comparable: other task (pix2pix and cvae), other size (256 and 8 pixels),"
        " other number of images (200 and 1)"
    )


def test_only_the_photos() -> None:
    a, b = judged("pix2pix", **PAIRS), judged("cvae", **PAIRS | {"checkpoint": "last"})
    assert not_comparable(a, b, only=IMAGES) == ""
    assert "other size" in not_comparable(a, judged("cvae", **PAIRS | {"size": 8}), only=IMAGES)


def test_with_and_without_pairs_on_the_same_photos() -> None:
    """What pairing is worth: two tasks, compared where everything but the task is the same."""
    a, b = judged("pix2pix", **PAIRS), judged("cyclegan", **PAIRS)
    same = (*IMAGES, "checkpoint")
    assert not_comparable(a, b, only=same) == ""
    assert "other test images" in not_comparable(a, judged("cyclegan", **PAIRS | {"test_images": "ef" * 32}), only=same)


def test_conditions_read_back_as_text_are_the_same() -> None:
    conditions = judged("pix2pix", **PAIRS)
    assert not_comparable(conditions, {name: str(value) for name, value in conditions.items()}) == ""


@pytest.mark.parametrize("older", [None, {}])
def test_without_conditions_a_result_is_of_an_older_version(older: dict | None) -> None:
    for pair in ((older, judged("pix2pix", **PAIRS)), (judged("pix2pix", **PAIRS), older), (older, older)):
        assert not_comparable(*pair) == "not comparable: measured by an older version"
