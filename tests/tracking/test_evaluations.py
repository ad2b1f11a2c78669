"""Evaluations as runs of their own: beside each other, below their training, and nothing half-way is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from ganflow import config
from ganflow.cli import main
from ganflow.metrics.comparable import judged
from ganflow.tracking import lineage, reading, standings, store
from ganflow.tracking.evaluations import log_evaluation
from ganflow.tracking.reading import list_runs, two_runs
from ganflow.tracking.run import WEIGHTS_TAG

TASK, WEIGHTS = "pix2pix", "cd" * 32
PARAMS = config.load_params(Path(__file__).parents[2] / "params.yaml")
CONDITIONS = {"n": 200, "size": 256, "test_images": "ab" * 32, "direction": "aerial2map", "checkpoint": "best"}


@pytest.fixture
def client() -> Any:
    return store.client()


def training(client: Any, weights: str = WEIGHTS) -> str:
    run = client.create_run(store.experiment(client, TASK), run_name=weights[:2], tags={WEIGHTS_TAG: weights})
    client.log_param(run.info.run_id, "pix2pix.lambda_l1", 50)
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def evaluate(
    mae: float, weights: str = WEIGHTS, files: dict[Path, str] | None = None, failure: str = "", **conditions: Any
) -> None:
    table = {
        "judged": judged(TASK, **CONDITIONS | conditions),
        "about": {"n": 200, "failure": failure},
        "rows": {"model": {"mae": (mae, 0.1)}, "constant": {"mae": (20.0, 0.1)}},
    }
    log_evaluation(TASK, table, weights, PARAMS, files or {})


def test_another_condition_is_another_evaluation_and_nothing_is_overwritten(client: Any) -> None:
    run_id = training(client)
    changes = [{}, {"test_images": "ef" * 32}, {"checkpoint": "last"}, {"n": 1098}, {"parameters": {"evaluate.x": 1}}]
    for mae, change in enumerate(changes):
        evaluate(float(mae), **change)
        evaluate(float(mae), **change)  # the same again is the same
    (run,) = list_runs(client)
    assert run.run_id == run_id
    assert [one.metrics["test/mae"] for one in run.evaluations] == [4, 3, 2, 1, 0], "the newest first"
    assert run.metrics["test/mae"] == 4
    first = run.judged_as(judged(TASK, **CONDITIONS))
    assert first is not None
    assert first.table is not None
    assert (first.metrics["test/mae"], first.table["rows"]["model"]["mae"]) == (0, [0, 0.1])
    assert len(first.evaluations) == len(changes)
    assert "test/mae" not in client.get_run(run_id).data.metrics
    for one in run.evaluations:
        of_mlflow = client.get_run(one.run_id)
        assert of_mlflow.data.tags["mlflow.parentRunId"] == run_id, "the page shows it below its training"
        assert of_mlflow.data.params["pix2pix.lambda_l1"] == "50", "as it was trained"
        assert of_mlflow.data.params["evaluate.checkpoint"] == "best"
        assert client.load_table(store.experiment(client, TASK), "measures.json", [one.run_id]).to_dict("list") == {
            "measure": ["mean absolute error"],
            "better": ["lower is better"],
            "this model": [one.metrics["test/mae"]],
            "± (95 %)": [0.1],
            "one constant colour": [20.0],
        }
    note = client.get_run(run_id).data.tags[store.NOTE]
    assert note.startswith("**On test images**: 4.00 levels of 255 off per pixel; one constant colour 20.00. ")
    assert note.count("**On test images**") == 1, "of the newest evaluation"


def test_what_is_measured_again_is_the_newest_again(client: Any) -> None:
    """Back from another checkpoint rule to the first: rankings and comparisons are by what was measured last."""
    run_id = training(client)
    evaluate(1.0)
    evaluate(2.0, checkpoint="last")
    assert list_runs(client)[0].metrics["test/mae"] == 2
    evaluate(1.0)
    (run,) = list_runs(client)
    assert [one.metrics["test/mae"] for one in run.evaluations] == [1, 2]
    assert run.judged["checkpoint"] == "best"
    client.set_tag(run.evaluations[0].run_id, reading.LOGGED_TAG, "whenever")  # anybody may write to a store
    assert list_runs(client)[0].run_id == run_id


def test_a_run_has_about_a_dozen_metrics_and_its_page_says_the_verdict_first(client: Any) -> None:
    """Each metric is a chart on MLflow's page, and curves come first: their prefix sorts before the others'."""
    table = json.loads((Path(__file__).parents[2] / "docs/results/pix2pix.json").read_text())
    assert len(table["rows"]["model"]) > 30
    run_id = training(client)
    for key in ("loss_d", "val_mean_iou"):
        client.log_metric(run_id, f"{reading.CURVES}{key}", 0.5)
    client.log_metric(run_id, f"{reading.SELECTED}val_mean_iou", 0.5)
    log_evaluation(TASK, table | {"judged": judged(TASK, **CONDITIONS)}, WEIGHTS, PARAMS, {})
    (run,) = list_runs(client)
    (evaluation,) = run.evaluations
    logged = client.get_run(evaluation.run_id).data
    assert len(logged.metrics) <= 12
    assert {"test/mean_iou", "selected/val_mean_iou"} <= logged.metrics.keys()
    assert logged.tags[store.NOTE].startswith("**On test images**: 0.571 overlap with the real classes; nearest")
    assert "one constant colour: 0.155" in logged.tags[store.NOTE]
    prefixes = {key.partition("/")[0] for key in (*run.metrics, *client.get_run(run_id).data.metrics) if "/" in key}
    assert min(prefixes) == reading.CURVES.removesuffix("/")
    assert run.metrics["val_mean_iou"] == 0.5, "by its own name, for whoever compares runs"


def test_what_it_failed_at_is_a_tag_that_the_list_of_runs_shows(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training(client)
    evaluate(30.0, failure="worse than one constant colour by mean absolute error")
    (run,) = list_runs(client)
    assert run.failure == "worse than one constant colour by mean absolute error"
    monkeypatch.setattr("sys.argv", ["ganflow", "runs"])
    main()
    head, row, why, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["RUN", "STARTED", "MODEL", "NAME", "VALIDATION,", "BEST", "EPOCH"]
    assert head.index("NAME") == row.index(" cd") + 1
    assert why.strip() == "worse than one constant colour by mean absolute error"
    evaluate(1.0)
    assert list_runs(client)[0].failure == "", "of the newest evaluation"


def test_an_evaluation_without_its_training_has_its_parameters(client: Any) -> None:
    evaluate(1.0)
    (run,) = list_runs(client)
    assert run.params["pix2pix.lambda_l1"] == str(PARAMS.pix2pix.lambda_l1)
    assert run.params["evaluate.perceptual"] == "auto"
    assert (run.metrics["test/mae"], run.judged["n"]) == (1, "200")
    run_id = training(client)  # it is brought in afterwards, and the evaluation found below it
    evaluate(1.0)
    assert [(run.run_id, len(run.evaluations)) for run in list_runs(client)] == [(run_id, 1)]


def test_what_died_half_way_is_not_read_and_completed_by_the_next(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training(client)
    images = tmp_path / "pix2pix_images.csv"
    images.write_text("image,mae\n0,1\n")
    for count, method in enumerate(("log_batch", "log_text", "log_artifact", "set_terminated")):
        with monkeypatch.context() as killed:
            killed.setattr(MlflowClient, method, lambda *_, **__: 1 / 0)
            evaluate(1.0, files={images: "metrics"}, n=100 + count)
        assert capsys.readouterr().err.count("tracking is off") == 1
        (run,) = list_runs(client)
        assert len(run.evaluations) == count, method
        standings.publish_standings(client, TASK)
        evaluate(1.0, files={images: "metrics"}, n=100 + count)
        (run,) = list_runs(client)
        assert len(run.evaluations) == 1 + count, method
        assert run.judged["n"] == str(100 + count)
        assert run.test_images["mae"].tolist() == [1]
        assert len(client.search_runs([store.experiment(client, TASK)])) == 2 + count, "not begun a second time"
    with monkeypatch.context() as killed:
        killed.setattr(MlflowClient, "log_artifact", lambda *_, **__: 1 / 0)
        evaluate(1.0, files={images: "figures"}, n=103)
    (run,) = list_runs(client)
    assert run.judged["n"] == "103", "a picture that cannot be added takes nothing away"


def test_two_runs_are_compared_as_both_were_judged(client: Any) -> None:
    for weights in ("aa", "bb"):
        training(client, weights)
        evaluate(1.0, weights)
    evaluate(2.0, "aa", n=1098)
    runs = list_runs(client)
    a, b = two_runs(runs, "aa", "bb", None)
    assert (a.judged, b.judged["n"]) == (b.judged, "200"), "A's newest has no counterpart"
    newest, older = next(run for run in runs if run.name == "aa").evaluations
    a, b = two_runs(runs, newest.run_id, older.run_id[:12], None)
    assert (a.judged["n"], b.judged["n"]) == ("1098", "200"), "two evaluations of one training, by their ids"
    evaluate(3.0, "bb", n=1098, checkpoint="last")
    only_a = two_runs(list_runs(client), newest.run_id, "bb", None)
    assert [run.judged["n"] for run in only_a] == ["1098", "1098"], "none is alike: the newest"


def test_the_list_of_runs_fits_a_hundred_columns(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = client.create_run(store.experiment(client, "classifier"), run_name="x" * lineage.NAME_LENGTH).info.run_id
    for name, value in (("val_frechet_classifier", 1234.5678), ("val_frechet_classifier_pm", 100.2)):
        client.log_metric(run, f"{reading.SELECTED}{name}", value)
    client.set_terminated(run)
    client.create_run(store.experiment(client, "pix2pix"), run_name="under way")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ganflow", "runs"])
        main()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[1].endswith(" running")
    assert lines[2].endswith(" frechet 1234.568 ± 100.200")
