"""The registry for real: versions, and an alias that moves with the validation."""

from pathlib import Path

import numpy as np
import pytest
from small_model import EXAMPLE, small_model

from ganflow.comparison.champion import LEAST_PAIRS, ValidationScore
from ganflow.files import project_root
from ganflow.tracking import registry
from ganflow.tracking.run import Dataset, start_run

DATA = Dataset("maps", "ab" * 32, "download")


def trained(value: float | None, training: str, images: int = 96, failure: str = "") -> str:
    tracker = start_run("pix2pix", params={"seed": 0}, dataset=DATA, training=training, tags={})
    noise = np.random.default_rng(0).normal(0, 0.01, 100)
    score = (
        None
        if value is None
        else ValidationScore("mean_iou", True, {"n": images}, "download", failure, np.array([value, *(value + noise)]))
    )
    tracker.model(small_model(project_root()), EXAMPLE, "model", score)
    tracker.finish("FINISHED")
    assert tracker.run_id
    return tracker.run_id


def test_each_training_is_a_version_and_the_best_is_champion(tmp_path: Path) -> None:
    import mlflow

    runs = [trained(value, f"training {value}") for value in (0.5, 0.4, 0.6, None)]
    trained(0.9, "training 0.4")  # its model is there: not once more, and no second verdict
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    versions = sorted(client.search_model_versions("name = 'pix2pix'"), key=lambda version: int(version.version))
    assert [version.run_id for version in versions] == runs
    champion = client.get_model_version_by_alias("pix2pix", "champion")
    assert champion.run_id == runs[2]
    said = [version.description or "" for version in versions]
    for text, expected in zip(said, ("The first champion", "Worse than", "Better than", ""), strict=True):
        assert expected in text
    assert client.get_run(runs[0]).data.metrics["selected/val_mean_iou_pm"] > 0
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    answer = mlflow.pyfunc.load_model("models:/pix2pix@champion").predict(np.zeros((3, 20, 9, 3), np.uint8))
    assert answer.shape == (3, 20, 9, 3)


def test_a_kill_between_a_version_and_the_alias_loses_no_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same training, which ends again, decides what the killed process had not decided."""
    import mlflow

    def killed(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "set_registered_model_alias", killed)
        trained(0.5, "training")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert registry.champion_run(client, "pix2pix") is None
    run = trained(0.5, "training")
    assert registry.champion_run(client, "pix2pix") == run
    (version,) = client.search_model_versions("name = 'pix2pix'")
    assert "The first champion" in version.description


@pytest.mark.parametrize("lost", ["run", "artifact", "content"])
def test_a_champion_that_cannot_be_read_stays(tmp_path: Path, lost: str) -> None:
    import mlflow

    first = trained(0.1, "first")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    for path in (tmp_path / "mlruns").rglob("validation.json"):
        if lost == "content":
            path.write_text('{"measure": "other"}')
        else:
            path.unlink()
    if lost == "run":
        client.delete_run(first)
    second = trained(0.9, "second")
    assert client.get_model_version_by_alias("pix2pix", "champion").run_id == first
    (version,) = client.search_model_versions(f"run_id = '{second}'")
    assert version.description.startswith("validation mean iou 0.9 ±")
    assert "Not compared: " in version.description
    assert "first champion" not in version.description


def test_what_failed_or_was_hardly_validated_is_a_version_and_no_champion(tmp_path: Path) -> None:
    """Not even the first, nor by a better number."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    failed = trained(0.9, "failed", failure="worse than one constant colour by mean class IoU")
    small = trained(0.9, "small", images=LEAST_PAIRS - 1)
    assert registry.champion_run(client, "pix2pix") is None
    sound = trained(0.5, "sound", images=LEAST_PAIRS)
    collapsed = trained(0.9, "collapsed", failure="collapsed: draws few of the digits")
    assert registry.champion_run(client, "pix2pix") == sound
    for run, why in (
        (failed, "Cannot be champion: it is worse than one constant colour"),
        (small, "Cannot be champion: 19 validation images are too few: a champion takes 20."),
        (collapsed, "Cannot be champion: it has collapsed: draws few"),
    ):
        (version,) = client.search_model_versions(f"run_id = '{run}'")
        assert why in version.description
