"""How far a training is: a bar on a terminal, a plain line now and then where there is none (DVC in CI, a log)."""

import sys
import time
from types import TracebackType
from typing import Protocol

import psutil
import torch
from tqdm import tqdm

LINE_SECONDS = 30.0  # between two plain lines
TEXT_SECONDS = 0.5  # between two looks at memory and losses for the bar
WATCHED_SECONDS = 30.0  # over which CPU time is set against wall time
BUSY_SHARE = 0.7  # of the wall time: less CPU time than this means that the training waits for cores
BAR = "{desc} {percentage:.0f}%|{bar}|{n_fmt}/{total_fmt} {remaining} left{postfix}"


class Length(Protocol):
    """What progress needs of a `loop.Plan`."""

    @property
    def name(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def batch_size(self) -> int: ...


class Progress:
    """Reports steps on stderr while it is entered. Call it after every step; it costs microseconds."""

    def __init__(self, plan: Length, step: int, quiet: bool = False) -> None:
        """`quiet`: say nothing, as all but one of several processes do."""
        self._plan, self._first, self._quiet = plan, step, quiet
        self._began = self._said = time.monotonic()
        self._starvation = Starvation(torch.get_num_threads())
        self._bar = None
        if sys.stderr.isatty() and not quiet:
            self._bar = tqdm(
                total=plan.steps, initial=step, desc=plan.name, bar_format=BAR, dynamic_ncols=True, smoothing=0.1
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, step: int, rows: list[dict[str, float]]) -> None:
        """`step` steps are done; `rows` is the history so far, of which the last point's losses are shown."""
        if self._quiet:
            return
        now, last = time.monotonic(), step == self._plan.steps
        if not torch.cuda.is_initialized() and (advice := self._starvation.check(now, time.process_time())):
            print(f"{self._plan.name}: {advice}", file=sys.stderr, flush=True)
        due = last or now - self._said >= (TEXT_SECONDS if self._bar is not None else LINE_SECONDS)
        if due:
            self._said = now
            rate = (step - self._first) / (now - self._began)
            speed, losses, memory = _number(rate * self._plan.batch_size), _losses(rows), _memory()
            if self._bar is not None:
                # Short enough for four losses in 80 columns
                text = " ".join([f"{speed} img/s", *losses, memory.replace(" GB", "G")])
                self._bar.set_postfix_str(text, refresh=False)
            else:
                left = tqdm.format_interval((self._plan.steps - step) / rate)
                place = f"step {step}/{self._plan.steps} ({step / self._plan.steps:.0%})"
                parts = (place, f"{speed} images/s", f"{left} left", *losses, memory)
                print(f"{self._plan.name}: " + ", ".join(parts), file=sys.stderr, flush=True)
        if self._bar is not None:
            self._bar.update()


class Starvation:
    """Notices, once, that a training on the CPU waits for cores that other programs use.

    Several threads wait for the slowest of them at the end of every operation. Where one of two has lost its core to
    another program, the training ran up to 50 times slower; one thread alone keeps what it gets of a core.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._said = threads, False
        self._last: tuple[float, float] | None = None

    def check(self, wall: float, cpu: float) -> str | None:
        """What to tell the user, given the wall clock and this process's CPU time over all threads, in seconds."""
        if self._said or self._threads == 1:
            return None
        if self._last is None:
            self._last = wall, cpu
        since, used = wall - self._last[0], cpu - self._last[1]
        if since < WATCHED_SECONDS:
            return None
        self._last = wall, cpu
        if not starved(since, used, self._threads):
            return None
        self._said = True
        return (
            f"{used:.0f} s of CPU time in {since:.0f} s: its {self._threads} threads wait for busy cores; "
            "one thread may be many times faster: stop, then run again with `dvc exp run -S compute.threads=1`"
        )


def starved(wall: float, cpu: float, threads: int) -> bool:
    """Whether a training that took `cpu` seconds of CPU time in `wall` seconds should be told to use one thread.

    Left alone, a training keeps at least one core busy all the time, however many threads it has.
    """
    return threads > 1 and cpu < BUSY_SHARE * wall


def _number(speed: float) -> str:
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"


def _losses(rows: list[dict[str, float]]) -> list[str]:
    last = rows[-1] if rows else {}
    return [f"{name.removeprefix('loss_')} {value:.3g}" for name, value in last.items() if name.startswith("loss")]


def _memory() -> str:
    """What this process holds of the machine's memory, and of the GPU's where it uses one."""
    text = f"{psutil.Process().memory_info().rss / 1e9:.1f} GB"
    if torch.cuda.is_initialized():
        return f"{text}, GPU {torch.cuda.memory_reserved() / 1e9:.1f} GB"
    if torch.backends.mps.is_available() and (held := torch.mps.driver_allocated_memory()):
        return f"{text}, GPU {held / 1e9:.1f} GB"
    return text
