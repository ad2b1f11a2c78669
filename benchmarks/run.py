"""Speed, as ratios of things measured by turns in one run.

    make bench                                  # all of them
    python benchmarks/run.py step loop          # some of them

Prints a table, and writes benchmarks/results/<date>.json with all that it holds and what it was measured on.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from setting import ROOT, Setting, environment
from timing import Row, table

from ganflow import config
from ganflow.errors import run_main
from ganflow.files import write_json
from ganflow.training import compute

NAMES = ("step", "limit", "loop", "input", "start", "digits", "inference")
RESULTS = ROOT / "benchmarks/results"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Speed, as ratios of things measured by turns in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--threads", type=int, help="of the CPU, for both sides (default: compute.threads)")
    parser.add_argument("--rounds", type=int, help="for every figure (default: 3 to 9)")
    asked = parser.parse_args(arguments)
    if strangers := set(asked.names) - set(NAMES):
        parser.error(f"there is no bench {min(strangers)}: {', '.join(NAMES)}")
    for name in ("threads", "rounds"):
        value = getattr(asked, name)
        if value is not None and value < 1:
            parser.error(f"--{name} {value}: 1 at least")
    params = config.load_params(ROOT / "params.yaml")
    if asked.threads:
        params = params.model_copy(update={"compute": params.compute.model_copy(update={"threads": asked.threads})})
    setting = Setting(params, compute.prepare(params.compute, compute.COMPILE_STEPS), rounds_asked=asked.rounds)
    began = datetime.now(UTC)
    about = environment(setting)
    print("\n".join(f"{name:10} {value}" for name, value in about.items()) + "\n", flush=True)
    rows, seconds = measure(setting, asked.names or NAMES)
    print("\n" + table(rows))
    write(RESULTS / f"{began:%Y-%m-%dT%H%M%S}.json", about | {"date": f"{began:%Y-%m-%d}"}, rows, seconds)


def measure(setting: Setting, names: Sequence[str]) -> tuple[list[Row], dict[str, float]]:
    """The figures of these benches, and the seconds each took."""
    rows: list[Row] = []
    seconds: dict[str, float] = {}
    for name in names:
        began = time.monotonic()
        rows += importlib.import_module(f"bench_{name}").measure(setting)
        seconds[name] = round(time.monotonic() - began, 1)
        print(f"{name}: measured in {seconds[name]:.0f} s", file=sys.stderr, flush=True)
    return rows, seconds


def write(path: Path, about: dict[str, Any], rows: Sequence[Row], seconds: dict[str, float]) -> None:
    """All figures as JSON, with the rounds they come from."""
    figures = [row.summary() | {"all_ours": list(row.ours), "all_other": list(row.other)} for row in rows]
    write_json(path, about | {"seconds": seconds, "rows": figures})
    print(f"\n{path}")


if __name__ == "__main__":
    run_main(main)
