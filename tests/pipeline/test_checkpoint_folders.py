import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ganflow.files import locked
from ganflow.pipeline import checkpoint_folders
from ganflow.pipeline.checkpoint_folders import (
    FINISHED,
    fingerprint,
    finish,
    list_folders,
    lock_of,
    of_other_code,
    release,
    remove,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a training of the GAN with two states, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    own = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    params = {"seed": own["seed"], "gan": own["gan"], "classifier": "0123456789ab"}
    folder = tmp_path / "checkpoints" / "gan" / fingerprint("gan", params, "data")
    folder.mkdir(parents=True)
    checkpoint_folders.write_json(folder / "training.json", {"params": params})
    for step in (90, 1200):
        (folder / f"step-{step:09d}.safetensors").write_bytes(bytes(step))
    return folder


def finished(folder: Path) -> str:
    """Finish the training; returns the line of dvc.lock that says that its history is committed."""
    history = folder.parents[2] / "history.csv"
    history.write_text("step,loss\n1200,0.5\n")
    finish(folder, history)
    return f"      md5: {hashlib.md5(history.read_bytes()).hexdigest()}\n"


def test_other_parameters_or_data_have_another_mark_and_the_same_code() -> None:
    marks = [fingerprint("gan", params, data) for params in ({"lr": 0.1}, {"lr": 0.2}) for data in ("a", "b")]
    assert len(set(marks)) == 4
    assert len({one.rpartition("-")[2] for one in marks}) == 1
    assert marks[0] == fingerprint("gan", {"lr": 0.1}, "a")


def test_another_length_changes_the_middle_of_the_mark_alone() -> None:
    marks = [
        fingerprint("gan", {"seed": 0, "gan": {"lr": 0.1, "epochs": epochs, "decay_epochs": decay}}, "data")
        for epochs, decay in ((40, 20), (90, 20), (90, 10))
    ]
    assert [one.split("-")[1] for one in marks] == ["e40d20", "e90d20", "e90d10"]
    assert len({(one.partition("-")[0], one.rpartition("-")[2]) for one in marks}) == 1


def test_a_training_is_running_interrupted_or_finished(folder: Path, tmp_path: Path) -> None:
    (one,) = list_folders(tmp_path)
    assert (one.step, one.state, one.other) == (1200, "interrupted", "")
    assert one.bytes >= 1290
    assert not lock_of(folder).exists(), "looking changes nothing"
    with locked(lock_of(folder), wait=False):
        assert list_folders(tmp_path)[0].state == "running"
    finished(folder)
    assert list_folders(tmp_path)[0].state == "finished"


def test_what_belongs_to_other_code_or_parameters_says_so(folder: Path, tmp_path: Path) -> None:
    asked = folder.name.rpartition("-")[0]
    folder.rename(folder.with_name(f"{asked}-0123456789ab"))
    assert [one.other for one in list_folders(tmp_path)] == ["of other code"]
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("seed: 0", "seed: 1"))
    assert [one.other for one in list_folders(tmp_path)] == ["of other code, of other parameters: seed = 0"]
    for content in (b"", b"[1]", b'{"params": 3}', b"\xff"):
        (folder.with_name(f"{asked}-0123456789ab") / "training.json").write_bytes(content)
        assert [one.other for one in list_folders(tmp_path)] == ["of other code"]
    params.unlink()
    assert [one.other for one in list_folders(tmp_path)] == ["of other code"]


def test_only_the_same_parameters_and_data_are_of_other_code(folder: Path) -> None:
    asked = folder.name.rpartition("-")[0]
    before = folder.with_name(f"{asked}-0123456789ab")
    before.mkdir()
    folder.with_name("0123456789ab-0123456789ab").mkdir()
    assert of_other_code(folder) == [before]


def test_a_finished_training_is_released_once_dvc_has_committed_it(folder: Path, tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    release(["models/gan"])  # no dvc.lock yet
    committed = finished(folder)
    release(["models/gan"])
    lock.write_text("      md5: 0123456789abcdef0123456789abcdef\n")
    release(["models/gan"])
    lock.write_text(committed)
    release(["data/prepared/mnist", "models/cgan", "models/classifier"])
    assert folder.exists()
    with locked(lock_of(folder), wait=False):  # another experiment takes the same training
        release(["models/gan"])
    assert folder.exists()
    release(["models/gan"])
    assert not folder.exists()


def test_the_state_before_the_rate_falls_outlives_the_commit(folder: Path, tmp_path: Path) -> None:
    (folder / "kept-000000090.safetensors").write_bytes(b"state")
    (folder / "samples").mkdir()
    (tmp_path / "dvc.lock").write_text(finished(folder))
    release(["models/gan"])
    (one,) = list_folders(tmp_path)
    assert (one.step, one.state, one.other) == (90, "kept", "")
    assert {path.name for path in folder.iterdir()} == {"kept-000000090.safetensors", "samples", "training.json"}
    params = tmp_path / "params.yaml"
    text = params.read_text()
    params.write_text(re.sub(r"(?m)^  epochs: .*", "  epochs: 90", text))
    assert list_folders(tmp_path)[0].other == "", "a longer training goes on from it"
    params.write_text(text.replace("seed: 0", "seed: 1"))
    assert list_folders(tmp_path)[0].other == "of other parameters: seed = 0"
    assert remove(folder)
    assert not folder.exists()


def test_an_interrupted_training_is_never_released(folder: Path, tmp_path: Path) -> None:
    committed = finished(folder)
    (tmp_path / "dvc.lock").write_text(committed)
    for content in (None, "", "{}", '{"history_md5": ""}', '{"history_md5": 1}', "\\"):
        if content is None:
            (folder / FINISHED).unlink()
        else:
            (folder / FINISHED).write_text(content)
        release(["models/gan"])
        assert folder.exists()


def test_a_kill_while_a_folder_is_removed_leaves_nothing_to_be_taken_for_whole(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(folder)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # it does not come to that
    assert not remove(folder), "it is still there"
    (one,) = list_folders(tmp_path)
    assert (one.step, one.state) == (0, "interrupted")


@pytest.mark.parametrize("seen", [True, False])
def test_a_training_may_remove_files_while_they_are_listed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    sample, stat = folder / "sample.png", os.stat
    sample.write_bytes(b"x")

    def removing(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if not str(path).endswith(sample.name):
            return stat(path, *arguments, **options)
        found = stat(path, *arguments, **options)
        sample.unlink()
        return found if seen else stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", removing)
    (listed,) = list_folders(Path())
    assert listed.step == 1200
    assert not sample.exists()
