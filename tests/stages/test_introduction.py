"""What a stage says before it works: from dvc.yaml, whatever folder it runs in."""

from pathlib import Path

import pytest
from imports import ROOT
from workspace import project, stage

from ganflow.stage import together


def test_a_stage_says_what_it_reads_and_makes(tmp_path: Path) -> None:
    done = stage(project(tmp_path / "own"), "download_maps")
    assert done.stdout.splitlines() == [
        "  reads data/manifests/maps.sha256, params.yaml (data.source, maps.test_pairs)",
        "  makes data/raw/maps",
    ]


def test_one_process_of_a_stage_speaks_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert stage(project(tmp_path / "own"), "check_params").stdout == ""


@pytest.mark.parametrize("script", sorted(ROOT.glob("stages/*.py")), ids=lambda script: script.stem)
def test_every_stage_runs_that_way(script: Path) -> None:
    source = script.read_text()
    assert "from ganflow.stage import run" in source
    assert source.endswith('if __name__ == "__main__":\n    run(main)\n')


def test_paths_of_one_folder_stand_together() -> None:
    paths = ["a/b/one.npy", "a/b/two.npy", "models/gan", "a/three"]
    assert together(paths) == "a/b/{one.npy, two.npy}, models/gan, a/three"
