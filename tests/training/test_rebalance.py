"""Rare colours weigh more in the L1 term, by as much as was asked for."""

import numpy as np
import pytest
import torch

from ganflow.losses import l1
from ganflow.training.rebalance import MOST, colour_weights, reconstruction, weights_of

LAND, WATER, PARK = (232, 228, 224), (160, 200, 248), (200, 224, 168)


def maps(*shares: tuple[tuple[int, int, int], int]) -> np.ndarray:
    """Eight equal maps of 100 pixels, of which each colour has its share."""
    pixels = np.concatenate([np.full((count, 3), colour, np.uint8) for colour, count in shares])
    return np.tile(pixels.reshape(10, 10, 3), (8, 1, 1, 1))


def tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1


def test_weights_are_powers_of_the_share_with_mean_one() -> None:
    real = maps((LAND, 64), (WATER, 36))
    weight = weights_of(tensor(real), colour_weights(real, 0.5))
    assert weight.shape == (8, 1, 10, 10)
    assert weight.mean().item() == pytest.approx(1, abs=1e-5)
    land, water = weight[0, 0, 0, 0].item(), weight[0, 0, -1, -1].item()
    assert water / land == pytest.approx((36 / 64) ** -0.5, rel=1e-5)


def test_no_colour_weighs_more_than_the_bound() -> None:
    real = maps((LAND, 98), (WATER, 1), (PARK, 1))
    weight = weights_of(tensor(real), colour_weights(real, 1.0))
    assert weight.max().item() == pytest.approx(MOST, rel=1e-3)
    assert weight.mean().item() == pytest.approx(1, abs=1e-3)


def test_exponent_zero_is_the_plain_term() -> None:
    assert reconstruction(0.0, maps((LAND, 100)), torch.device("cpu")) is l1


def test_a_miss_on_the_rare_colour_costs_more() -> None:
    real = maps((LAND, 90), (WATER, 10))
    term = reconstruction(0.5, real, torch.device("cpu"))
    missed = {name: tensor(real.copy()) for name in ("land", "water")}
    missed["land"][:, :, 0] += 0.1
    missed["water"][:, :, 9] += 0.1
    assert term(missed["water"], tensor(real)) > 2 * term(missed["land"], tensor(real))
