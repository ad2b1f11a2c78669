"""Faults on purpose, again and again with other seeds, within a time: `make torture` prints what came of each.

    python tests/torture/campaign.py --minutes 10 --seed 0

Two kinds of rows: the functions of the modules beside this one, repeated while there is time, each try in a process
of its own; and tests of the suite that hold a fault already, run once. The exit code is 1 if anything was lost.
docs/reliability.md has the figures of one run.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/torture", "tests/support", "tests/stages", "src")]

import file_faults  # noqa: E402
import machine_faults  # noqa: E402
import network_faults  # noqa: E402

Fault = Callable[[Path, Random], None]
FAULTS: tuple[Fault, ...] = (*network_faults.FAULTS, *file_faults.FAULTS, *machine_faults.FAULTS)
ENDS = ("failure", "error")
SECONDS = 120  # after which a try counts as hanging
# Faults that tests of the suite hold: "fault: outcome", and the tests.
HELD_BY_TESTS: dict[str, tuple[str, ...]] = {
    "Huge, sparse, endless, doubled archive entries: refused unread": ("tests/data/test_maps_archive.py",),
    "Links, absolute paths, .. in an archive: refused whole": (
        "tests/data/test_fetch.py::test_an_archive_that_is_not_what_the_manifest_says_is_refused_whole",
    ),
    "Crawling, endless, busy servers, passwords in addresses: bounded, another source, none shown": (
        "tests/data/test_download.py",
    ),
    "Everything that params.yaml can hold: one line, nothing removed": (
        "tests/test_config.py::test_whatever_is_in_the_file_is_refused_in_one_line",
    ),
    "A training killed at every kind of moment: the same bytes": (
        "tests/stages/test_kills.py::test_a_training_killed_at_every_kind_of_moment_ends_as_one_left_alone",
    ),
    "DVC killed, before and in its commit: no orphan, the same command goes on": (
        "tests/stages/test_kills.py::test_dvc_killed_leaves_no_orphan_and_the_same_command_goes_on",
        "tests/stages/test_kills.py::test_a_training_that_ended_is_not_repeated_until_dvc_has_committed_it",
    ),
    "Two trainers of one model at once: the second waits and takes the result": (
        "tests/stages/test_kills.py::test_a_second_trainer_waits_and_takes_the_first_ones_result",
    ),
    "One of two training processes dies: the other stops, both go on": (
        "tests/stages/test_processes.py::test_a_process_that_dies_takes_the_others_along",
    ),
    "A tracking server that is down or silent: seconds, one line": (
        "tests/tracking/test_run.py::test_a_server_that_is_down_or_silent_costs_seconds_and_one_line",
    ),
    "A broken, foreign, older store: one line with its cause, the training ends well": (
        "tests/tracking/test_run.py::test_a_broken_store_is_one_line_that_names_the_cause_and_no_end",
    ),
    "Deleted experiments and runs, killed runs: restored, begun anew, ended": (
        "tests/tracking/test_run.py::test_an_experiment_deleted_on_a_page_is_restored",
        "tests/tracking/test_run.py::test_a_run_that_was_deleted_is_begun_anew",
        "tests/tracking/test_abandoned.py",
    ),
    "Processes that create one store at once, a kill while it is made: one whole store": (
        "tests/tracking/test_run.py::test_processes_that_start_at_once_share_a_fresh_store",
        "tests/tracking/test_run.py::test_a_kill_while_the_store_is_made_leaves_no_broken_store",
    ),
    "A moved or copied clone: runs, files and champion follow": ("tests/tracking/test_locations.py",),
    "Addresses of stores that are none, odd paths: one line at once, or it works": ("tests/tracking/test_address.py",),
    "A clock set back or forth: no living training counts as killed, curves are whole": (
        "tests/tracking/test_abandoned.py::test_a_clock_that_is_set_ends_no_living_training",
        "tests/tracking/test_run.py::test_a_clock_that_jumps_harms_no_curve",
    ),
    "Scripts in names, on every page: none runs, the name is shown": (
        "tests/browser/test_hostile_names.py",
        "tests/browser/test_runs.py::test_names_on_mlflows_pages_are_no_scripts",
    ),
    "NaN in losses, weights, pictures: stopped, refused, never saved": (
        "tests/training/test_loop.py::test_a_loss_that_is_not_finite_stops_at_once_and_is_never_saved",
        "tests/models/test_config_file.py::test_weights_that_are_not_finite_are_refused",
    ),
    "Folders of any name: every target of make works or refuses, nothing outside is touched": (
        "tests/test_makefile.py",
    ),
}


@dataclass
class Row:
    """What is known of one fault."""

    name: str  # "fault: outcome"
    tried: int = 0
    lost: list[str] = field(default_factory=list)  # what went wrong, a line per try
    not_tried: str = ""  # why, where the machine cannot show it

    @property
    def cells(self) -> tuple[str, str, str, str]:
        fault, _, outcome = self.name.partition(": ")
        if self.not_tried:
            outcome = f"not tried: {self.not_tried}"
        return fault, str(self.tried), outcome, f"{len(self.lost)} times" if self.lost else "nothing"


def attempt(fault: Fault, seed: int) -> tuple[int, str]:
    """One try in a process of its own: 0 and nothing; 1 and what went wrong; 2 and why it cannot be tried."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        log = Path(folder) / "log"
        (Path(folder) / "work").mkdir()
        if (child := os.fork()) == 0:
            _become(fault, seed, Path(folder) / "work", log)
        deadline = time.monotonic() + SECONDS
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return 1, f"no end within {SECONDS} s"
            time.sleep(0.01)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        code = os.waitstatus_to_exitcode(ended[1])
        return (code, lines[-1] if lines else f"exit code {code}") if code else (0, "")


