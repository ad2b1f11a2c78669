import io
import re
import sys
import time
from dataclasses import dataclass

import pytest

from ganflow.training import progress
from ganflow.training.progress import Progress, Starvation, starved


@dataclass(frozen=True)
class Length:
    name: str = "pix2pix"
    steps: int = 40
    batch_size: int = 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


ROWS = [{"step": 10, "loss_d": 0.612, "loss_g": 1.2, "loss_l1": 8.41, "d_real": 0.7}]


def run(first: int = 0) -> None:
    with Progress(Length(), first) as report:
        for step in range(first, Length.steps):
            time.sleep(0.001)
            report(step + 1, ROWS)


def test_without_a_terminal_the_last_step_is_one_whole_line(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"pix2pix: step 40/40 \(100%\), \d+ images/s, 00:00 left, d 0.612, g 1.2, l1 8.41, \d+\.\d GB", line
    )


def test_lines_come_at_intervals_and_count_from_where_a_resumed_training_began(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    run(first=20)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) < 20
    steps = [int(re.findall(r"step (\d+)/", line)[0]) for line in lines]
    assert steps == sorted(set(steps))
    assert steps[0] > 20
    speeds = [int(re.findall(r"(\d+) images/s", line)[0]) for line in lines]
    assert max(speeds) <= 2000, "two images in a millisecond at most: the 20 steps before it are not this run's"


def test_on_a_terminal_there_is_a_bar_that_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    run()
    last = terminal.getvalue().split("\r")[-1]
    assert last.startswith("pix2pix 100%|")
    assert re.search(r"40/40 00:00 left, \d+ img/s d 0.612 g 1.2 l1 8.41 \d+\.\dG", last)


@pytest.mark.parametrize(
    ("wall", "cpu", "threads", "expected"),
    [
        (30, 57, 2, False),  # both cores busy
        (30, 30, 2, False),  # the other thread has little to do
        (30, 16, 2, True),  # each operation waits for the thread whose core is taken
        (30, 10, 8, True),
        (30, 8, 1, False),  # one thread waits for no other
    ],
)
def test_a_training_that_waits_for_cores_is_told_from_one_that_works(
    wall: float, cpu: float, threads: int, expected: bool
) -> None:
    assert starved(wall, cpu, threads) is expected


def test_waiting_for_cores_is_said_once_and_whenever_it_begins() -> None:
    watch = Starvation(threads=2)
    busy = [watch.check(wall, 1.9 * wall) for wall in range(0, 300, 5)]
    waiting = [watch.check(300 + wall, 570 + 0.4 * wall) for wall in range(0, 300, 5)]
    (advice,) = filter(None, busy + waiting)
    assert waiting.index(advice) <= 12, "within a minute"
    assert "-S compute.threads=1" in advice


def test_a_moment_of_waiting_is_not_mentioned() -> None:
    watch = Starvation(threads=2)
    assert not any([watch.check(0, 0), watch.check(10, 1), watch.check(31, 40), watch.check(62, 90)])
