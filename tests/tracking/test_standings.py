"""What the page of an experiment says of its runs."""

import json
from typing import Any

import pytest
from PIL import Image

from ganflow.tracking import standings, store

TASK = "cgan"  # its images have no counterparts: intervals come from the tables alone


@pytest.fixture
def client() -> Any:
    return store.client()


def measured(
    client: Any,
    name: str,
    accuracy: float,
    data: str = "abc",
    params: dict[str, int] | None = None,
    noise: float = 0.01,
) -> str:
    """A run of the conditional GAN as its evaluation leaves it."""
    experiment = store.experiment(client, TASK)
    run = client.create_run(experiment, run_name=name, tags={"ganflow.remake": f"dvc repro {name}"}).info.run_id
    for key, value in (params or {}).items():
        client.log_param(run, key, value)
    rows = {"model": {"class_accuracy": (accuracy, noise)}, "floor": {"class_accuracy": (0.995, 0.001)}}
    rows["at its mean"] = {"class_accuracy": (0.7, 0.01)}  # the model again, asked in another way
    client.log_dict(run, {"about": {"n": 50, "test_data": data}, "rows": rows}, f"metrics/{TASK}.json")
    client.log_metric(run, "test/class_accuracy", accuracy)
    client.set_terminated(run)
    return run


def page(client: Any) -> str:
    standings.publish_standings(client, TASK)
    return client.get_experiment_by_name(TASK).tags.get(store.NOTE, "")


def test_the_first_line_says_which_is_best_and_whether_that_is_more_than_noise(client: Any) -> None:
    measured(client, "one", 0.80)
    measured(client, "two", 0.90)
    first, _, rest = page(client).partition("\n")
    assert first.startswith(
        'Best: "two", test read as the digit asked for 0.9000 ± 0.0100; next −0.1000 ± 0.0141, more'
    )
    assert "`dvc repro one`" in rest
    assert "| *other real digits* (no model) | 0.9950 |" in rest
    assert "at its mean" not in rest
    measured(client, "three", 0.91)
    assert "; next −0.0100 ± 0.0141, within noise." in page(client).partition("\n")[0]


def test_parameters_that_differ_stand_beside_those_of_the_best(client: Any) -> None:
    measured(client, "one", 0.80, params={"cgan.epochs": 3, "seed": 0, "cgan.gone": 1})
    measured(client, "two", 0.90, params={"cgan.epochs": 9, "seed": 0})
    (line,) = (line for line in page(client).splitlines() if line.startswith("| 2 |"))
    assert "`cgan.epochs` 3 (9) `cgan.gone` 1 (–)" in line
    assert "seed" not in line


def test_other_test_data_and_unmeasured_runs_are_counted_and_not_compared(client: Any) -> None:
    measured(client, "of other data", 0.99, data="other")
    client.create_run(store.experiment(client, TASK), run_name="killed")
    measured(client, "a|b", 0.80)
    text = page(client)
    assert text.startswith('Best: "a/b", test read as the digit asked for 0.8000 ± 0.0100. ')
    assert "1 more run not shown; 1 run without test measures" in text
    assert "of other data" not in text


def test_a_description_by_hand_stays_and_one_of_ours_is_written_anew(client: Any) -> None:
    measured(client, "one", 0.80)
    assert page(client) != ""
    measured(client, "two", 0.90)
    assert '"two"' in page(client)
    experiment = store.experiment(client, TASK)
    client.set_experiment_tag(experiment, store.NOTE, "our own words")
    assert page(client) == "our own words"


def test_without_a_measured_run_there_is_nothing_to_say(client: Any) -> None:
    assert standings.publish_standings(client, TASK) is None
    client.create_run(store.experiment(client, TASK))
    assert page(client) == ""


def test_the_view_shows_the_measure_its_noise_and_what_differs(client: Any) -> None:
    measured(client, "one", 0.80, params={"cgan.epochs": 3})
    measured(client, "two", 0.90, params={"cgan.epochs": 9})
    page(client)
    (view,) = (
        json.loads(value)
        for key, value in client.get_experiment_by_name(TASK).tags.items()
        if key == "mlflow.sharedViewState.test-scores"
    )
    state = json.loads(view["state"])
    assert state["selectedColumns"][:2] == ["metrics.`test/class_accuracy`", "metrics.`test/class_accuracy_pm`"]
    assert "params.`cgan.epochs`" in state["selectedColumns"]
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`test/class_accuracy`", False)


def test_pictures_of_the_two_stand_side_by_side(client: Any) -> None:
    runs = [measured(client, name, accuracy) for name, accuracy in (("one", 0.80), ("two", 0.90))]
    for run, colour in zip(runs, ("red", "blue"), strict=True):
        client.log_image(run, Image.new("RGB", (1000, 900), colour), f"figures/{standings.FIGURES[TASK]}.png")
    assert f"get-artifact?path={standings.PICTURE}&run_uuid={runs[1]}" in page(client)
    with Image.open(client.download_artifacts(runs[1], standings.PICTURE)) as sheet:
        assert sheet.size == (2 * standings.WIDTH + 10, 297)
        assert [sheet.getpixel((x, 100)) for x in (100, standings.WIDTH + 110)] == [(0, 0, 255), (255, 0, 0)]
