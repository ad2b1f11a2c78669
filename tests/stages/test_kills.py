"""Trainings that are killed, stopped, orphaned or started twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import forks
import mlflow
import pytest
from ruamel.yaml import YAML
from workspace import (
    DYING_DVC,
    ROOT,
    SLOW,
    UNTRACKED,
    checkpoints,
    environment,
    often_saving,
    outs,
    patched,
    project,
    stage,
    trains,
    until,
)

from ganflow.pipeline.checkpoint_folders import list_folders

MADE = ["models/pix2pix", "metrics/history/pix2pix.csv", "reports/samples/pix2pix"]


def pipeline(folder: Path, stages: dict[str, dict[str, Any]]) -> None:
    """Give DVC these stages, in a folder without git."""
    YAML().dump({"stages": stages}, folder / "dvc.yaml")
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")


# Between them they have every moment once (kills.schedule). `make exact` kills all five trainings, with every signal.
@pytest.mark.parametrize("model", ["gan", "cvae"])
def test_a_training_killed_at_every_kind_of_moment_ends_as_one_left_alone(
    whole: Path, tmp_path: Path, model: str
) -> None:
    """The same bytes and the same MLflow run, also with a damaged checkpoint and changed parameters in between."""
    command = [str(ROOT / "tests" / "stages" / "kills.py"), model, str(whole), str(tmp_path)]
    done = forks.run(command, tmp_path, environment(tmp_path), timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert sum(told["landed"].values()) >= 9


def test_a_second_trainer_waits_and_takes_the_first_ones_result(prepared: Path, tmp_path: Path) -> None:
    """Two queued experiments that share a training: it is done once, and both have it."""
    folder = project(tmp_path / "twice", pix2pix={"epochs": 60})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    with often_saving(folder, "train_pix2pix") as first:
        until(lambda: checkpoints(folder))
        second = stage(folder, "train_pix2pix")
        assert first.done(60).returncode == second.returncode == 0
    assert f"waiting for process {first.pid}" in second.stderr
    steps = json.loads((prepared / "data/prepared/maps/training.json").read_text())["train"] // 2 * 60
    assert f"resuming after step {steps} of {steps}" in second.stderr
    assert len(checkpoints(folder)) == 1, "the last state stays until DVC has committed the outs"


def test_a_trainer_that_waits_goes_on_where_a_stopped_one_was(prepared: Path, tmp_path: Path) -> None:
    folder = project(tmp_path / "relay", pix2pix={"epochs": 2000})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    with often_saving(folder, "train_pix2pix") as first:
        until(lambda: checkpoints(folder))
        with often_saving(folder, "train_pix2pix") as second:
            until(lambda: f"waiting for process {first.pid}" in second.said())
            first.process.terminate()
            done = first.done(60)
            assert done.returncode == 128 + signal.SIGTERM
            assert "the same command goes on" in done.stderr
            until(lambda: "resuming after step" in second.said())
            second.process.terminate()
            assert second.done(60).returncode == 128 + signal.SIGTERM
    assert not (folder / "models" / "pix2pix").exists()


def test_dvc_killed_leaves_no_orphan_and_the_same_command_goes_on(whole: Path, tmp_path: Path) -> None:
    """`dvc` alone with SIGKILL, then its whole process group with SIGTERM, in a project of one stage.

    DVC runs a stage in $SHELL. bash becomes the stage by itself, Debian's sh by `exec`, as dvc.yaml has it. That is
    tried for real: the stage is no fork.
    """
    folder = project(tmp_path / "dvc")
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    script = patched(tmp_path, "train_pix2pix", SLOW + UNTRACKED)
    pipeline(folder, {"train_pix2pix": {"cmd": f"exec env {sys.executable} {script}", "outs": MADE}})

    def repro(shell: str) -> forks.Fork:
        """As from a terminal of its own."""
        return forks.Fork(["-m", "dvc", "repro"], folder, environment(folder, SHELL=shell), session=True)

    def trainer() -> int:
        locks = list(folder.glob("checkpoints/*/*.lock"))
        return int(locks[0].read_text() or 0) if locks else 0

    for end, number in ((os.kill, signal.SIGKILL), (os.killpg, signal.SIGTERM)):
        for shell in ("/bin/bash", "/bin/sh"):
            with repro(shell) as running:
                until(lambda: trains(trainer()))
                end(running.pid, number)
                assert running.done().returncode == -number
                until(lambda: has_ended(trainer()))
                assert "saved after step" in running.said()
    with repro("/bin/sh") as last:
        done = last.done()
    assert done.returncode == 0, done.stderr
    assert "resuming after step" in done.stderr
    found, expected = outs(folder), outs(whole)
    assert {name.rpartition("/")[0] for name in found} >= {"models/pix2pix/best", "models/pix2pix/last"}
    assert found == {name: expected[name] for name in found}
    assert [one.state for one in list_folders(folder)] == ["finished"]


def test_a_training_that_ended_is_not_repeated_until_dvc_has_committed_it(prepared: Path, tmp_path: Path) -> None:
    """dvc killed, or its cache not to be written, between the trainer's end and the commit."""
    folder = project(tmp_path / "dvc")
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    stages: dict[str, dict[str, Any]] = {
        "train_pix2pix": {"outs": MADE},
        "evaluate_pix2pix": {"deps": ["models/pix2pix"], "outs": ["metrics/pix2pix.json"]},
    }
    for name, entry in stages.items():
        entry["cmd"] = f"{sys.executable} {ROOT / 'stages' / name}.py"
    pipeline(folder, stages)

    def repro(moment: str) -> subprocess.CompletedProcess[str]:
        return forks.run([DYING_DVC, "train_pix2pix", moment], folder, environment(folder))

    def kept() -> list[tuple[str, str]]:
        return [(one.state, one.other) for one in list_folders(folder)]

    done = repro("outs are not hashed")
    assert done.returncode == -signal.SIGKILL
    assert "resuming" not in done.stderr
    assert kept() == [("finished", "")]
    expected = outs(folder)
    steps = int(expected["metrics/history/pix2pix.csv"].splitlines()[-1].partition(b",")[0])
    again = f"resuming after step {steps} of {steps}"

    cache = folder / ".dvc" / "cache" / "files"
    cache.parent.mkdir(exist_ok=True)
    cache.touch()  # a file: no folder can be made below it
    done = repro("never")
    assert done.returncode == 255
    assert again in done.stderr, done.stderr
    assert kept() == [("finished", "")]
    cache.unlink()

    done = repro("dvc.lock is not written")
    assert done.returncode == -signal.SIGKILL
    assert again in done.stderr
    assert kept() == [("finished", "")]
    done = repro("never")
    assert done.returncode == 0, done.stderr
    assert kept() == [("kept", "")], "the stage after it removes what DVC has committed"
    found = outs(folder)
    assert {name: found[name] for name in expected} == expected
    store = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = store.search_runs([one.experiment_id for one in store.search_experiments()])
    (run,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)  # an evaluation has a parent
    assert run.info.status == "FINISHED"
    assert len(store.search_model_versions("name = 'pix2pix'")) == 1


def has_ended(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or "Z" in state.read_text().split()[2]
