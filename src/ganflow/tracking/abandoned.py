"""Runs whose process is gone: a kill leaves them RUNNING in the store, and so does a disk that is full at their end."""

import os
import platform
import re
from collections.abc import Mapping
from typing import Any

import psutil

PROCESS_TAG = "ganflow.process"  # of a run: machine, process and its start in seconds after boot, of whoever writes it
ROUNDING = 2.0  # seconds by which a process may seem to have started at another time: the time of the boot is rounded


def this_process() -> str:
    """The value of PROCESS_TAG for the runs that this process writes."""
    return f"{platform.node()} {os.getpid()} {_started(os.getpid()):.0f}"


def is_abandoned(status: str, tags: Mapping[str, str]) -> bool:
    """Whether a run counts as RUNNING though its process ended. Of another machine's runs nobody can say so."""
    noted = re.fullmatch(r"(.+) (\d+) (\d+)", tags.get(PROCESS_TAG, ""), re.ASCII)
    if status != "RUNNING" or not noted or noted[1] != platform.node():
        return False
    try:
        return abs(_started(int(noted[2])) - int(noted[3])) > ROUNDING
    except (psutil.Error, OverflowError):
        return True


def _started(process: int) -> float:
    """When it started, in seconds after boot: in seconds of the clock this changes when the clock is set."""
    return psutil.Process(process).create_time() - psutil.boot_time()


def end_abandoned(client: Any, experiment: str) -> None:
    """Give the experiment's abandoned runs the status that their process could not give them any more."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if is_abandoned(run.info.status, run.data.tags):
            client.set_terminated(run.info.run_id, "KILLED")
