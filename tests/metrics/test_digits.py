import numpy as np
import pytest

from ganflow.metrics.digits import Classified, by_class, coverage_by_class, digit_measures

LABELS = np.arange(600) % 3


def seen(labels: np.ndarray, seed: int) -> Classified:
    """Digits of three classes as a classifier might see them: features around each class's own place."""
    places = 10 * np.eye(3)[labels]
    return Classified(places + np.random.default_rng(seed).standard_normal((len(labels), 3)), np.eye(10)[labels])


def test_what_was_asked_for_is_as_near_as_real_digits_of_that_class() -> None:
    found = by_class(seen(LABELS, 0), LABELS, seen(LABELS, 1), LABELS, seed=0)
    assert set(found) == {"0", "1", "2", "all"}
    assert all(entry["class_accuracy"] == (1, pytest.approx(0, abs=0.02)) for entry in found.values())
    assert all(entry["frechet_by_class"][0] < 0.2 for entry in found.values())
    assert found["all"]["frechet_by_class"][0] == pytest.approx(
        np.mean([found[label]["frechet_by_class"][0] for label in "012"])
    )


def test_swapped_classes_are_exposed_though_the_whole_set_is_the_same() -> None:
    found = by_class(seen(LABELS, 0), (LABELS + 1) % 3, seen(LABELS, 1), LABELS, seed=0)
    assert found["all"]["class_accuracy"][0] == 0
    assert found["all"]["frechet_by_class"][0] == pytest.approx(200, rel=0.1)


def test_one_class_that_is_ignored_is_named() -> None:
    drawn = np.where(LABELS == 2, 1, LABELS)
    found = by_class(seen(drawn, 0), LABELS, seen(LABELS, 1), LABELS, seed=0)
    assert found["2"]["class_accuracy"][0] == 0
    assert found["0"]["class_accuracy"][0] == found["1"]["class_accuracy"][0] == 1
    expected = pytest.approx(1.96 * np.sqrt(2 / 9 / 600), rel=0.03)
    assert found["all"]["class_accuracy"] == (pytest.approx(2 / 3), expected)


def test_a_class_of_two_digits_has_no_distance_and_still_counts_among_all() -> None:
    labels = np.where(np.arange(600) < 2, 9, LABELS)
    found = by_class(seen(LABELS, 0), labels, seen(LABELS, 1), LABELS, seed=0)
    assert "9" not in found
    assert found["all"]["class_accuracy"][0] == pytest.approx(598 / 600)


def test_where_no_class_has_three_digits_there_is_an_accuracy_and_no_distance() -> None:
    few = np.arange(6) % 3
    assert set(by_class(seen(few, 0), few, seen(few, 1), few, seed=0)["all"]) == {"class_accuracy"}


def test_what_no_digit_does_has_an_interval_all_the_same() -> None:
    far = Classified(seen(LABELS, 0).features + 1000, seen(LABELS, 0).probabilities)
    found = digit_measures(far, seen(LABELS, 1), seed=0)
    for key in ("precision", "recall", "coverage"):
        assert found[key] == (0, pytest.approx(0.0064, abs=1e-4)), key


def test_a_class_of_which_every_digit_is_the_same_covers_hardly_any_real_one() -> None:
    drawn = seen(LABELS, 0)
    drawn.features[LABELS == 1] = drawn.features[1]
    found = coverage_by_class(drawn, LABELS, seen(LABELS, 1), LABELS)
    assert found["1"] < 0.1
    assert min(found["0"], found["2"]) > 0.8


def test_a_class_that_is_never_drawn_covers_nothing() -> None:
    drawn = np.where(LABELS == 2, 1, LABELS)
    assert coverage_by_class(seen(drawn, 0), drawn, seen(LABELS, 1), LABELS)["2"] == 0
