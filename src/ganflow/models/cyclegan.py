"""The two generators of CycleGAN as one network: averaged, saved and loaded together."""

from torch import Tensor, nn

from ganflow.models.unet import UNet


class CycleGenerators(nn.Module):
    """G: X to Y (`there`) and F: Y to X (`back`). Called, it is G: images [B, inputs, H, W] to [B, outputs, H, W].

    Both are U-Nets, where the paper has residual networks: on a CPU they take several times as many steps in the same
    time (docs/experiments.md). `palettes`: how many colours G and F mix; 0: tanh.
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
    ) -> None:
        super().__init__()
        shared = (levels, channels, norm, upsample, 0.0, 0)
        self.there = UNet(*shared, palettes[0], inputs, outputs)
        self.back = UNet(*shared, palettes[1], outputs, inputs)

    def forward(self, images: Tensor) -> Tensor:
        return self.there(images)
