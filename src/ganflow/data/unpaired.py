"""Batches for training without pairs: each input with a target of another place."""

import torch
from torch import Tensor

from ganflow.data.batches import Draw, PairBatches, draw_in_one_process


class UnpairedBatches(PairBatches):
    """Inputs and targets that are drawn apart: which belong together has no influence on a batch.

    An epoch shows every input once; the targets are drawn with replacement, as in the reference code. Each side has
    crops and flips of its own.
    """

    def batch(self, indices: Tensor, draw: Draw = draw_in_one_process) -> tuple[Tensor, ...]:
        """Inputs of the pairs `indices`, and targets of pairs drawn at random, each [B, C, crop, crop] in [-1, 1]."""
        others = draw(lambda count, rng: torch.randint(len(self), (count,), generator=rng), len(indices))
        inputs, _ = super().batch(indices, draw)
        _, targets = super().batch(others, draw)
        return inputs, targets
