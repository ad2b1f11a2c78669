"""Shared fixtures: the real params.yaml at a size at which a training takes seconds."""

import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

import new_stores
import numpy as np
import pytest
import torch

from ganflow import config

ROOT = Path(__file__).parents[1]
# Two test processes share two cores: more threads each would only wait for one another.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# The longest first: begun near the end, one of them would run on beside a worker that has nothing left to do.
LONGEST = ("test_documented_commands", "test_kills", "test_runs", "test_processes", "test_going_on", "test_guard")
# A shell has its background jobs ignore Ctrl-C (`nohup make test &`), and they would pass that on to their children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def params() -> config.Params:
    return config.load_params(ROOT / "params.yaml")


@pytest.fixture(autouse=True)
def _one_thread_again() -> Iterator[None]:
    """Also after a test that prepared the machine: a fork of a process with more of OpenMP's threads waits for ever."""
    yield
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _random_numbers_of_its_own(request: pytest.FixtureRequest) -> None:
    """A test draws the same from its module's RNG whichever tests ran before it in this process."""
    if isinstance(rng := getattr(request.module, "RNG", None), np.random.Generator):
        seed = zlib.crc32(request.node.name.encode())
        rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state


@pytest.fixture(scope="session", autouse=True)
def _stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.getbasetemp()
    os.environ[new_stores.TEMPLATE] = str((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "store.db")
    new_stores.copy_tables()
    new_stores.skip_packages()


@pytest.fixture(autouse=True)
def _no_real_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may write into the project's own store, checkpoints or experiments."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in ("MLFLOW_TRACKING_URI", "GANFLOW_MIRROR", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"):
        monkeypatch.setenv(name, "")  # noted, so that what is set meanwhile is undone: mlflow.set_tracking_uri does
        monkeypatch.delenv(name)
