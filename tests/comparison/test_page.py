"""The page of two runs of a store that others write to as well."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganflow import comparison
from ganflow.cli import main
from ganflow.comparison.champion import ValidationScore
from ganflow.comparison.page import _image_by_image, _tested_on, page
from ganflow.tracking import reading, store


def git(*words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


@pytest.mark.parametrize("tag", ["--output={}", "-O{}", "--ext-diff", "HEAD --output={}", "-", "; echo > {}"])
def test_a_tag_of_a_run_is_no_option_of_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tag: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    client = store.client()
    hostile = tag.format(precious)
    tags = {"mlflow.source.git.commit": hostile, "ganflow.remake": hostile, "dvc.exp.name": hostile}
    runs = [client.create_run(store.experiment(client, "cgan"), run_name="a\x1b[2J", tags=tags) for _ in range(2)]
    monkeypatch.setattr("sys.argv", ["ganflow", "compare", *(run.info.run_id for run in runs)])
    main()
    assert precious.read_text() == "kept"
    monkeypatch.setattr("sys.argv", ["ganflow", "runs", runs[0].info.run_id])
    main()
    said = capsys.readouterr().out
    assert hostile not in said or hostile == "-"
    assert "\x1b" not in said


def test_what_failed_is_never_called_better() -> None:
    """A collapsed GAN whose Fréchet distance is the smaller one."""
    client = store.client()
    for name, distance, coverage in (("sound", 30.0, 0.8), ("collapsed", 1.0, 0.0)):
        tags = {"judged.n": "50"}
        run = client.create_run(store.experiment(client, "gan"), run_name=name, tags=tags).info.run_id
        precision = 1 - coverage / 2
        model = {"frechet_classifier": (distance, 0.5), "precision": (precision, 0.01), "coverage": (coverage, 0.01)}
        table = {"judged": {"n": 50}, "about": {"n": 50}, "rows": {"model": model, "floor": {}}}
        client.log_dict(run, table, "metrics/gan.json")
    text = page(*reversed(reading.list_runs(client, "gan")))
    assert (
        "Right. On 50 generated digits: precision, higher is better:\n<strong>neither is called better</strong>" in text
    )
    assert (
        'Varied. On 50 generated digits: coverage, higher is better:\n<strong class="better">A is better</strong>'
        in text
    )
    assert "B is collapsed: draws few of the digits. It is not called better" in text
    assert "B is better" not in text
    assert 'class="text is better"' not in text
    assert 'class="text is worse"' in text, "by coverage the sound one wins, and is told so"


LOST = "worse than one constant colour by mean class IoU"


def translator(client: Any, name: str, tested: float, validated: float, failed_validation: str = "") -> None:
    """A run of Pix2Pix with these mean class IoUs. One constant colour has 0.5 on the test images."""
    run = client.create_run(store.experiment(client, "pix2pix"), run_name=name, tags={"judged.n": "30"}).info.run_id
    rows = {"model": {"mean_iou": (tested, 0.01)}, "constant": {"mean_iou": (0.5, 0.01)}}
    client.log_dict(run, {"judged": {"n": 30}, "about": {"n": 30}, "rows": rows}, "metrics/pix2pix.json")
    client.log_text(run, "image\n0\n", "metrics/pix2pix_images.csv")
    values = np.array([validated, *np.random.default_rng(0).normal(validated, 0.001, 100)])
    score = ValidationScore("mean_iou", True, {"n": 96}, "download", failed_validation, values)
    client.log_text(run, score.text(), reading.VALIDATION_FILE)


@pytest.mark.parametrize(("tested", "validated", "failed"), [(0.3, 0.9, ""), (0.9, 0.3, LOST)])
def test_what_failed_on_one_split_is_better_by_no_number_of_the_other(
    tested: float, validated: float, failed: str
) -> None:
    client = store.client()
    translator(client, "sound", 0.6, 0.6)
    translator(client, "lost", tested, validated, failed)
    text = page(*reversed(reading.list_runs(client, "pix2pix")))
    assert f"B is {LOST}. It is not called better, whatever its numbers." in text
    assert "B is better" not in text
    assert 'class="text is better"' not in text


def test_tiles_are_not_called_images() -> None:
    tiles = pd.DataFrame({"picture": [0, 0, 1], "mae": [1.0, 2.0, 3.0]})
    for images, said in ((tiles, "960 tiles of 2 test images"), (tiles[["mae"]], "960 test images")):
        run: Any = SimpleNamespace(task="pix2pix", test_images=images)
        assert _tested_on(run, {"about": {"n": 960}}) == said


def test_two_classifiers_are_compared_by_parameters_and_curves() -> None:
    client = store.client()
    for name in ("a", "b"):
        run = client.create_run(
            store.experiment(client, "classifier"), run_name=name, tags={"judged.n": "9"}
        ).info.run_id
        client.log_param(run, "classifier.epochs", name)
        table = {"judged": {"n": 9}, "rows": {"model": {"accuracy": (0.9, 0.1)}}}
        client.log_dict(run, table, "metrics/classifier.json")
    text = page(*reading.list_runs(client, "classifier"))
    assert "classifier.epochs" in text
    assert "evaluate_classifier" not in text, "there is no such stage"


def test_one_model_trained_twice_is_called_the_same() -> None:
    client = store.client()
    for name in ("first", "again"):
        translator(client, name, 0.6, 0.6)
    runs = reading.list_runs(client, "pix2pix")
    for run in runs:
        client.set_tag(run.run_id, "ganflow.weights_sha256", "a" * 64)
    text = page(*reading.list_runs(client, "pix2pix"))
    assert "<strong>A and B are the same model, byte for byte.</strong>" in text
    assert "within noise of each other" not in text


def test_a_run_that_was_killed_early_gives_no_verdict_and_no_differences_of_judging() -> None:
    client = store.client()
    translator(client, "whole", 0.6, 0.6)
    whole = reading.list_runs(client, "pix2pix")[0]
    client.log_param(whole.run_id, "evaluate.checkpoint", "best")
    killed = client.create_run(store.experiment(client, "pix2pix"), run_name="killed").info.run_id
    client.set_terminated(killed, "KILLED")
    a, b = reversed(reading.list_runs(client, "pix2pix"))
    text = page(a, b)
    assert "<strong>No verdict.</strong> Without test measures: B (killed). A's validation: mean iou 0.600." in text
    assert "evaluate.checkpoint" not in text


def test_runs_without_pairs_have_no_image_by_image_picture() -> None:
    run: Any = SimpleNamespace(task="cyclegan", table={"rows": {}}, judged={}, test_images=pd.DataFrame({"image": [0]}))
    assert _image_by_image(run, run) is None


def test_comparisons_know_nothing_of_where_runs_are_kept() -> None:
    for module in Path(comparison.__file__).parent.glob("*.py"):
        assert "ganflow.tracking" not in module.read_text(encoding="utf-8")
