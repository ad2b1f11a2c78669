"""Generator and discriminator for 28x28 grey digits, after DCGAN (Radford et al. 2016, arXiv:1511.06434)."""

from torch import Tensor, nn


class DigitGenerator(nn.Module):
    """Latent [B, latent_dim] ~ N(0, 1) to digits [B, 1, 28, 28] in [-1, 1].

    A linear layer to 7x7, then two transposed convolutions; batch norm and ReLU between, tanh at the end.
    """

    def __init__(self, latent_dim: int, channels: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        wide = 4 * channels
        self.project = nn.Linear(latent_dim, wide * 7 * 7, bias=False)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (wide, 7, 7)),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.ConvTranspose2d(wide, 2 * channels, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * channels, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        self.apply(_dcgan_init)

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(self.project(latent))


class DigitDiscriminator(nn.Module):
    """Digits [B, 1, 28, 28] in [-1, 1] to one logit each, [B, 1].

    No normalisation: with batch norm a digit's logit would depend on its neighbours in the batch, which the gradient
    penalty of WGAN-GP does not allow. PyTorch's own initialisation for the same reason: DCGAN's N(0, 0.02) counts on
    batch norm to bring the signal back to size, and without it the discriminator is near blind for a whole epoch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * channels * 7 * 7, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def _dcgan_init(module: nn.Module) -> None:
    """N(0, 0.02) weights, as in the DCGAN paper; batch-norm scales N(1, 0.02)."""
    if isinstance(module, nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
