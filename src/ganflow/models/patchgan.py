"""The conditional 70x70 PatchGAN discriminator of Pix2Pix (Isola et al. 2017, appendix 6.1.2)."""

import torch
from torch import Tensor, nn

from ganflow.models.layers import normalise, pix2pix_init


class PatchGan(nn.Module):
    """Scores every 70x70 patch of a pair: condition and image in [-1, 1] to logits [B, 1, H/8-2, W/8-2].

    `inputs`: channels of both together. Returns the outputs of the hidden layers, from the first to the last, and then
    the logits.
    Three convolutions of stride 2, then two of stride 1: with stride 2 in all five, a patch would be 94 px wide. 64
    channels are the paper's (2.77 M parameters). No norm on the first layer.
    """

    def __init__(self, channels: int, norm: str, inputs: int = 6) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(inputs, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for narrow, wide, stride in [(1, 2, 2), (2, 4, 2), (4, 8, 1)]:
            layers += [
                nn.Conv2d(channels * narrow, channels * wide, 4, stride=stride, padding=1, bias=False),
                normalise(norm, channels * wide),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(channels * 8, 1, 4, stride=1, padding=1))
        self.layers = nn.Sequential(*layers)
        self.apply(pix2pix_init)

    def forward(self, condition: Tensor, image: Tensor) -> list[Tensor]:
        outputs: list[Tensor] = []
        features = torch.cat([condition, image], dim=1)
        for layer in self.layers:
            features = layer(features)
            if isinstance(layer, nn.LeakyReLU):
                outputs.append(features)
        return [*outputs, features]
