"""What the whole training loop costs on top of bare steps on one batch that is there already.

The loop is the project's own, with memory-mapped data, augmentation, history, an MLflow run and checkpoints, in a
temporary folder. After every block of its steps it is held while as many bare steps of the same model run. Checkpoints
are timed one by one and charged at the rate of a long training: one in `loop.checkpoint_pause`. Validation and the
picture at an epoch's end are not part of it.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from setting import Setting, noise, pix2pix
from timing import Row, synchronise
from torch import Tensor, nn

from ganflow.config import Pix2Pix
from ganflow.data.batches import PairBatches, open_array
from ganflow.tracking import run as tracking
from ganflow.training import loop
from ganflow.training.checkpoint import Checkpoints

PAIRS = 100
PARTS = ("data", "tracking")


def measure(setting: Setting) -> list[Row]:
    own, size = setting.params.pix2pix, setting.params.maps.crop_size
    paper, large = setting.paper(1)
    rows: list[Row] = []
    with _own_store():
        # A block of 50 steps has one point of the curves in it, as it has in training; one of 25 every other time.
        rows += _case(setting, f"default, batch {own.batch_size}, {size} px", own, size, setting.pick(50, 2), 5)
        rows += _case(setting, f"paper's networks, batch 1, {large} px", paper, large, setting.pick(25, 2), 4)
    return rows


def _case(setting: Setting, name: str, own: Pix2Pix, size: int, block: int, blocks: int) -> list[Row]:
    blocks = setting.rounds(blocks)
    steps = block * (blocks + 1) + 1  # the first block warms up; the step after the last closes it
    clocks = Clocks()
    with tempfile.TemporaryDirectory(prefix="ganflow-bench-") as folder:
        load = max(setting.params.maps.load_size, size)
        pairs = np.random.default_rng(0).integers(0, 256, (setting.pick(PAIRS, 4), 2, load, load, 3), np.uint8)
        np.save(Path(folder) / "train.npy", pairs)
        stored = open_array(Path(folder) / "train.npy", setting.machine.device)
        model = Held(pix2pix(own, size, setting.machine), noise(own.batch_size, size, setting.device), block, clocks)
        data = Data(PairBatches(stored, size, setting.params.maps.direction, setting.machine.device), clocks)
        plan = loop.Plan("bench", 0, steps * own.batch_size, own.batch_size, 1, own.learning_rate)
        checkpoints = Saves("bench", name.partition(",")[0], clocks)
        checkpoints.folder.mkdir(parents=True, exist_ok=True)
        tracker = tracking.start_run(
            "bench", params={}, dataset=tracking.Dataset("noise", "0", "generated"), training=uuid.uuid4().hex, tags={}
        )
        loop.train(model, data, plan, checkpoints, Points(tracker, clocks), None)
        tracker.finish("FINISHED")
    whole, bare, parts = model.whole[1:], model.bare[1:], list(model.parts[1:])
    took = clocks.save / clocks.saves
    saving = took / loop.checkpoint_pause(took)  # seconds of saving a second of training
    rest = [a - sum(p.values()) - b for a, b, p in zip(whole, bare, parts, strict=True)]

    def row(what: str, ours: list[float], against: str = "a bare step") -> Row:
        return Row(f"loop: {what}", "ms/step", [1e3 * each / block for each in ours], other, against)

    other = [1e3 * each / block for each in bare]
    return [
        row(name, [each * (1 + saving) for each in whole]),
        *(row(f"· {part}", [each[part] for each in parts]) for part in PARTS),
        row("· checkpoints", [each * saving for each in whole]),
        row("· history and the rest (less what a step itself varies by)", rest),
    ]


class Clocks:
    """Seconds spent so far in the parts of the loop."""

    def __init__(self) -> None:
        self.data = self.tracking = self.save = 0.0
        self.saves = 0

    def now(self) -> dict[str, float]:
        return {"data": self.data, "tracking": self.tracking, "save": self.save}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        setattr(self, part, getattr(self, part) + time.perf_counter() - began)


class Held:
    """A model that every `block` steps holds the loop, to take as many bare steps on `batch`."""

    def __init__(self, model: Any, batch: tuple[Tensor, Tensor], block: int, clocks: Clocks) -> None:
        self._model, self._batch, self._block, self._clocks = model, batch, block, clocks
        self.networks: dict[str, nn.Module] = model.networks
        self.optimisers: dict[str, torch.optim.Optimizer] = model.optimisers
        self.whole: list[float] = []  # seconds of the loop's blocks, less those of checkpoints
        self.bare: list[float] = []
        self.parts: list[dict[str, float]] = []
        self._steps = 0
        self._began, self._before = 0.0, clocks.now()

    def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
        if self._steps % self._block == 0:
            self._hold()
        self._steps += 1
        return self._model.step(batch, images_seen)

    def _hold(self) -> None:
        synchronise()
        began, clocks = time.perf_counter(), self._clocks.now()
        if self._steps:
            parts = {name: clocks[name] - self._before[name] for name in clocks}
            self.whole.append(began - self._began - parts.pop("save"))
            self.parts.append(parts)
            for _ in range(self._block):
                self._model.step(self._batch, 1000)
            synchronise()
            self.bare.append(time.perf_counter() - began)
        self._began, self._before = time.perf_counter(), clocks

    def finished(self) -> nn.Module:
        return self._model.finished()

    def sample(self, network: nn.Module) -> Image.Image | None:
        return None


class Data:
    """Batches on the clock, of as many images as the plan likes."""

    def __init__(self, batches: PairBatches, clocks: Clocks) -> None:
        self._batches, self._clocks = batches, clocks

    def __len__(self) -> int:
        return len(self._batches)

    def batch(self, indices: Tensor, *draw: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
        with self._clocks("data"):
            return self._batches.batch(indices % len(self._batches), *draw)


class Points:
    """Curves on the clock."""

    def __init__(self, tracker: tracking.Tracker, clocks: Clocks) -> None:
        self._tracker, self._clocks = tracker, clocks

    def metrics(self, values: dict[str, float], step: int) -> None:
        with self._clocks("tracking"):
            self._tracker.metrics(values, step)

    def image(self, image: Image.Image, key: str, step: int) -> None:
        with self._clocks("tracking"):
            self._tracker.image(image, key, step)


class Saves(Checkpoints):
    """Checkpoints on the clock."""

    def __init__(self, stage: str, mark: str, clocks: Clocks) -> None:
        super().__init__(stage, mark.replace(" ", "-"))
        self._clocks = clocks

    def save(self, step: int, state: dict[str, Any]) -> None:
        with self._clocks("save"):
            super().save(step, state)
        self._clocks.saves += 1


@contextmanager
def _own_store() -> Iterator[None]:
    """Runs and checkpoints go to a temporary folder, whatever the environment says."""
    names = ("DVC_ROOT", "MLFLOW_TRACKING_URI")
    before = {name: os.environ.pop(name, None) for name in names}
    with tempfile.TemporaryDirectory(prefix="ganflow-bench-") as folder:
        os.environ["DVC_ROOT"] = folder
        try:
            yield
        finally:
            del os.environ["DVC_ROOT"]
            os.environ.update({name: value for name, value in before.items() if value is not None})
