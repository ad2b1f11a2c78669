"""The two generators of CycleGAN as one network: averaged, saved and loaded together."""

from torch import Tensor, nn

from ganflow.models.cvae import Encoder
from ganflow.models.unet import UNet


class CycleGenerators(nn.Module):
    """G: X to Y (`there`) and F: Y to X (`back`). Called, it is G: images [B, inputs, H, W] to [B, outputs, H, W].

    Both are U-Nets, where the paper has residual networks: on a CPU they take several times as many steps in the same
    time (docs/experiments.md). `palettes`: how many colours G and F mix; 0: tanh.

    With `aux_dim`, F also takes an auxiliary variable [B, aux_dim] ~ N(0, 1): what an x has and no y can hold.
    `encoder` reads it from x. That is AsymGAN (Li et al. 2019, arXiv:1912.11660), whose X is the richer side.
    """

    def __init__(
        self,
        levels: int,
        channels: int,
        norm: str,
        upsample: str,
        palettes: tuple[int, int],
        inputs: int = 3,
        outputs: int = 3,
        aux_dim: int = 0,
    ) -> None:
        super().__init__()
        shared = (levels, channels, norm, upsample, 0.0)
        self.there = UNet(*shared, 0, palettes[0], inputs, outputs)
        self.back = UNet(*shared, aux_dim, palettes[1], outputs, inputs)
        self.encoder = Encoder(levels, channels, aux_dim, inputs) if aux_dim else None

    def forward(self, images: Tensor) -> Tensor:
        return self.there(images)

    def auxiliary(self, x: Tensor) -> Tensor | None:
        """The mean of x's auxiliary variable, [B, aux_dim], with which F goes back to this x; None if F has none."""
        return None if self.encoder is None else self.encoder(x)[0]
