"""Progress of a training on stderr: a bar on a terminal, else (DVC in CI, a log) a plain line every 30 seconds."""

import sys
import time
from types import TracebackType
from typing import Protocol

import psutil
import torch
from tqdm import tqdm

LINE_SECONDS = 30.0  # between two plain lines
TEXT_SECONDS = 0.5  # between two updates of the bar's text (memory, losses)
WATCHED_SECONDS = 30.0  # over which CPU time is compared with wall time
BUSY_SHARE = 0.7  # of the wall time; with less CPU time than this, the training waits for cores
BAR = "{desc} {percentage:.0f}%|{bar}|{n_fmt}/{total_fmt} {remaining} left{postfix}"


class Length(Protocol):
    """The part of `plan.Plan` that progress needs."""

    @property
    def name(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def batch_size(self) -> int: ...


class Progress:
    """Reports steps on stderr as a context manager. Call it after every step: a call takes microseconds."""

    def __init__(self, plan: Length, step: int, quiet: bool = False) -> None:
        """`quiet`: print nothing, for all but one of several processes."""
        self._plan, self._first, self._quiet = plan, step, quiet
        self._began = self._reported = time.monotonic()
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
        """`step` steps are done; `rows` is the history so far; its last losses are printed."""
        if self._quiet:
            return
        now, last = time.monotonic(), step == self._plan.steps
        if not torch.cuda.is_initialized() and (advice := self._starvation.check(now, time.process_time())):
            print(f"{self._plan.name}: {advice}", file=sys.stderr, flush=True)
        due = last or now - self._reported >= (TEXT_SECONDS if self._bar is not None else LINE_SECONDS)
        if due:
            self._reported = now
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
    """Detects that a training on the CPU waits for cores that other programs use. Reports it once.

    At the end of every operation, all threads wait for the slowest. When one of two threads lost its core to another
    program, the training became up to 50 times slower; a single thread waits for no other.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._reported = threads, False
        self._last: tuple[float, float] | None = None

    def check(self, wall: float, cpu: float) -> str | None:
        """A message to the user or None, from wall clock and this process's CPU time over all threads, in seconds."""
        if self._reported or self._threads == 1:
            return None
        if self._last is None:
            self._last = wall, cpu
        since, used = wall - self._last[0], cpu - self._last[1]
        if since < WATCHED_SECONDS:
            return None
        self._last = wall, cpu
        if not starved(since, used, self._threads):
            return None
        self._reported = True
        return (
            f"{used:.0f} s of CPU time in {since:.0f} s: its {self._threads} threads wait for busy cores; "
            "one thread may be many times faster: stop, then run again with `dvc exp run -S compute.threads=1`"
        )


def starved(wall: float, cpu: float, threads: int) -> bool:
    """Whether a training that used `cpu` seconds of CPU time in `wall` seconds waits for cores.

    On an idle machine a training keeps at least one core busy all the time, with any number of threads.
    """
    return threads > 1 and cpu < BUSY_SHARE * wall


def _number(speed: float) -> str:
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"


def _losses(rows: list[dict[str, float]]) -> list[str]:
    last = rows[-1] if rows else {}
    return [f"{name.removeprefix('loss_')} {value:.3g}" for name, value in last.items() if name.startswith("loss")]


def _memory() -> str:
    """The memory that this process uses, of the machine and of the GPU."""
    text = f"{psutil.Process().memory_info().rss / 1e9:.1f} GB"
    if torch.cuda.is_initialized():
        return f"{text}, GPU {torch.cuda.memory_reserved() / 1e9:.1f} GB"
    if torch.backends.mps.is_available() and (held := torch.mps.driver_allocated_memory()):
        return f"{text}, GPU {held / 1e9:.1f} GB"
    return text
