"""What a stage says before it works, from dvc.yaml, whatever folder it runs in; and what ends it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from workspace import ORDER, ROOT, environment, project, stage, until

from ganflow.pipeline.stage import INTRODUCED, VERBOSE, grouped_by_folder


def test_a_stage_says_its_place_and_if_asked_what_it_reads_and_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage(project(tmp_path / "own"), "download_maps").stdout == f"[4/{len(ORDER)}] download_maps\n"
    monkeypatch.setenv(VERBOSE, "1")
    done = stage(project(tmp_path / "own"), "download_maps")
    assert done.stdout.splitlines()[1:] == [
        "  reads data/manifests/maps.sha256, params.yaml (data.source, maps.test_pairs)",
        "  makes data/raw/maps",
    ]


def test_one_process_of_a_stage_speaks_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert stage(project(tmp_path / "own"), "check_params").stdout == ""


@pytest.mark.parametrize("script", sorted(ROOT.glob("stages/*.py")), ids=lambda script: script.stem)
def test_every_stage_runs_that_way(script: Path) -> None:
    source = script.read_text()
    assert re.search(r"^from ganflow\.pipeline\.stage import (\w+, )?run_stage$", source, re.MULTILINE)
    assert source.endswith('if __name__ == "__main__":\n    run_stage(main)\n')


def test_paths_of_one_folder_stand_together() -> None:
    paths = ["a/b/one.npy", "a/b/two.npy", "models/gan", "a/three"]
    assert grouped_by_folder(paths) == "a/b/{one.npy, two.npy}, models/gan, a/three"


def test_ctrl_c_ends_a_stage_wherever_it_is(tmp_path: Path) -> None:
    """Also inside a weak reference's callback, where Python prints a KeyboardInterrupt and goes on."""
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    given = environment(tmp_path) | {INTRODUCED: "busy"}
    with subprocess.Popen([sys.executable, str(script)], env=given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT


BUSY = """
import weakref
from ganflow.pipeline.stage import run_stage

class Thing: ...

def callback(reference):
    print("busy", flush=True)
    for _ in range(10**8): ...

def main():
    thing = Thing()
    reference = weakref.ref(thing, callback)
    del thing

run_stage(main)
"""


@pytest.mark.parametrize("asked", ["before", "after"])
@pytest.mark.parametrize(("under_dvc", "survives"), [("DVC_STAGE=train_gan", False), ("", True)])
def test_a_stage_ends_with_the_parent_that_dies_before_or_after_it_asks(
    tmp_path: Path, asked: str, under_dvc: str, survives: bool
) -> None:
    """A stage imports for seconds first. One that was started by hand and left alone on purpose goes on."""
    script = f"""if True:
        import os, time
        from ganflow.pipeline.stage import end_with_parent
        parent = os.getppid()
        {"" if asked == "before" else "end_with_parent()"}
        print(os.getpid(), flush=True)
        while os.getppid() == parent:
            time.sleep(0.005)
        {"end_with_parent()" if asked == "before" else "time.sleep(0.2)"}
        open({str(tmp_path / "survived")!r}, "w").close()
    """
    parent = subprocess.Popen(
        ["sh", "-c", under_dvc + ' "$0" -c "$1" & wait', sys.executable, script],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until(lambda: not Path(f"/proc/{child}").exists(), seconds=30)
    assert (tmp_path / "survived").exists() == survives
