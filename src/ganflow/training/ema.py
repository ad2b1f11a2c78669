"""An exponential moving average of a network's weights: the one that is sampled, saved and measured."""

import copy
from collections.abc import Iterable
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Ema(Generic[Network]):
    """Keeps `average`, a copy of `network` whose weights follow it with a half-life of `share` of the images seen.

    Early weights lose their influence soon, and the average covers the same share of a long training as of a short
    one, for any batch size: the power-function average of Karras et al. 2024 (arXiv:2312.02696), section 3.1.
    """

    def __init__(self, network: Network, share: float) -> None:
        self.average = copy.deepcopy(network).requires_grad_(False)
        self._share = share

    @torch.no_grad()
    def update(self, network: nn.Module, images_seen: int, batch_size: int) -> None:
        """Move the average towards `network` after a step on `batch_size` images, `images_seen` in all."""
        decay = 0.5 ** (batch_size / (self._share * images_seen))
        averaged: tuple[Tensor, ...] = tuple(self.average.parameters())
        current: tuple[Tensor, ...] = tuple(network.parameters())
        torch._foreach_lerp_(averaged, current, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for ours, theirs in zip(self.average.buffers(), network.buffers(), strict=True):
            ours.copy_(theirs)


@torch.no_grad()
def recalibrate(network: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Recompute the running statistics of batch norms over `inputs`.

    The statistics of the raw weights do not fit the averaged weights: samples would be washed out.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average over all of `inputs`
    network.train()
    for batch in inputs:
        network(batch)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
