from pathlib import Path

import numpy as np
import pytest

from ganflow.inference.grids import GAP, translation_grid
from ganflow.report.parts import corner, first_rows, verdict_of


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


def test_a_card_shows_a_grids_first_tiles_without_captions_and_a_section_its_first_rows(tmp_path: Path) -> None:
    tiles = np.zeros((5, 64, 64, 3), np.uint8)
    grid = translation_grid({name: tiles + level for name, level in (("a", 50), ("b", 100), ("c", 150), ("d", 200))})
    grid.save(tmp_path / "grid.png")
    card = np.asarray(corner(tmp_path / "grid.png", columns=4))
    assert set(np.unique(card)) == {50, 100, 150, 200, 255}, "tiles and the gaps between them: no letters"
    narrow = np.asarray(corner(tmp_path / "grid.png", columns=4, shown=2))
    assert set(np.unique(narrow)) == {50, 100, 255}
    rows = first_rows(tmp_path / "grid.png", columns=4, rows=3)
    assert rows.width == grid.width
    assert grid.height - rows.height == 2 * (64 + GAP)
    assert first_rows(tmp_path / "grid.png", columns=4, rows=9).height == grid.height
