"""Signals, in processes of their own."""

import os
import signal
import subprocess
import sys
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
