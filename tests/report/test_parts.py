import pytest

from ganflow.report.parts import verdict_of


@pytest.mark.parametrize(("model", "clearly"), [((0.281, 0.039), False), ((0.571, 0.033), True)])
def test_a_baseline_that_is_not_clearly_beaten_is_named(model: tuple[float, float], clearly: bool) -> None:
    overlaps = {"model": model, "nearest": (0.267, 0.02), "constant": (0.155, 0.01)}
    table = {"about": {"n": 200}, "rows": {row: {"mean_iou": overlap} for row, overlap in overlaps.items()}}
    good = verdict_of("pix2pix", table)["good"]
    assert good.endswith(" Not clearly better than nearest training pair.") != clearly
    assert "than one constant colour" not in good


def test_other_real_digits_are_no_baseline_to_beat() -> None:
    row = {"class_accuracy": (0.99, 0.01), "coverage": (0.8, 0.01), "frechet_classifier": (2.0, 0.1)}
    rows = {"model": row, "floor": row, "ceiling": {"coverage": (0.03, 0.01), "frechet_classifier": (360.0, 5.0)}}
    assert "Not clearly" not in verdict_of("cgan", {"about": {"n": 50}, "rows": rows})["good"]
