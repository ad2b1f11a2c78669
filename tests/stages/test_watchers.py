"""The list of watchers, proved: without any of them, every training and evaluation makes the same bytes."""

from pathlib import Path

from workspace import ORDER, outs, project, unwatched

FROM_MODELS = ORDER[ORDER.index("train_classifier") : ORDER.index("report")]


def test_no_watcher_changes_a_byte_of_an_out(whole: Path, tmp_path: Path) -> None:
    """Nor does a clock, a path or a run's id, which a second project, elsewhere and later, would have others of."""
    folder = project(tmp_path / "elsewhere" / "unwatched")
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    unwatched(folder, *FROM_MODELS)
    found, expected = outs(folder), outs(whole)
    assert {name.partition("/")[0] for name in found} == {"models", "metrics", "reports"}
    left_out = expected.keys() - found.keys()
    assert all(name == "reports/index.html" or name.startswith("reports/model_cards/") for name in left_out), left_out
    assert found == {name: expected[name] for name in found}
    assert not (folder / "mlflow.db").exists()
