"""Runs that a killed process left RUNNING."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ganflow.tracking import store
from ganflow.tracking.abandoned import PROCESS_TAG, is_abandoned, this_process
from ganflow.tracking.reading import list_runs, open_store
from ganflow.tracking.run import Dataset, Tracker, start_run


def begin(training: str) -> Tracker:
    return start_run("gan", params={"seed": 0}, dataset=Dataset("mnist", "00", "generated"), training=training, tags={})


def statuses() -> dict[str, str]:
    with open_store() as client:
        return {run.run_id: run.status for run in list_runs(client)}


@pytest.fixture(scope="module")
def dead() -> str:
    """The tag of a process that has ended."""
    code = "from ganflow.tracking.abandoned import this_process; print(this_process())"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_killed_trainings_run_is_not_shown_as_running_and_is_ended_by_the_next(dead: str) -> None:
    killed = begin("first")
    assert killed.run_id
    assert statuses() == {killed.run_id: "RUNNING"}, "this process lives"
    store.client().set_tag(killed.run_id, PROCESS_TAG, dead)
    assert statuses() == {killed.run_id: "KILLED"}
    running = begin("second")
    assert running.run_id
    assert store.client().get_run(killed.run_id).info.status == "KILLED"
    assert statuses() == {killed.run_id: "KILLED", running.run_id: "RUNNING"}
    again = begin("first")
    assert again.run_id == killed.run_id
    assert statuses() == {killed.run_id: "RUNNING", running.run_id: "RUNNING"}
    for tracker in (killed, running, again):
        tracker.finish("FINISHED")


def test_only_of_this_machine_and_of_running_runs_can_it_be_said(dead: str) -> None:
    _, process, started = dead.split(" ")
    assert is_abandoned("RUNNING", {PROCESS_TAG: dead})
    assert is_abandoned("RUNNING", {PROCESS_TAG: f"{platform.node()} {os.getpid()} 1000"}), "its number is taken anew"
    assert not is_abandoned("RUNNING", {PROCESS_TAG: this_process()})
    assert not is_abandoned("FINISHED", {PROCESS_TAG: dead})
    for other in ("", "x", f"other.host {process} {started}", f"{platform.node()} -1 {started}", dead + "x", "  "):
        assert not is_abandoned("RUNNING", {PROCESS_TAG: other}), other


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_that_is_set_ends_no_living_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Linux then gives another time of the boot, from which psutil computes when a process started."""
    living = this_process()
    boot = int(psutil.boot_time())
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    (tmp_path / "proc/stat").write_text(f"btime {boot + seconds}\n")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "proc"))
    assert abs(psutil.boot_time() - boot - seconds) <= 1
    assert not is_abandoned("RUNNING", {PROCESS_TAG: living})
