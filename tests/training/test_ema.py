import pytest
import torch
from torch import nn

from ganflow.training.ema import WARM_UP, Ema, recalibrate


def constant(value: float) -> nn.Linear:
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, value)
    nn.init.constant_(network.bias, value)
    return network


def test_after_one_half_life_half_of_the_way_is_left() -> None:
    ema, target = Ema(constant(0.0), half_life=100), constant(1.0)
    for _ in range(10):
        ema.update(target, images_seen=10**6, batch_size=10)
    assert ema.average.weight.item() == pytest.approx(0.5)


def test_early_on_the_half_life_is_a_share_of_the_images_seen() -> None:
    ema = Ema(constant(0.0), half_life=10**6)
    ema.update(constant(1.0), images_seen=200, batch_size=10)
    assert ema.average.weight.item() == pytest.approx(1 - 0.5 ** (10 / (WARM_UP * 200)))


def test_recalibrated_statistics_are_those_of_the_inputs() -> None:
    network = nn.Sequential(nn.BatchNorm1d(3))
    inputs = [torch.randn(64, 3) * 5 + 2 for _ in range(8)]
    network.train()(inputs[0] * 100)
    recalibrate(network, inputs)
    norm = network[0]
    assert isinstance(norm, nn.BatchNorm1d)
    together = torch.cat(inputs)
    torch.testing.assert_close(norm.running_mean, together.mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([batch.var(0) for batch in inputs]).mean(0))
    assert not network.training
    assert norm.momentum == 0.1
