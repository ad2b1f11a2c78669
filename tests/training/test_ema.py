import math

import pytest
import torch
from torch import nn

from ganflow.training.ema import Ema, recalibrate


def constant(value: float) -> nn.Linear:
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, value)
    nn.init.constant_(network.bias, value)
    return network


def test_after_one_half_life_half_of_the_way_is_left() -> None:
    ema, target = Ema(constant(0.0), share=0.0001), constant(1.0)
    for _ in range(10):
        ema.update(target, images_seen=10**6, batch_size=10)
    assert ema.average.weight.item() == pytest.approx(0.5)


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("batch_size", [4, 8])
def test_what_was_learned_since_a_share_of_the_training_weighs_the_same_in_every_length(
    share: float, batch_size: int
) -> None:
    """The network changes once, `share` of the images before the end: that weighs the same however long it is."""
    for length in (2000, 8000):
        ema, before, after = Ema(constant(0.0), share), constant(0.0), constant(1.0)
        for seen in range(batch_size, length + 1, batch_size):
            ema.update(after if seen > (1 - share) * length else before, seen, batch_size)
        assert ema.average.weight.item() == pytest.approx(1 - (1 - share) ** (math.log(2) / share), rel=0.05)


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
