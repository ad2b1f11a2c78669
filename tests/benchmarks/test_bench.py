"""The benches run, and what they make of the clock is right. How fast anything is, is not asserted."""

import functools
import json
import math
import subprocess
from pathlib import Path

import pytest
import run
import timing
from setting import Setting
from timing import Elsewhere, Row, by_turns, table
from workspace import project

from ganflow import config
from ganflow.training import compute


def test_runs_take_turns_and_the_first_rounds_are_not_counted() -> None:
    order: list[tuple[str, int]] = []
    now = 0.0

    def taking(name: str, seconds: list[float]) -> timing.Run:
        left = iter(seconds)

        def run(count: int) -> None:
            nonlocal now
            order.append((name, count))
            now += count * next(left)

        return run

    runs = [taking("a", [9, 1, 2, 3]), taking("b", [9, 4, 4, 3])]
    seconds = by_turns(runs, rounds=3, calls=[2, 1], warm_up=1, clock=lambda: now)
    assert seconds == [[1, 2, 3], [4, 4, 3]]
    assert [name for name, _ in order] == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert dict(order) == {"a": 2, "b": 1}


def test_a_ratio_is_the_median_of_the_rounds_not_of_the_medians() -> None:
    row = Row("x", "images/s", [10, 20, 60, 20, 10], [10, 5, 20, 10, 20], "theirs")
    summary = row.summary()  # ratios 1, 4, 3, 2, 0.5; medians 20 and 10
    assert (summary["ours"], summary["other"], summary["ratio"]) == (20, 10, 2)
    assert summary["quartiles"] == [1, 3]
    assert timing.quartiles([5.0]) == (5, 5, 5)


def test_the_table_has_a_line_per_figure() -> None:
    lines = table([Row("one", "s", [3.0], [2.0], "two"), Row("longer name", "MiB", [100.0], [400.0], "x")]).splitlines()
    assert lines[1].split() == ["one", "3", "2", "s", "1.5", "1.5–1.5", "two"]
    assert lines[2].split() == ["longer", "name", "100", "400", "MiB", "0.25", "0.25–0.25", "x"]
    assert lines[0].index("against") == lines[1].index("two")


def test_code_elsewhere_runs_as_often_as_asked(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    with Elsewhere(1, functools.partial, subprocess.run, ["sh", "-c", f"echo x >> {marks}"]) as run:
        run(3)
        assert marks.read_text().split() == ["x"] * 3


def test_code_that_fails_elsewhere_fails_here() -> None:
    with pytest.raises(RuntimeError, match="has ended"):
        Elsewhere(1, divmod, 1, 0)


@pytest.mark.parametrize("name", run.NAMES)
def test_every_bench_runs(name: str, tmp_path: Path) -> None:
    params = config.load_params(project(tmp_path) / "params.yaml")
    rows, seconds = run.measure(Setting(params, compute.prepare(params.compute), tiny=True), [name])
    run.write(tmp_path / "result.json", {}, rows, seconds)
    figures = json.loads((tmp_path / "result.json").read_text())["rows"]
    assert figures
    assert all(figure["name"].startswith(f"{name}: ") for figure in figures)
    assert all(math.isfinite(figure["ratio"]) for figure in figures)


@pytest.mark.parametrize(("arguments", "said"), [(["speed"], "no bench speed"), (["--rounds", "0"], "1 at least")])
def test_a_wrong_argument_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
