"""The conditional variational autoencoder of maps: a U-Net that takes a latent, its prior and its posterior."""

import itertools
from typing import Literal

from torch import Tensor, nn

from ganflow.models.layers import Halve
from ganflow.models.unet import UNet


class ConditionalVae(nn.Module):
    """Generates several images from an image x: generator G(x, z), posterior q(z | y) and prior p(z | x) of latent z.

    `prior`: "learned", computed from x by a network, as in the conditional VAE of Sohn et al. 2015 ("Learning
    Structured Output Representation using Deep Conditional Generative Models"); or "normal", N(0, 1) for every x, as in
    BicycleGAN (Zhu et al. 2017, arXiv:1711.11586). A latent that means "much water" is likely for the photo of a river
    and unlikely for that of a town; only a learned prior can express that.
    """

    def __init__(
        self,
        levels: int,
        channels: int,
        encoder_channels: int,
        norm: str,
        upsample: str,
        latent_dim: int,
        prior: Literal["learned", "normal"],
        palette: int = 0,
        inputs: int = 3,
        outputs: int = 3,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.generator = UNet(levels, channels, norm, upsample, 0.0, latent_dim, palette, inputs, outputs, residual)
        self.posterior = Encoder(levels, encoder_channels, latent_dim, outputs)
        self.learned = Encoder(levels, encoder_channels, latent_dim, inputs) if prior == "learned" else None

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images [B, inputs, H, W] in [-1, 1] to [B, outputs, H, W], with latents drawn from the prior.

        `noise` [B, latent_dim] ~ N(0, 1) selects the latents; without it they are the prior's mean.
        """
        mean, log_variance = self.prior(images)
        return self.generator(images, mean if noise is None else reparameterise(mean, log_variance, noise))

    def prior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of p(z | x), each [B, latent_dim]."""
        if self.learned is None:
            zeros = images.new_zeros(len(images), self.latent_dim)
            return zeros, zeros
        return self.learned(images)


class Encoder(nn.Module):
    """Images [B, inputs, H, W] in [-1, 1] to mean and log variance of their latent, each [B, latent_dim].

    Convolutions of stride 2 down to 4 x 4 at the training size, the mean over positions, and one linear layer for each
    output. No norm in between: instance norm would remove the shares of colour (how much water, how much park) by which
    maps differ. A layer norm over the channels of the mean keeps these and bounds what a rare picture can give: without
    it one log variance, far from all others, ruined a training on the real maps (a KL divergence of 2e10).
    """

    def __init__(self, levels: int, channels: int, latent_dim: int, inputs: int) -> None:
        super().__init__()
        widths = [inputs, *(channels * min(2**level, 8) for level in range(max(1, levels - 2)))]
        layers: list[nn.Module] = []
        for narrow, wide in itertools.pairwise(widths):
            layers += [Halve(narrow, wide), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.normalise = nn.LayerNorm(widths[-1])
        self.mean = nn.Linear(widths[-1], latent_dim)
        self.log_variance = nn.Linear(widths[-1], latent_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.normalise(self.layers(images).mean((2, 3)))
        return self.mean(features), self.log_variance(features)


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A latent of N(mean, variance) from `noise` ~ N(0, 1), all [B, latent_dim]; gradients reach mean and variance.

    The reparameterisation trick, Kingma & Welling 2014 (arXiv:1312.6114), section 2.4.
    """
    return mean + (0.5 * log_variance).exp() * noise
