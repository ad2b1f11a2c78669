"""Shared fixtures: the real params.yaml at a size at which a training takes seconds."""

import os
from pathlib import Path

import pytest
import torch

from ganflow import config

ROOT = Path(__file__).parents[1]
# Two test processes share two cores: more threads each would only wait for one another.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def params() -> config.Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture(autouse=True)
def _no_real_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may write into the project's own store, checkpoints or experiments."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in ("MLFLOW_TRACKING_URI", "GANFLOW_MIRROR", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_store_outlives_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """mlflow.set_tracking_uri writes into the environment, from where the next test's stages would inherit it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
