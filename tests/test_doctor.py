import socket
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ganflow import doctor
from ganflow.data import prepared
from ganflow.doctor import Finding, examine
from ganflow.files import locked
from ganflow.pipeline.code import code_fingerprint

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which nothing has run."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in examine()}


def test_a_fresh_clone_has_all_to_do_and_nothing_wrong(project: Path) -> None:
    before = sorted(project.rglob("*"))
    findings = found()
    assert sorted(project.rglob("*")) == before, "it changed something"
    assert findings["params.yaml"].state == "valid"
    assert findings["data: mnist"].advice == "`dvc repro prepare_mnist` makes it"
    assert findings["models"].advice
    assert findings["machine"].state.startswith(("cpu", "cuda", "mps"))
    assert not findings["runs"].advice


def test_a_damaged_configuration_of_dvc_is_named(project: Path) -> None:
    (project / ".dvc").mkdir()
    (project / ".dvc/config").write_text("[core\nremote = x\n")
    finding = doctor._remote(project)
    assert "cannot be read: config file error: Invalid line" in finding.state
    assert finding.advice == "correct .dvc/config"


def test_faults_are_named_with_their_cure(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "params.yaml").write_text("seed: -1\n")
    (project / "constraints.txt").write_text("numpy==0.0.1\nno-such-package==1\n")
    (project / "mlflow.db").write_text("not a database, but long enough to look at")
    (project / ".git").rename(project / "elsewhere")
    monkeypatch.setenv("GANFLOW_MIRROR", str(project / "nowhere"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    monkeypatch.setattr(doctor, "DISK_NEEDED", float("inf"))
    findings = found()
    assert "seed = -1" in findings["params.yaml"].state
    assert f"1 not as pinned: numpy {np.__version__} (pinned: 0.0.1)" in findings["versions"].state
    for name in ("params.yaml", "versions", "git", "disk", "GANFLOW_MIRROR", "runs", "models"):
        assert findings[name].advice, name


def test_what_is_there_is_counted(project: Path) -> None:
    for name, source in (("mnist", "download"), ("maps", "generated")):
        folder = project / prepared.PREPARED / name
        folder.mkdir(parents=True)
        prepared.describe(folder, {"train": 7, "val": 2, "test": 3}, source=source)
    (project / "models/gan/best").mkdir(parents=True)
    (project / "models/gan/best/config.json").touch()
    database = sqlite3.connect(project / "mlflow.db")
    database.execute("CREATE TABLE runs (id)")
    database.execute("INSERT INTO runs VALUES (1)")
    database.commit()
    database.close()
    findings = found()
    assert findings["data: mnist"] == Finding("data: mnist", "7 train, 2 val, 3 test, download")
    assert "where params.yaml wants download" in findings["data: maps"].state
    assert findings["data: maps"].advice == "dvc repro"
    assert findings["models"] == Finding("models", "gan")
    assert findings["runs"].state.startswith("1 in mlflow.db")


def test_own_data_is_what_params_want_if_it_is_of_the_folder_that_they_name(project: Path) -> None:
    parameters = (project / "params.yaml").read_text()
    for default, own in (("data/raw/mnist", "mine/letters"), ("data/raw/maps", "mine/cells")):
        parameters = parameters.replace(f"folder: {default}", f"folder: {own}")
    (project / "params.yaml").write_text(parameters.replace("derive: none", "derive: denoise"))
    counts = {"train": 7, "val": 2, "test": 3}
    for name, own in (("mnist", "letters"), ("maps", "cells, denoise")):
        folder = project / prepared.PREPARED / name
        folder.mkdir(parents=True)
        prepared.describe(folder, counts, source="folder", name=own)
    findings = found()
    for name, own in (("mnist", "letters"), ("maps", "cells, denoise")):
        assert findings[f"data: {name}"] == Finding(f"data: {name}", f"7 train, 2 val, 3 test, folder {own}")
    (project / "params.yaml").write_text(parameters)
    assert findings != found()
    assert found()["data: maps"].state.endswith("folder cells, denoise, where params.yaml wants folder cells")


def test_the_demos_models_count_as_the_demos(project: Path) -> None:
    (project / "demo/models/cvae/best").mkdir(parents=True)
    (project / "demo/models/cvae/best/config.json").touch()
    assert found()["models"] == Finding("models", "none in models/; of the demo, in demo/models/: cvae")


def test_the_last_line_is_the_next_step(project: Path) -> None:
    def next_step() -> str:
        *_, last = examine()
        assert (last.name, last.advice) == ("next step", "")
        return last.state

    assert next_step().startswith("make demo")
    (project / "demo").mkdir()
    (project / "demo/index.html").touch()
    assert next_step().endswith("make repro")
    (project / "models/gan/best").mkdir(parents=True)
    (project / "models/gan/best/config.json").touch()
    assert next_step().startswith("dvc repro")
    (project / "reports/translators").mkdir(parents=True)
    (project / "reports/translators/index.html").touch()
    assert next_step().endswith("-S pix2pix.lambda_l1=50 report_pairs")
    (project / "reports/index.html").touch()
    assert next_step().startswith("look at reports/index.html")


def test_every_training_on_the_disk_is_named_with_what_to_do(project: Path) -> None:
    folder = project / "checkpoints" / "gan" / f"0123456789ab-{code_fingerprint('train_gan')}"
    folder.mkdir(parents=True)
    for step in (90, 1200):
        (folder / f"step-{step:09d}.safetensors").touch()
    assert found()["training: gan"].state.startswith("step 1200, interrupted")
    assert found()["training: gan"].advice == "the command that began it continues it"
    with locked(folder.with_name(f"{folder.name}.lock"), wait=False):
        assert found()["training: gan"].state.startswith("step 1200, running")
        assert not found()["training: gan"].advice
    folder.rename(folder.with_name("0123456789abcdef"))
    assert found()["training: gan"].state.startswith("step 1200, interrupted (of other code), 0.0 MB")
    assert found()["training: gan"].advice == "`ganflow checkpoints gan/0123456789abcdef --remove` frees the disk"


def test_a_tracking_server_is_asked_whether_it_is_well(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert found()["runs"].state == f"{address} does not answer (ConnectionError)"
    assert "MLFLOW_TRACKING_URI" in found()["runs"].advice


def test_the_data_remote_is_named(project: Path) -> None:
    assert found()["DVC"].advice
    (project / ".dvc").mkdir()
    assert found()["DVC remote"].state.startswith("none")
    (project / ".dvc" / "config").write_text("[core]\n    remote = shared\n['remote \"shared\"']\n    url = /srv/dvc\n")
    assert found()["DVC remote"] == Finding("DVC remote", "shared")


def test_the_report_says_what_to_do_below_what_is_amiss() -> None:
    said: list[str] = []
    doctor.report([Finding("disk", "1 GB free", "free some"), Finding("git", "clean")], said.append)
    amiss, what_to_do, well = (line.split() for line in said)
    assert amiss == ["!", "disk", "1", "GB", "free"]
    assert what_to_do == ["→", "free", "some"]
    assert well == ["git", "clean"]


def test_dvcs_damaged_lock_and_a_path_that_dvc_cannot_copy_to_are_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not {"DVC's lock", "this folder"} & set(found())
    lock = project / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert "rm .dvc/tmp/rwlock" in found()["DVC's lock"].advice
    assert lock.exists(), "the doctor changes nothing"
    (project / "später").mkdir()
    monkeypatch.chdir(project / "später")
    monkeypatch.setenv("DVC_ROOT", "")
    assert "not ASCII" in found()["this folder"].state
    assert found()["this folder"].advice == "move the folder"


def test_what_git_lacks_is_named(project: Path) -> None:
    assert found()["git"].state.startswith("git has no commit of this folder")
    assert found()["git"].advice.startswith("git add -A")
