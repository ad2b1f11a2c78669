"""From DVC's experiments, commits and the files here to the runs that made them."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganflow.errors import UserError
from ganflow.files import sha256
from ganflow.models.saved import WEIGHTS
from ganflow.tracking import lookup
from ganflow.tracking.reading import open_store
from ganflow.tracking.run import WEIGHTS_TAG, Dataset, start_run


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def trained(weights: Path) -> str:
    tracker = start_run(
        "pix2pix", params={"seed": 0}, dataset=Dataset("maps", "ab", "download"), training=sha256(weights), tags={}
    )
    tracker.tag(WEIGHTS_TAG, sha256(weights))
    tracker.finish("FINISHED")
    assert tracker.run_id
    return tracker.run_id


def test_runs_are_found_by_experiment_by_weights_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    weights = folder / "models/pix2pix/last" / WEIGHTS
    weights.parent.mkdir(parents=True)
    monkeypatch.chdir(folder)
    command("git", "init", "-q")
    command(sys.executable, "-m", "dvc", "init", "-q")
    weights.write_bytes(b"first")
    command("git", "add", ".")
    command("git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-qm", "first")
    first = trained(weights)
    weights.write_bytes(b"second")
    monkeypatch.setenv("DVC_EXP_NAME", "brave-llama")
    second = trained(weights)
    with open_store() as client:

        def found(wanted: str) -> list[str]:
            return [run.run_id for run in lookup.runs_of(client, wanted)]

        assert found("workspace") == [second]
        assert found("HEAD") == [first]
        assert found("brave-llama") == [second]
        assert found(first[:9]) == [first]
        weights.write_bytes(b"from elsewhere")
        with pytest.raises(UserError, match="no run here trained the models of 'workspace'"):
            found("workspace")
        with pytest.raises(UserError, match="no run is called 'nowhere'"):
            found("nowhere")
