from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from ruamel.yaml import YAML

from ganflow.pipeline import duration

ROOT = Path(__file__).parents[2]
STAGES = ["prepare", "train", "report"]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)


def test_the_first_run_knows_its_place_and_the_next_its_time() -> None:
    assert duration.heading("train", STAGES, "abc") == "[2/3] train"
    for stage, seconds in zip(STAGES, (60, 400, 200), strict=True):
        duration.remember(stage, seconds, "abc")
    assert duration.heading("train", STAGES, "abc") == "[2/3] train … about 10 min left of 11 min, as the last time"
    assert duration.heading("report", STAGES, "abc") == "[3/3] report … about 3 min left of 11 min, as the last time"
    assert duration.heading("train", STAGES, "another") == "[2/3] train"


def test_a_stage_whose_time_is_not_known_leaves_it_out() -> None:
    duration.remember("train", 400, "abc")
    assert duration.heading("train", STAGES, "abc") == "[2/3] train"


def test_a_weight_changes_no_time_and_a_length_does() -> None:
    text = Path("params.yaml").read_text()
    size = duration.size_of_run()
    Path("params.yaml").write_text(text.replace("lambda_l1: 100.0", "lambda_l1: 50"))
    assert duration.size_of_run() == size, "a real number, however it is written"
    Path("params.yaml").write_text(text.replace("  test_pairs: 200", "  test_pairs: 100"))
    assert duration.size_of_run() not in ("", size)
    Path("params.yaml").write_text("nothing: of ours\n")
    assert duration.size_of_run() == ""


def test_without_a_place_to_keep_times_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "elsewhere"))
    duration.remember("train", 400, "abc")
    assert not (tmp_path / "elsewhere").exists()


def test_dvc_runs_the_stages_in_the_order_of_its_file() -> None:
    listed = list(YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"])
    assert [stage.name for stage in plan_repro(Repo(str(ROOT)).index.graph)] == listed
