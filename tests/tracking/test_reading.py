"""Which runs a name means, and one line for each way in which it means none."""

from datetime import datetime

import pytest

from ganflow.errors import UserError
from ganflow.tracking.reading import LoggedRun, open_store, runs_named, two_runs


def run(run_id: str, name: str, task: str = "pix2pix", experiment: str = "") -> LoggedRun:
    tags = {"dvc.exp.name": experiment} if experiment else {}
    return LoggedRun(None, task, run_id * 8, name, "FINISHED", datetime(2026, 1, 1), {}, {}, tags)


RUNS = [  # the newest first
    run("abc1", "lambda_l1=50 (brave-llama)", experiment="brave-llama"),
    run("abc2", "as in 1234567 (brave-llama)", task="gan", experiment="brave-llama"),
    run("dddd", "as in 1234567"),
    run("eeee", "as in 1234567"),
    run("ffff", "seed=1", task="gan"),
]


@pytest.mark.parametrize(
    ("wanted", "task", "expected"),
    [
        ("abc1" * 8, "pix2pix", "abc1"),
        ("abc1a", "pix2pix", "abc1"),
        ("as in 1234567", "pix2pix", "dddd"),
        ("brave-llama", "pix2pix", "abc1"),
        ("brave-llama", "gan", "abc2"),
    ],
)
def test_a_run_is_known_by_id_beginning_name_and_experiment(wanted: str, task: str, expected: str) -> None:
    assert runs_named(RUNS, wanted)[task].run_id == expected * 8


def test_two_names_are_a_pair_of_the_task_that_both_have() -> None:
    a, b = two_runs(RUNS, "brave-llama", "ffff", None)
    assert (a.run_id[:4], b.run_id[:4]) == ("abc2", "ffff")


@pytest.mark.parametrize(
    ("a", "b", "task", "said"),
    [
        ("abc", "dddd", None, "begins the ids of 2 runs"),
        ("nobody", "dddd", None, "no run is called 'nobody'"),
        ("dddd", "ffff", None, "only runs of the same task can be compared: 'dddd' is of pix2pix, 'ffff' of gan"),
        ("brave-llama", "brave-llama", None, "both have runs of pix2pix, gan: choose one with --task"),
        ("brave-llama", "abc1", "pix2pix", "one and the same run"),
        ("brave-llama", "dddd", "gan", "and --task gan"),
    ],
)
def test_what_cannot_be_compared_is_one_line(a: str, b: str, task: str | None, said: str) -> None:
    with pytest.raises(UserError) as fault:
        two_runs(RUNS, a, b, task)
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


def test_where_there_is_no_store_none_is_made() -> None:
    with pytest.raises(UserError, match="no runs here yet"), open_store():
        pass
