"""Generator and discriminator for 28x28 grey digits, after DCGAN (Radford et al. 2016, arXiv:1511.06434)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganflow.models.layers import Double, Halve

HIDDEN = 256  # units of the deep discriminator's hidden layer


class DigitGenerator(nn.Module):
    """Latent [B, latent_dim] ~ N(0, 1) to digits [B, 1, 28, 28] in [-1, 1].

    A linear layer to 7x7, then two transposed convolutions; batch norm and ReLU between, tanh at the end. If `deep`, a
    3x3 convolution at 7x7 comes before them: the linear layer alone cannot make strokes meet.

    With `classes`, each latent is followed by its one-hot class (`with_classes`): [B, latent_dim + classes]. The linear
    layer's columns for it are an embedding of the class. It is added in the first layer, where it can still influence
    the whole digit (Mirza & Osindero 2014, arXiv:1411.1784).
    """

    def __init__(self, latent_dim: int, channels: int, classes: int = 0, deep: bool = False) -> None:
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        self.widths = 4 * channels, 2 * channels  # of the maps of 7x7 and of 14x14
        wide = 4 * channels
        self.project = nn.Linear(latent_dim + classes, wide * 7 * 7, bias=False)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (wide, 7, 7)),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            *((nn.Conv2d(wide, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()) if deep else ()),
            Double(wide, 2 * channels, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            Double(2 * channels, 1),
            nn.Tanh(),
        )
        self.apply(dcgan_init)
        if classes:
            # One column of the class is added to `latent_dim` columns of the latent: give both the same variance.
            with torch.no_grad():
                self.project.weight[:, latent_dim:] *= math.sqrt(latent_dim)

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(self.project(latent))

    def blocks(self) -> list[nn.Sequential]:
        """The layers after `project` in three parts: to maps of 7x7, of 14x14, and to the digits."""
        first, second = (at for at, layer in enumerate(self.layers) if isinstance(layer, Double))
        return [self.layers[:first], self.layers[first:second], self.layers[second:]]


def with_classes(latent: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The input of a class-conditional generator: latents [B, Z] and one-hot labels (int64 [B]), [B, Z + classes]."""
    return torch.cat([latent, F.one_hot(labels, classes).to(latent)], dim=1)


class DigitDiscriminator(nn.Module):
    """Digits [B, 1, 28, 28] in [-1, 1] to one logit each, [B, 1].

    With `classes`, it also takes labels int64 [B] and adds <e(label), h> to the logit, where h are the last features
    and e is an embedding: the projection of Miyato & Koyama 2018 (arXiv:1802.05637). It follows from
    p(label | x) being log-linear in h. The network cannot ignore it, as it can ignore label planes at its input.

    norm: `batch` as in DCGAN, after every convolution but the first, always with the statistics of the batch at hand;
    real and generated digits must come in batches of their own. `none`: a digit's logit does not depend on its
    neighbours in the batch, as every penalty on its gradient requires. PyTorch's own initialisation, as DCGAN's
    N(0, 0.02) relies on batch norm: without it the discriminator learned almost nothing in its first epoch.

    Two convolutions and a linear layer add up 49 local scores with a field of 10 pixels each: they cannot reject a
    digit whose parts do not belong together. If `deep`, a third convolution and a hidden layer come in between.
    """

    def __init__(self, channels: int, classes: int = 0, deep: bool = False, norm: str = "none") -> None:
        super().__init__()

        def normed(convolution: nn.Conv2d) -> list[nn.Module]:
            after = [nn.BatchNorm2d(convolution.out_channels, track_running_stats=False)] if norm == "batch" else []
            return [convolution, *after, nn.LeakyReLU(0.2)]

        self.widths = 2 * channels, channels  # of the maps of 7x7 and of 14x14
        layers = [Halve(1, channels), nn.LeakyReLU(0.2), *normed(Halve(channels, 2 * channels))]
        wide = 2 * channels * 7 * 7
        if deep:
            layers += normed(nn.Conv2d(2 * channels, 4 * channels, 3, stride=2, padding=1))
            layers += [nn.Flatten(), nn.Linear(4 * channels * 4 * 4, HIDDEN), nn.LeakyReLU(0.2)]
            wide = HIDDEN
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(wide, 1)
        self.embedding = nn.Embedding(classes, wide) if classes else None
        if self.embedding is not None:
            nn.init.uniform_(self.embedding.weight, -(wide**-0.5), wide**-0.5)  # as the head's weights

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.score(self.features(images), labels)

    def blocks(self) -> list[nn.Sequential]:
        """The layers of `features` in three parts: from maps of 7x7, to these from 14x14, to those from the digits."""
        outer, middle, *_ = (at + 1 for at, layer in enumerate(self.features) if isinstance(layer, nn.LeakyReLU))
        return [self.features[middle:], self.features[outer:middle], self.features[:outer]]

    def score(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """The logits [B, 1] of last features [B, F], under `labels` int64 [B] if class-conditional."""
        logits = self.head(features)
        if self.embedding is None:
            return logits
        if labels is None:
            raise ValueError("a class-conditional discriminator takes labels")
        return logits + (self.embedding(labels) * features).sum(1, keepdim=True)


def dcgan_init(module: nn.Module) -> None:
    """N(0, 0.02) weights, as in the DCGAN paper; batch-norm scales N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
