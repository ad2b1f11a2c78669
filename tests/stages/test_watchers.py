"""The list of watchers, proved: without any of them, every training and evaluation makes the same bytes."""

import subprocess
import sys
from pathlib import Path

from workspace import ORDER, ROOT, environment, outs, project

FROM_MODELS = ORDER[ORDER.index("train_classifier") : ORDER.index("report")]


def test_no_watcher_changes_a_byte_of_an_out(whole: Path, tmp_path: Path) -> None:
    folder = project(tmp_path / "unwatched")
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    script = ROOT / "tests/stages/unwatched.py"
    done = subprocess.run(
        [sys.executable, str(script), *FROM_MODELS],
        cwd=folder,
        env=environment(folder, OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found, expected = outs(folder), outs(whole)
    assert {name.partition("/")[0] for name in found} == {"models", "metrics", "reports"}
    left_out = expected.keys() - found.keys()
    assert all(name == "reports/index.html" or name.startswith("reports/model_cards/") for name in left_out), left_out
    assert found == {name: expected[name] for name in found}
    assert not (folder / "mlflow.db").exists()
