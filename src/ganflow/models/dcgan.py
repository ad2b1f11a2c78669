"""Generator and discriminator for 28x28 grey digits, after DCGAN (Radford et al. 2016, arXiv:1511.06434)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganflow.models.layers import Double, Halve


class DigitGenerator(nn.Module):
    """Latent [B, latent_dim] ~ N(0, 1) to digits [B, 1, 28, 28] in [-1, 1].

    A linear layer to 7x7, then two transposed convolutions; batch norm and ReLU between, tanh at the end.

    With `classes`, each latent is followed by its one-hot class (`with_classes`): [B, latent_dim + classes]. The linear
    layer's columns for it are an embedding of the class, added to the latent's own at the first layer, where it can
    still decide the whole digit (Mirza & Osindero 2014, arXiv:1411.1784).
    """

    def __init__(self, latent_dim: int, channels: int, classes: int = 0) -> None:
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        wide = 4 * channels
        self.project = nn.Linear(latent_dim + classes, wide * 7 * 7, bias=False)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (wide, 7, 7)),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            Double(wide, 2 * channels, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            Double(2 * channels, 1),
            nn.Tanh(),
        )
        self.apply(_dcgan_init)
        if classes:  # one column against the latent's many: as large a say in the first layer as they have together
            with torch.no_grad():
                self.project.weight[:, latent_dim:] *= math.sqrt(latent_dim)

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(self.project(latent))


def with_classes(latent: Tensor, labels: Tensor, classes: int) -> Tensor:
    """What a class-conditional generator takes: latents [B, Z] and one-hot classes of labels int64 [B] side by side."""
    return torch.cat([latent, F.one_hot(labels, classes).to(latent)], dim=1)


class DigitDiscriminator(nn.Module):
    """Digits [B, 1, 28, 28] in [-1, 1] to one logit each, [B, 1].

    With `classes`, labels int64 [B] come along and the logit gains <e(label), h>, h the last features and e an
    embedding: the projection of Miyato & Koyama 2018 (arXiv:1802.05637). It follows from p(label | x) being log-linear
    in h, and unlike label planes at the input it cannot be overlooked on the way.

    No normalisation: with batch norm a digit's logit would depend on its neighbours in the batch, which the gradient
    penalty of WGAN-GP does not allow. PyTorch's own initialisation for the same reason: DCGAN's N(0, 0.02) counts on
    batch norm to bring the signal back to size, and without it the discriminator is near blind for a whole epoch.
    """

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        wide = 2 * channels * 7 * 7
        self.features = nn.Sequential(
            Halve(1, channels),
            nn.LeakyReLU(0.2),
            Halve(channels, 2 * channels),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.head = nn.Linear(wide, 1)
        self.embedding = nn.Embedding(classes, wide) if classes else None
        if self.embedding is not None:
            nn.init.uniform_(self.embedding.weight, -(wide**-0.5), wide**-0.5)  # as the head's weights

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        features = self.features(images)
        logits = self.head(features)
        if self.embedding is None:
            return logits
        if labels is None:
            raise ValueError("a class-conditional discriminator takes labels")
        return logits + (self.embedding(labels) * features).sum(1, keepdim=True)


def _dcgan_init(module: nn.Module) -> None:
    """N(0, 0.02) weights, as in the DCGAN paper; batch-norm scales N(1, 0.02)."""
    if isinstance(module, nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
