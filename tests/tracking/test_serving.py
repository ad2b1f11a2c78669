"""`mlflow models serve` for real: a photo goes in over HTTP, the map comes back."""

import contextlib
import json
import os
import socket
import time
import urllib.request
from pathlib import Path

import forks
import numpy as np
import pytest
from small_model import EXAMPLE, small_model

from ganflow.comparison.champion import ValidationScore
from ganflow.inference.model import load_model
from ganflow.tracking.run import Dataset, start_run


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Of the server, once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_photo_of_any_size_posted_comes_back_as_a_map(tmp_path: Path, address: str) -> None:
    """By the code inside the model: the ganflow on the server's path cannot be imported."""
    model = small_model(tmp_path)
    dataset = Dataset("maps", "ab" * 32, "download")
    tracker = start_run("pix2pix", params={"seed": 0}, dataset=dataset, training="one", tags={})
    score = ValidationScore("mean_iou", True, {"n": 96}, "download", "", np.linspace(0.4, 0.6, 11))
    tracker.model(model, EXAMPLE, "model", score)
    tracker.finish("FINISHED")
    (tmp_path / "ganflow").mkdir()
    (tmp_path / "ganflow/__init__.py").write_text("raise ImportError('not the one inside the model')")

    photo = np.random.default_rng(0).integers(0, 256, (1, 37, 50, 3), dtype=np.uint8)
    port = address.rpartition(":")[2]
    settings = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db", "PYTHONPATH": str(tmp_path)}
    words = ["-m", "mlflow", "models", "serve", "-m", "models:/pix2pix@champion", "--env-manager", "local", "-p", port]
    with forks.Fork(words, tmp_path, os.environ | settings) as server:  # its own child ends with it
        deadline = time.monotonic() + 120
        while not answers(f"{address}/ping"):
            assert server.process.is_alive(), server.said("stderr")
            assert time.monotonic() < deadline, server.said("stderr")
            time.sleep(0.2)
        body = json.dumps({"inputs": photo.tolist()}).encode()
        request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            served = np.array(json.loads(answer.read())["predictions"], np.uint8)
    assert np.array_equal(served[0], np.asarray(load_model(model)(photo[0])))


def answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
        return answer.status == 200
    return False
