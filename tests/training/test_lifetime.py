"""Signals and parents, in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganflow.training import lifetime
from ganflow.training.lifetime import stop_on_signals

SRC = Path(__file__).parents[2] / "src"


def test_a_sigterm_that_comes_twice_still_lets_it_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a process group under DVC: once from the sender, once because DVC died of it."""
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        monkeypatch.setattr(lifetime, "SAME_SECONDS", 0.0)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received == signal.SIGTERM


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_ctrl_c_means_now(first: signal.Signals) -> None:
    script = f"""if True:
        import os, time
        from ganflow.training import lifetime
        lifetime.SAME_SECONDS = 0.0
        with lifetime.stop_on_signals():
            os.kill(os.getpid(), {first.value})
            time.sleep(0.1)
            os.kill(os.getpid(), {signal.SIGINT.value})
            time.sleep(60)
    """
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(SRC)}, timeout=30)
    assert done.returncode == 128 + signal.SIGINT


@pytest.mark.parametrize(("under_dvc", "survives"), [({"DVC_STAGE": "train_gan"}, False), ({}, True)])
def test_an_orphan_notices_a_parent_that_died_before_it_could_ask(
    tmp_path: Path, under_dvc: dict[str, str], survives: bool
) -> None:
    """A trainer imports for seconds first. One that was started by hand and left alone on purpose goes on."""
    script = f"""if True:
        import os, time
        parent = os.getppid()
        print(os.getpid(), flush=True)
        while os.getppid() == parent:
            time.sleep(0.005)
        from ganflow.training.lifetime import end_with_parent
        end_with_parent()
        open({str(tmp_path / "survived")!r}, "w").close()
    """
    parent = subprocess.Popen(
        ["sh", "-c", '"$0" -c "$1" & wait', sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(SRC)} | under_dvc,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{child}").exists()
    assert (tmp_path / "survived").exists() == survives