def _become(fault: Fault, seed: int, folder: Path, log: Path) -> None:
    """Never returns."""
    code = 1
    try:
        for number in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        os.environ["DVC_ROOT"] = str(folder)
        os.chdir(folder)
        fault(folder, Random(seed))
        code = 0
    except machine_faults.NotTriedError as reason:
        log.write_text(str(reason))
        code = 2
    except BaseException:
        with log.open("a") as out:
            traceback.print_exc(file=out)
    finally:
        os._exit(code)


def repeat(seconds: float, seed: int) -> list[Row]:
    """All faults in turn, with a new seed in each round, at least one round."""
    rows = {fault: Row((fault.__doc__ or "").strip()) for fault in FAULTS}
    deadline = time.monotonic() + seconds
    number = 0
    while number == 0 or time.monotonic() < deadline:
        for fault, row in rows.items():
            if row.not_tried or (number and time.monotonic() > deadline):
                continue
            code, said = attempt(fault, seed + number)
            if code == 2:
                row.not_tried = said
                continue
            row.tried += 1
            if code:
                row.lost.append(f"{fault.__name__}, seed {seed + number}: {said}")
        number += 1
    return list(rows.values())


def run_tests(wanted: dict[str, tuple[str, ...]]) -> list[Row]:
    """The suite's own tests, once."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        report = Path(folder) / "report.xml"
        ids = dict.fromkeys(test for tests in wanted.values() for test in tests)
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *ids]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        cases = [(_name(case), case) for case in ElementTree.parse(report).iter("testcase")]
    rows = []
    for name, tests in wanted.items():
        own = [case for where, case in cases if where in tests or where.partition("::")[0] in tests]
        tried = [case for case in own if case.find("skipped") is None]
        row = Row(name, len(tried), not_tried="" if tried else "skipped on this machine")
        row.lost = [f"{_name(case)}: {part.get('message')}" for case in tried for part in case if part.tag in ENDS]
        rows.append(row)
    return rows


def _name(case: ElementTree.Element) -> str:
    """`tests/a/test_b.py::test_c`, without its parameters."""
    return f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').partition('[')[0]}"


def table(rows: Sequence[Row]) -> str:
    lines = [("fault", "tried", "outcome", "lost"), ("---", "---:", "---", "---"), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Faults on purpose; prints what came of each.")
    parser.add_argument("--minutes", type=float, default=10.0, help="for the repeated faults (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--no-tests", action="store_true", help="leave out the tests of the suite")
    asked = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores", flush=True)
    rows = repeat(60 * asked.minutes, asked.seed)
    rows += [] if asked.no_tests else run_tests(HELD_BY_TESTS)
    print(table(rows))
    lost = [line for row in rows for line in row.lost]
    print(f"\n{sum(row.tried for row in rows)} tries, {len(lost)} lost", *lost, sep="\n")
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
