"""The loop on a model small enough to see through."""

import itertools
import math
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.data.batches import Draw
from ganflow.errors import UserError
from ganflow.training import loop
from ganflow.training.checkpoint import Checkpoints
from ganflow.training.lifetime import Stopped
from ganflow.training.loop import Trained, Validation, train
from ganflow.training.plan import Plan


class Line:
    """Fits a line to noisy points; the noise comes from torch's generator. Can be told to stop or to break."""

    def __init__(self, break_at: int = 0, stop_at: int = 0) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(1, 1)
        self.networks: dict[str, nn.Module] = {"line": self.network}
        self.optimisers: dict[str, torch.optim.Optimizer] = {"line": torch.optim.Adam(self.network.parameters())}
        self.break_at, self.stop_at, self.steps = break_at, stop_at, 0
        self.rates: list[float] = []

    def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
        self.steps += 1
        x, y = batch
        loss = (self.network(x) - y - 0.1 * torch.randn_like(y)).square().mean()
        optimiser = self.optimisers["line"]
        self.rates.append(optimiser.param_groups[0]["lr"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if images_seen == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        if images_seen == self.break_at:
            loss = loss * math.nan
        return {"loss": loss, "other": loss.detach() * 2}

    def finished(self) -> nn.Module:
        return self.network

    def sample(self, network: nn.Module) -> Image.Image:
        return Image.new("L", (1, 1), int(self.network.weight.abs().item() * 100))


class Points:
    def __len__(self) -> int:
        return 30

    def batch(self, indices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        x = indices.float().view(-1, 1) / 30
        return x, 2 * x


class Recorded:
    def __init__(self) -> None:
        self.points: list[tuple[int, str]] = []
        self.images: list[int] = []

    def metrics(self, values: dict[str, float], step: int) -> None:
        self.points += [(step, key) for key in values]

    def image(self, image: Image.Image, key: str, step: int) -> None:
        self.images.append(step)


PLAN = Plan("line", seed=0, images=30, batch_size=4, epochs=6, learning_rate=0.1, decay_epochs=2)


@pytest.fixture(autouse=True)
def _log_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LOG_STEPS", 5)


def run(model: Line, mark: str, curves: Recorded | None = None) -> tuple[pd.DataFrame, Checkpoints]:
    trained, checkpoints = run_validated(model, mark, None, curves)
    return trained.history, checkpoints


def run_validated(
    model: Line, mark: str, validation: Validation | None, curves: Recorded | None = None
) -> tuple[Trained, Checkpoints]:
    checkpoints = Checkpoints("line", mark)
    return train(model, Points(), PLAN, checkpoints, curves or Recorded(), validation), checkpoints


def of_values(values: list[float], higher_is_better: bool = True) -> Validation:
    """A validation that finds `values`, epoch by epoch."""
    found = iter(values)
    return Validation(lambda network: {"score": next(found)}, "score", higher_is_better)


def test_every_epoch_sees_every_batch_in_another_order() -> None:
    assert PLAN.epoch_steps == 7
    assert PLAN.steps == 42
    assert sorted(PLAN.order(0).tolist()) != PLAN.order(0).tolist() != PLAN.order(1).tolist()
    assert len(set(PLAN.order(0).tolist())) == 28
    assert torch.equal(PLAN.order(3), PLAN.order(3))


def test_the_rate_is_constant_then_falls_linearly_to_nothing() -> None:
    rates = [PLAN.rate(step) for step in range(PLAN.steps)]
    assert rates[: 4 * 7 + 1] == [0.1] * 29
    assert rates[-1] == pytest.approx(0.1 / 14)
    steps = [a - b for a, b in itertools.pairwise(rates[28:])]
    assert steps == pytest.approx([0.1 / 14] * 13)
    model = Line()
    run(model, "rates")
    assert model.rates == pytest.approx(rates)


def test_history_has_a_row_per_point_and_epoch_with_the_means_between() -> None:
    model = Line()
    history, checkpoints = run(model, "history")
    assert model.steps == 42
    expected = sorted({*range(5, 43, 5), *range(7, 43, 7)})
    assert history["step"].tolist() == expected
    assert history["images"].tolist() == [4 * step for step in expected]
    assert history["epoch"].tolist() == [math.ceil(step / 7) for step in expected]
    assert history["other"].tolist() == pytest.approx((2 * history["loss"]).tolist())
    assert len(list((checkpoints.folder / "samples").glob("epoch_*.png"))) == 6


@pytest.mark.parametrize("stop_after", [1, 6, 13, 14, 29])
def test_a_stopped_and_resumed_training_equals_an_uninterrupted_one(stop_after: int) -> None:
    whole = Line()
    expected, _ = run(whole, "whole")
    first, curves = Line(stop_at=4 * stop_after), Recorded()
    with pytest.raises(Stopped) as stopped:
        run(first, "parts", curves)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert first.steps == stop_after
    second = Line()
    history, checkpoints = run(second, "parts", curves)
    assert first.steps + second.steps == 42
    pd.testing.assert_frame_equal(history, expected, check_exact=True)
    assert torch.equal(second.network.weight, whole.network.weight)
    assert torch.equal(second.network.bias, whole.network.bias)
    assert {step for step, _ in curves.points} == set(expected["step"])
    assert set(curves.images) == set(range(7, 43, 7))
    assert len(list((checkpoints.folder / "samples").glob("epoch_*.png"))) == 6


@pytest.mark.parametrize(("higher", "chosen"), [(True, 2), (False, 5)])
def test_the_best_epoch_is_kept_the_earlier_of_equal_ones(higher: bool, chosen: int) -> None:
    model, weights = Line(), []

    def measure(network: nn.Module) -> dict[str, float]:
        weights.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return {"score": [3.0, 7.0, 7.0, 5.0, 2.0, 2.0][len(weights) - 1]}

    trained, _ = run_validated(model, "best", Validation(measure, "score", higher))
    assert trained.best is not None
    assert trained.best.epoch == chosen
    for name, tensor in weights[chosen - 1].items():
        assert torch.equal(trained.best.weights[name], tensor)
    at_epochs = trained.history.dropna()
    assert at_epochs["step"].tolist() == list(range(7, 43, 7))
    assert at_epochs["val_score"].tolist() == [3, 7, 7, 5, 2, 2]


def test_a_choice_made_before_a_stop_outlives_it() -> None:
    with pytest.raises(Stopped):
        run_validated(Line(stop_at=4 * 20), "parts", of_values([9, 1]))
    trained, _ = run_validated(Line(), "parts", of_values([2, 3, 4, 5]))
    whole, _ = run_validated(Line(), "whole", of_values([9, 1, 2, 3, 4, 5]))
    assert trained.best is not None
    assert whole.best is not None
    assert (trained.best.epoch, trained.best.value) == (whole.best.epoch, whole.best.value) == (1, 9)
    assert all(torch.equal(trained.best.weights[name], tensor) for name, tensor in whole.best.weights.items())
    pd.testing.assert_frame_equal(trained.history, whole.history, check_exact=True)


def test_validating_changes_no_step() -> None:
    plain, validated = Line(), Line()
    run(plain, "plain")
    run_validated(validated, "validated", of_values([1] * 6))
    assert torch.equal(plain.network.weight, validated.network.weight)


def test_a_kill_between_checkpoints_repeats_the_steps_since(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = run(Line(), "whole")

    class KilledError(Exception):
        """As SIGKILL does, it leaves no time to save."""

    class Dying(Line):
        def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
            if images_seen == 4 * 20:
                raise KilledError
            return super().step(batch, images_seen)

    ticks = iter(range(0, 10**6, 20))  # seconds: a checkpoint every fourth look at the clock
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(loop, "checkpoint_pause", lambda took: 60.0)
    with pytest.raises(KilledError):
        run(Dying(), "parts")
    second = Line()
    history, _ = run(second, "parts")
    assert 42 - 20 < second.steps < 42
    pd.testing.assert_frame_equal(history, expected, check_exact=True)


def test_saving_takes_a_hundredth_of_the_time_at_most() -> None:
    assert loop.checkpoint_pause(0.0) == loop.checkpoint_pause(0.6) == 60.0
    assert loop.checkpoint_pause(2.5) == 250.0


def test_a_loss_that_is_not_finite_stops_at_once_and_is_never_saved() -> None:
    said = r"no longer finite at step 11 \(loss = nan, other = nan\). The last good checkpoint: none yet"
    with pytest.raises(UserError, match=said) as fault:
        run(Line(break_at=44), "broken")
    assert "\n" not in str(fault.value)
    assert Checkpoints("line", "broken").load() is None


def test_signal_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    run(Line(), "handlers")
    assert signal.getsignal(signal.SIGTERM) is before


def test_fewer_images_than_a_batch_is_one_line() -> None:
    with pytest.raises(UserError, match=r"line\.batch_size = 64: there are only 30"):
        Plan("line", seed=0, images=30, batch_size=64, epochs=1, learning_rate=0.1)


def test_a_finished_trainings_checkpoint_ends_it_at_once(tmp_path: Path) -> None:
    """Killed after the last step and before its outs were in place: nothing is trained again."""
    expected, _ = run(Line(), "done")
    second = Line()
    history, _ = run(second, "done")
    assert second.steps == 0
    pd.testing.assert_frame_equal(history, expected, check_exact=True)
