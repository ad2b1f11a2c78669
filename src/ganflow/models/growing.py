"""The digit networks while they grow from 7 to 28 pixels (Karras et al. 2018, arXiv:1710.10196, progressive growing).

Both wrap a network of `dcgan`, whose layers join in from the smallest maps outwards. Once grown, the wrapped network
stands alone: what is saved and used is an ordinary `DigitGenerator`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator, dcgan_init

SIDES = 7, 14, 28  # pixels, by level


@dataclass(frozen=True)
class Stage:
    """How far the networks have grown: to `SIDES[level]` pixels, the newest layers with the weight `alpha`, in 0..1."""

    level: int
    alpha: float


GROWN = Stage(2, 1.0)


def stage_at(images_seen: int, growing_images: float) -> Stage:
    """The stage when `images_seen` of the `growing_images` have been seen over which the networks grow.

    Five phases, the first four of a quarter each: 7 pixels; 14 fade in; 14; 28 fade in; 28 until the training ends. In
    the paper too a phase is a number of real images, and alpha rises linearly (section 2, appendix A).
    """
    quarters = 4 * images_seen / growing_images if growing_images else 4.0
    if quarters >= 4:
        return GROWN
    phase, part = divmod(quarters, 1)
    fades_in = phase in (1, 3)
    return Stage(int(phase + 1) // 2, part if fades_in else 1.0)


def faded(images: Tensor, stage: Stage) -> Tensor:
    """Real digits [B, 1, 28, 28] as a stage shows them: while 14 or 28 pixels fade in, as sharp as G can draw them."""
    if stage.alpha == 1:
        return images
    return torch.lerp(_enlarged(_averaged(images, SIDES[stage.level - 1])), images, stage.alpha)


class GrowingGenerator(nn.Module):
    """Inputs of `network` to digits [B, 1, 28, 28] in [-1, 1], of which only `SIDES[level]` x `SIDES[level]` differ.

    At the smaller levels a 1x1 convolution and tanh turn the features into an image; at the last one `network`'s own
    last layers do. While a level fades in, its image is mixed with that of the level below. A small image is brought to
    28 pixels by repeating its pixels, so that steps, penalties and validation know one size only. The paper's D gets it
    small; `GrowingDiscriminator` averages it back to that.
    """

    def __init__(self, network: DigitGenerator) -> None:
        super().__init__()
        self.network, self.stage = network, GROWN
        self.image_layers = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in network.widths)
        self.image_layers.apply(dcgan_init)

    @torch.compiler.disable  # alpha is a constant to a compiler, which would begin anew at each step
    def forward(self, latent: Tensor) -> Tensor:
        level, alpha = self.stage.level, self.stage.alpha
        features = below = self.network.project(latent)
        for block in self.network.blocks()[: level + 1]:
            below, features = features, block(features)
        images = self._image(features, level)
        if alpha < 1:
            images = torch.lerp(_enlarged(self._image(below, level - 1), SIDES[level]), images, alpha)
        return _enlarged(images)

    def _image(self, features: Tensor, level: int) -> Tensor:
        return features if level == GROWN.level else self.image_layers[level](features).tanh()


class GrowingDiscriminator(nn.Module):
    """Digits [B, 1, 28, 28] in [-1, 1], averaged to `SIDES[level]` pixels, and labels, to one logit each, [B, 1].

    The mirror image of `GrowingGenerator`: at the smaller levels a 1x1 convolution and LeakyReLU give the features that
    `network`'s layers below expect. While a level fades in, its features are mixed with those of the smaller image.
    """

    def __init__(self, network: DigitDiscriminator) -> None:
        super().__init__()
        self.network, self.stage = network, GROWN
        self.image_layers = nn.ModuleList(nn.Conv2d(1, width, 1) for width in network.widths)

    @torch.compiler.disable  # alpha is a constant to a compiler, which would begin anew at each step
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        level, alpha = self.stage.level, self.stage.alpha
        images = _averaged(images, SIDES[level])
        features = self._features(images, level)
        smallest, *blocks = self.network.blocks()
        for below in reversed(range(level)):
            features = blocks[below](features)
            if alpha < 1 and below == level - 1:
                features = torch.lerp(self._features(_averaged(images, SIDES[below]), below), features, alpha)
        return self.network.score(smallest(features), labels)

    def _features(self, images: Tensor, level: int) -> Tensor:
        return images if level == GROWN.level else F.leaky_relu(self.image_layers[level](images), 0.2)


def _enlarged(images: Tensor, side: int = SIDES[-1]) -> Tensor:
    return images if images.shape[-1] == side else F.interpolate(images, side)


def _averaged(images: Tensor, side: int) -> Tensor:
    return images if images.shape[-1] == side else F.avg_pool2d(images, images.shape[-1] // side)
