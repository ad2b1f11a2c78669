"""The L1 term with weights by colour, so that what covers little of a map (a motorway, a park) counts all the same."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ganflow.losses import l1

BITS = 5  # per channel: colours closer than 8 levels are one
MOST = 10.0  # times the mean weight: the rarest colours are blends along borders
EVERY = 8  # image is counted


def reconstruction(
    exponent: float, targets: np.ndarray | None, device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    """The L1 term of drawn and real images [B, 3, H, W] in [-1, 1], by the colours of `targets` (`colour_weights`)."""
    if not exponent or targets is None:
        return l1
    table = colour_weights(targets, exponent).to(device)
    return lambda drawn, real: l1(drawn, real, weights_of(real, table))


def colour_weights(targets: np.ndarray, exponent: float) -> Tensor:
    """float32 [2**15], by quantised colour: share ** -exponent, at most MOST, and 1 in the mean over all pixels.

    `targets`: uint8 [N, H, W, 3], of which every eighth is counted. Exponent 0 weighs all pixels alike; the published
    rebalancing (Zhang et al. 2016, arXiv:1603.08511, eq. 4, there for a classification of colours) is 1, smoothed.
    """
    counts = np.zeros(2 ** (3 * BITS), np.int64)
    for image in targets[::EVERY]:
        code = _code(torch.from_numpy(np.ascontiguousarray(image)).int())
        counts += np.bincount(code.numpy().ravel(), minlength=len(counts))
    share = counts / counts.sum()
    weights = np.maximum(share, 1e-6) ** -exponent
    for _ in range(20):  # what is cut off at MOST raises the others, which may then meet it
        weights = np.minimum(weights / (share * weights).sum(), MOST)
    return torch.from_numpy((weights / (share * weights).sum()).astype(np.float32))


def weights_of(images: Tensor, table: Tensor) -> Tensor:
    """The weight of each pixel of `images` [B, 3, H, W] in [-1, 1]: [B, 1, H, W]."""
    levels = ((images.movedim(1, -1) + 1) * 127.5 + 0.5).int()
    return table[_code(levels).long()].unsqueeze(1)


def _code(levels: Tensor) -> Tensor:
    red, green, blue = (levels >> (8 - BITS)).unbind(-1)
    return (red << (2 * BITS)) | (green << BITS) | blue
