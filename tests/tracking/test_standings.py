"""What the page of an experiment says of its runs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganflow import config
from ganflow.comparison.champion import ValidationScore
from ganflow.metrics.comparable import judged
from ganflow.tracking import standings, store
from ganflow.tracking.evaluations import log_evaluation
from ganflow.tracking.reading import VALIDATION_FILE
from ganflow.tracking.run import WEIGHTS_TAG

PARAMS = config.load_params(Path(__file__).parents[2] / "params.yaml")
TASK = "cgan"


@pytest.fixture
def client() -> Any:
    return store.client()


LUCK = np.random.default_rng(0).normal(0, 1, 1000)


def measured(
    client: Any,
    name: str,
    distance: float,
    data: str = "abc",
    params: dict[str, int] | None = None,
    noise: float = 0.1,
    validated_on: str = "val",
    test_distance: float | None = None,
    coverage: float = 0.8,
) -> str:
    """A run of the conditional GAN as training and evaluation leave it; `distance` is what its validation said."""
    experiment = store.experiment(client, TASK)
    tags = {"ganflow.remake": f"dvc repro {name}", WEIGHTS_TAG: f"weights of {name}"}
    run = client.create_run(experiment, run_name=name, tags=tags).info.run_id
    for key, value in (params or {}).items():
        client.log_param(run, key, value)
    # Half of each run's luck is its own, so that differences have an interval.
    own = np.random.default_rng(len(name)).normal(0, 1, 1000)
    values = distance + noise / 1.96 * np.array([0, *((LUCK + own) / np.sqrt(2))])
    conditions = judged(TASK, n=5000, size=28, validation_images=validated_on)
    score = ValidationScore("frechet_classifier", False, conditions, "download", "", values)
    client.log_text(run, score.text(), VALIDATION_FILE)
    client.log_metric(run, "selected/val_frechet_classifier", distance)
    rows = {
        "model": {
            "frechet_classifier": (test_distance or distance + 0.5, noise),
            "class_accuracy": (0.98, 0.01),
            "coverage": (coverage, 0.01),
            "recall": (coverage, 0.01),
        },
        "floor": {"frechet_classifier": (0.5, 0.1), "class_accuracy": (0.995, 0.001)},
        "ceiling": {"frechet_classifier": (300.0, 1.0), "coverage": (0.03, 0.01)},
    }
    rows["at its mean"] = {"class_accuracy": (0.7, 0.01)}  # the model again, asked in another way
    client.set_terminated(run)
    conditions = judged(TASK, n=50, size=28, test_images=data, checkpoint="best", classifier="fe")
    table = {"judged": conditions, "about": {"n": 50}, "rows": rows}
    log_evaluation(TASK, table, tags[WEIGHTS_TAG], PARAMS, {})
    return run


def page(client: Any) -> str:
    standings.publish_standings(client, TASK)
    return client.get_experiment_by_name(TASK).tags.get(store.NOTE, "")


def test_the_first_line_says_which_is_best_and_whether_that_is_more_than_noise(client: Any) -> None:
    measured(client, "one", 3.0)
    measured(client, "second", 2.0)
    first, _, rest = page(client).partition("\n")
    assert first.startswith('Best: "second", validation Fréchet distance 2.00 ± 0.10; next 1.00 ± 0.09')
    assert first.endswith(", more than noise. Open ▾")
    assert "`dvc repro one`" in rest
    assert "- *other real digits*: Fréchet distance 0.50; read as the digit asked for 0.9950; coverage –" in rest
    assert "- *Gaussian on pixels*: Fréchet distance 300.00; read as the digit asked for –; coverage 0.030" in rest
    assert "|" not in rest, "no table: MLflow's column is narrow"
    assert "at its mean" not in rest
    measured(client, "third run", 1.95)
    assert ", within noise. Open ▾" in page(client).partition("\n")[0]


def test_the_validation_ranks_and_the_test_values_stand_beside(client: Any) -> None:
    measured(client, "lucky in the test", 3.0, test_distance=1.0)
    measured(client, "chosen", 2.0, test_distance=4.0)
    text = page(client)
    assert text.startswith('Best: "chosen"')
    head, test, *_ = text[text.index("\n1. ") + 1 :].splitlines()
    assert head.endswith(": validation Fréchet distance ↓ **2.00 ± 0.10**")
    assert test == (
        "    - test: Fréchet distance ↓ 4.00 ± 0.10; read as the digit asked for (right) ↑ 0.9800 ± 0.0100; "
        "coverage (varied) ↑ 0.800 ± 0.010"
    )


def test_the_best_of_many_must_be_better_by_more_than_luck(client: Any) -> None:
    """What is more than noise of two runs is within noise of eight: each of them had a chance to be the best."""
    for number in range(2):
        measured(client, "r" * (number + 1), 2.0 + 0.12 * number)
    assert "more than noise" in page(client).partition("\n")[0]
    assert "Bonferroni" not in page(client)
    for number in range(2, 8):
        measured(client, "r" * (number + 1), 2.2)
    text = page(client)
    assert "within noise" in text.partition("\n")[0]
    assert "Bonferroni's for all pairs of the 8 runs" in text


def test_a_run_that_failed_is_last_and_never_the_best(client: Any) -> None:
    measured(client, "collapsed", 0.9, coverage=0.0)
    assert page(client).startswith('No run is best: "collapsed" is collapsed: draws few of the digits. Open')
    measured(client, "sound", 33.0)
    text = page(client)
    first = text.partition("\n")[0]
    assert first == (
        'Best: "sound", validation Fréchet distance 33.00 ± 0.10; next: collapsed: draws few of the digits. Open ▾'
    )
    (line,) = (line for line in text.splitlines() if line.startswith("- [collapsed]("))
    assert "**collapsed: draws few of the digits**" in line
    measured(client, "trivial", 0.5, test_distance=300.0)
    text = page(client)
    assert text.startswith('Best: "sound"')
    assert "**no better than a Gaussian on pixels by Fréchet distance**" in text


def test_parameters_that_differ_stand_beside_those_of_the_best(client: Any) -> None:
    measured(client, "one", 3.0, params={"cgan.epochs": 3, "seed": 0, "cgan.gone": 1})
    measured(client, "second", 2.0, params={"cgan.epochs": 9, "seed": 0})
    (line,) = (line for line in page(client).splitlines() if "differs (in the best)" in line)
    assert "`cgan.epochs` 3 (9) `cgan.gone` 1 (–)" in line
    assert "seed" not in line


def test_other_data_and_unmeasured_runs_are_counted_and_not_compared(client: Any) -> None:
    measured(client, "of other data", 1.0, data="other")
    measured(client, "validated on others", 1.0, validated_on="other images")
    client.create_run(store.experiment(client, TASK), run_name="killed")
    measured(client, "a|b", 2.0)
    text = page(client)
    assert text.startswith('The only run: "a\\|b", validation Fréchet distance 2.00 ± 0.10. ')
    assert "; 1 run not comparable: other test images" in text
    assert "; 1 run not comparable: other validation images" in text
    assert "; 1 run without test measures" in text
    assert "of other data" not in text
    assert "validated on others" not in text


def test_a_description_by_hand_stays_and_one_of_ours_is_written_anew(client: Any) -> None:
    measured(client, "one", 3.0)
    assert page(client) != ""
    measured(client, "second", 2.0)
    assert '"second"' in page(client)
    experiment = store.experiment(client, TASK)
    client.set_experiment_tag(experiment, store.NOTE, "our own words")
    assert page(client) == "our own words"


def test_without_a_measured_run_there_is_nothing_to_say(client: Any) -> None:
    assert standings.publish_standings(client, TASK) is None
    client.create_run(store.experiment(client, TASK))
    assert page(client) == ""


def test_the_view_shows_the_measure_its_noise_and_what_differs(client: Any) -> None:
    measured(client, "one", 3.0, params={"cgan.epochs": 3})
    measured(client, "second", 2.0, params={"cgan.epochs": 9})
    page(client)
    (view,) = (
        json.loads(value)
        for key, value in client.get_experiment_by_name(TASK).tags.items()
        if key == "mlflow.sharedViewState.test-scores"
    )
    state = json.loads(view["state"])
    assert state["selectedColumns"][:2] == [
        "metrics.`selected/val_frechet_classifier`",
        "metrics.`selected/val_frechet_classifier_pm`",
    ]
    assert "metrics.`test/coverage`" in state["selectedColumns"]
    assert "params.`cgan.epochs`" in state["selectedColumns"]
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`selected/val_frechet_classifier`", True)


def test_pictures_of_the_two_stand_side_by_side(client: Any) -> None:
    runs = [measured(client, name, distance) for name, distance in (("one", 3.0), ("second", 2.0))]
    for run, colour in zip(runs, ("red", "blue"), strict=True):
        (evaluation,) = client.search_runs([store.experiment(client, TASK)], f"tags.`mlflow.parentRunId` = '{run}'")
        picture = Image.new("RGB", (1000, 900), colour)
        client.log_image(evaluation.info.run_id, picture, f"figures/{standings.FIGURES[TASK]}.png")
    assert f"get-artifact?path={standings.PICTURE}&run_uuid={runs[1]}" in page(client)
    assert 'Left "second", right "one":' in page(client)
    with Image.open(client.download_artifacts(runs[1], standings.PICTURE)) as sheet:
        assert sheet.size == (2 * standings.WIDTH + 10, 297)
        assert [sheet.getpixel((x, 100)) for x in (100, standings.WIDTH + 110)] == [(0, 0, 255), (255, 0, 0)]


def test_a_run_that_was_never_drawn_is_in_no_picture(client: Any) -> None:
    measured(client, "one", 3.0)
    run = measured(client, "second", 2.0)
    (evaluation,) = client.search_runs([store.experiment(client, TASK)], f"tags.`mlflow.parentRunId` = '{run}'")
    client.log_image(evaluation.info.run_id, Image.new("RGB", (9, 9)), f"figures/{standings.FIGURES[TASK]}.png")
    text = page(client)
    assert 'By "second":' in text
    assert 'right "one"' not in text
