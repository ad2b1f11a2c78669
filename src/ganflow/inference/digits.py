"""Digits from a trained generator."""

import numpy as np
import torch
from torch import Tensor, nn

from ganflow.data.batches import to_bytes
from ganflow.models.dcgan import with_classes


def every_class(latent: Tensor, classes: int) -> Tensor:
    """Inputs of a class-conditional generator, [classes * N, latent_dim + classes]: latents [N, Z] for each class."""
    labels = torch.arange(classes, device=latent.device).repeat_interleave(len(latent))
    return with_classes(latent.repeat(classes, 1), labels, classes)


@torch.no_grad()
def draw(generator: nn.Module, inputs: Tensor) -> np.ndarray:
    """Digits, uint8 [N, 28, 28], from a generator's inputs [N, ...], in batches of 500."""
    return np.concatenate([to_bytes(generator(chunk)) for chunk in inputs.split(500)])
