"""`mlflow models serve` for real: a photo goes in over HTTP, the map comes back."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from ganflow.comparison.champion import ValidationScore
from ganflow.data.batches import to_bytes
from ganflow.inference.translation import to_input, translate
from ganflow.models.unet import UNet
from ganflow.tracking.run import Dataset, start_run

SIZE = 32


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Of the server, once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def network() -> UNet:
    torch.manual_seed(0)
    return UNet(4, 4, "instance", "transposed", 0.0).eval().requires_grad_(False)


def test_a_photo_posted_comes_back_as_a_map(tmp_path: Path, address: str) -> None:
    generator = network()
    dataset = Dataset("maps", "ab" * 32, "download")
    tracker = start_run("pix2pix", params={"seed": 0}, dataset=dataset, training="one", tags={})
    score = ValidationScore("mean_iou", True, {"n": 96}, "download", "", np.linspace(0.4, 0.6, 11))
    tracker.model(generator, torch.zeros(2, 3, SIZE, SIZE), "model", score)
    tracker.finish("FINISHED")

    photo = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8)
    cpu = torch.device("cpu")
    port = address.rpartition(":")[2]
    mlflow = shutil.which("mlflow")
    assert mlflow
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [mlflow, "models", "serve", "-m", "models:/pix2pix@champion", "--env-manager", "local", "-p", port],
            env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while not answers(f"{address}/ping"):
            assert server.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
        body = json.dumps({"inputs": to_input(photo, cpu).tolist()}).encode()
        request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            served = np.array(json.loads(answer.read())["predictions"], np.float32)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    drawn = to_bytes(torch.from_numpy(served))
    # The exported network may add up in another order: a step of 255 at most.
    assert np.abs(drawn.astype(int) - translate(generator, photo, 1, cpu)).max() <= 1


def answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
        return answer.status == 200
    return False
