"""Trainings that are killed, stopped, orphaned or started twice."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from imports import ROOT
from workspace import TASKS, checkpoints, environment, often_saving, project, stage, until


@pytest.mark.parametrize("model", ["classifier", *TASKS])
def test_a_training_killed_at_every_kind_of_moment_ends_as_one_left_alone(
    whole: Path, tmp_path: Path, model: str
) -> None:
    """The same bytes and the same MLflow run, also with a damaged checkpoint and changed parameters in between."""
    command = [sys.executable, str(ROOT / "tests" / "stages" / "kills.py"), model, str(whole), str(tmp_path)]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert sum(told["landed"].values()) >= 9


def test_a_second_trainer_waits_and_takes_the_first_ones_result(prepared: Path, tmp_path: Path) -> None:
    """Two queued experiments that share a training: it is done once, and both have it."""
    folder = project(tmp_path / "twice", pix2pix={"epochs": 60})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    first = often_saving(folder, "train_pix2pix")
    until(lambda: checkpoints(folder))
    second = stage(folder, "train_pix2pix")
    first.communicate(timeout=60)
    assert first.returncode == second.returncode == 0
    assert f"waiting for process {first.pid}" in second.stderr
    steps = json.loads((prepared / "data/prepared/maps/training.json").read_text())["train"] // 2 * 60
    assert f"resuming after step {steps} of {steps}" in second.stderr
    assert not checkpoints(folder), "the last one leaves nothing behind"


def test_a_trainer_that_waits_goes_on_where_a_stopped_one_was(prepared: Path, tmp_path: Path) -> None:
    folder = project(tmp_path / "relay", pix2pix={"epochs": 2000})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    first = often_saving(folder, "train_pix2pix")
    until(lambda: checkpoints(folder))
    second = often_saving(folder, "train_pix2pix")
    assert second.stderr is not None
    assert f"for process {first.pid}" in next(line for line in second.stderr if "waiting" in line)
    first.terminate()
    _, said = first.communicate(timeout=60)
    assert first.returncode == 128 + signal.SIGTERM
    assert "the same command goes on" in said
    assert "resuming after step" in next(line for line in second.stderr if "resuming" in line)
    second.terminate()
    second.communicate(timeout=60)
    assert second.returncode == 128 + signal.SIGTERM
    assert not (folder / "models" / "pix2pix").exists()


def test_a_trainer_dies_with_its_parent(prepared: Path, tmp_path: Path) -> None:
    """As when `dvc` itself is killed: no orphan goes on training beside the next run."""
    folder = project(tmp_path / "orphan", pix2pix={"epochs": 2000})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    script = f"{sys.executable} {ROOT / 'stages' / 'train_pix2pix.py'} & echo $!; wait"
    parent = subprocess.Popen(
        ["sh", "-c", script], cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    trainer = int(parent.stdout.readline())
    until(lambda: list((folder / "checkpoints").rglob("samples")))
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    until(lambda: has_ended(trainer))
    assert checkpoints(folder), "it saved before it stopped"


def has_ended(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or "Z" in state.read_text().split()[2]
