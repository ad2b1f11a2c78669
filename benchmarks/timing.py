"""Things measured by turns in one run, and what their ratios say: the machine may be shared, so only ratios count."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

import torch

# Does its work that many times, and is done when it returns.
Run = Callable[[int], object]


@dataclass(frozen=True)
class Row:
    """One figure: what is measured and what it is held against, round by round, in the same unit."""

    name: str
    unit: str
    ours: Sequence[float]
    other: Sequence[float]
    against: str

    @property
    def ratios(self) -> list[float]:
        return [ours / other for ours, other in zip(self.ours, self.other, strict=True)]

    def summary(self) -> dict[str, Any]:
        """Medians, the median of the ratios ours / other round by round, and their quartiles."""
        low, middle, high = quartiles(self.ratios)
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": statistics.median(self.ours),
            "other": statistics.median(self.other),
            "against": self.against,
            "ratio": middle,
            "quartiles": [low, high],
            "rounds": len(self.ours),
        }


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile; of one value, itself."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def by_turns(
    runs: Sequence[Run],
    rounds: int,
    calls: Sequence[int],
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[float]]:
    """Seconds a call of each of `runs`, round by round; `calls[i]` calls of run i a round, every other round backwards.

    The first `warm_up` rounds are not counted.
    """
    seconds: list[list[float]] = [[] for _ in runs]
    for number in range(-warm_up, rounds):
        places = range(len(runs))
        for place in places if number % 2 == 0 else reversed(places):
            began = clock()
            runs[place](calls[place])
            if number >= 0:
                seconds[place].append((clock() - began) / calls[place])
    return seconds


def rates(amount: float, seconds: Sequence[float]) -> list[float]:
    return [amount / each for each in seconds]


def here(step: Callable[[], object]) -> Run:
    """`step` in this process, awaited also where a device works on its own."""

    def run(count: int) -> None:
        for _ in range(count):
            step()
        synchronise()

    return run


def synchronise() -> None:
    """Wait for the device to have done all that it was asked."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


class Elsewhere:
    """The step that `build(*arguments)` gives, in a process of its own: a `Run`.

    The project changes torch's and the allocator's settings (denormals, TF32). What stands for other people's code must
    not gain or lose by that, so it runs where nobody has touched them.
    """

    def __init__(self, threads: int, build: Callable[..., Callable[[], object]], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, threads, build, arguments))
        self._process.start()
        theirs.close()
        self._answer()

    def __call__(self, count: int) -> None:
        self._pipe.send(count)
        self._answer()

    def _answer(self) -> None:
        try:
            self._pipe.recv()
        except EOFError:
            raise RuntimeError("the process of the textbook's code has ended: its error is above") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()  # which ends it
        self._process.join()


def _serve(pipe: Connection, threads: int, build: Callable[..., Callable[[], object]], arguments: tuple[Any]) -> None:
    torch.set_num_threads(threads)
    run = here(build(*arguments))
    pipe.send("ready")
    while True:
        try:
            count = pipe.recv()
        except EOFError:  # the other side has what it wanted, or is gone
            return
        run(count)
        pipe.send("done")


def table(rows: Sequence[Row]) -> str:
    """`rows` as text: medians, unit, the ratio with its quartiles, and against what."""
    lines = [("", "ours", "other", "unit", "ratio", "quartiles", "against")]
    for row in rows:
        of = row.summary()
        low, high = of["quartiles"]
        numbers = (f"{of['ours']:.4g}", f"{of['other']:.4g}", of["unit"], f"{of['ratio']:.3g}", f"{low:.3g}–{high:.3g}")
        lines.append((row.name, *numbers, row.against))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    left = (0, 3, 6)  # columns of words
    return "\n".join(
        "  ".join(
            f"{cell:{'<' if column in left else '>'}{widths[column]}}" for column, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )
