"""The U-Net generator of Pix2Pix (Isola et al. 2017, arXiv:1611.07004, appendix 6.1.1)."""

import torch
from torch import Tensor, nn

from ganflow.models.layers import Double, Halve, normalise, pix2pix_init


class UNet(nn.Module):
    """Images [B, inputs, H, W] in [-1, 1] to images [B, outputs, H, W] in that range.

    `levels` halvings and as many doublings, with skip connections between maps of equal size; 8 levels and 64 channels
    are the paper's U-Net-256 (54.4 M parameters). H and W must be multiples of 2**levels. `dropout` acts in the three
    blocks after the innermost, as in the reference code, and only in training mode (the reference keeps it on at test
    time).

    With `latent_dim`, a latent [B, latent_dim] reaches every level: each block's normalised output is scaled and
    shifted per channel by a linear function of it (Perez et al. 2018, arXiv:1709.07871). BicycleGAN appends the latent
    to each block's input as constant planes; instance norm subtracts such planes again, except in the two blocks
    that have no norm. Where no latent is given it is 0, the mean of N(0, 1).

    With `palette` k, the last layer mixes k colours (`Palette`) in place of the paper's tanh. With `residual`
    the network gives what is to be added to its input, which has one channel or as many (Kim et al. 2016,
    arXiv:1511.04587).
    """

    def __init__(
        self,
        levels: int,
        channels: int,
        norm: str,
        upsample: str,
        dropout: float,
        latent_dim: int = 0,
        palette: int = 0,
        inputs: int = 3,
        outputs: int = 3,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if residual and (palette or inputs not in (1, outputs)):
            raise ValueError("a residual network has one input or as many as outputs, and no palette")
        widths = [channels * min(2**level, 8) for level in range(levels)]
        self.stride, self.latent_dim = 2**levels, latent_dim
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, width in enumerate(widths):
            outermost, innermost = level == 0, level == levels - 1
            self.down.append(_down(inputs if outermost else widths[level - 1], width, norm, outermost, innermost))
            # `up` is indexed like `down`: up[level] doubles what down[level] halved.
            blocks_from_innermost = levels - 1 - level
            self.up.append(
                _up(
                    width if innermost else 2 * width,
                    palette + outputs if outermost else widths[level - 1],
                    norm,
                    upsample,
                    dropout if 1 <= blocks_from_innermost <= 3 else 0.0,
                    outermost,
                )
            )
        self.residual = residual
        self.output = nn.Identity() if residual else Palette(palette, outputs) if palette else nn.Tanh()
        modulated = [*widths, *widths[:-1]] if latent_dim else []  # all of `down`, and `up` but the outermost
        self.styles = nn.ModuleList(nn.Linear(latent_dim, 2 * width) for width in modulated)
        self.apply(pix2pix_init)

    def start_palette(self, colours: Tensor) -> None:
        """Let training start with these colours, [palette, C] in [-1, 1]."""
        if isinstance(self.output, Palette):
            with torch.no_grad():
                self.output.colours.copy_(colours)

    def forward(self, images: Tensor, latent: Tensor | None = None) -> Tensor:
        if self.latent_dim and latent is None:
            latent = images.new_zeros(len(images), self.latent_dim)
        skips: list[Tensor] = []
        features = images
        for level, down in enumerate(self.down):
            features = self._styled(down(features), latent, level)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            if level < len(self.up) - 1:
                features = torch.cat([skips[level], features], dim=1)
            features = self.up[level](features)
            if level:
                features = self._styled(features, latent, len(self.down) + level - 1)
        return within_range(images + features.float()) if self.residual else self.output(features)

    def _styled(self, features: Tensor, latent: Tensor | None, place: int) -> Tensor:
        if latent is None:
            return features
        scale, shift = self.styles[place](latent)[..., None, None].chunk(2, dim=1)
        return features * (1 + scale) + shift


class Palette(nn.Module):
    """Feature maps [B, k + C, H, W] to images [B, C, H, W] in [-1, 1]: each pixel a mixture of k learned colours.

        softmax(SHARPNESS * logits) @ colours + RESIDUAL * tanh(residual),    clamped to [-1, 1]

    with the first k maps as logits. It is our own: maps, labels and masks are drawn with few colours, which a
    network need not learn to hit through tanh. The residual leaves room for shades that are not among the k.

    Training starts with k colours of the training targets (`data.palette`) in `colours` [k, C].
    """

    SHARPNESS = 4.0
    RESIDUAL = 0.1  # 13 levels of 255

    def __init__(self, colours: int, channels: int) -> None:
        super().__init__()
        self.colours = nn.Parameter(torch.zeros(colours, channels))

    def forward(self, features: Tensor) -> Tensor:
        logits, residual = features.float().split([len(self.colours), self.colours.shape[1]], dim=1)
        shares = (self.SHARPNESS * logits).softmax(1)
        images = torch.einsum("bkhw,kc->bchw", shares, self.colours) + self.RESIDUAL * residual.tanh()
        return within_range(images)


def within_range(images: Tensor) -> Tensor:
    """Images clamped to [-1, 1], with the gradient of the identity."""
    # Minus a constant: the gradient of a clamp is 0 outside, and a pixel once there would never come back.
    return images - (images - images.clamp(-1, 1)).detach()


def _down(inputs: int, outputs: int, norm: str, outermost: bool, innermost: bool) -> nn.Sequential:
    plain = outermost or innermost  # no norm: the paper's outermost block has none, and a 1x1 map has no variance
    layers: list[nn.Module] = [] if outermost else [nn.LeakyReLU(0.2)]
    layers.append(Halve(inputs, outputs, bias=plain))
    if not plain:
        layers.append(normalise(norm, outputs))
    return nn.Sequential(*layers)


def _up(inputs: int, outputs: int, norm: str, upsample: str, dropout: float, outermost: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.ReLU()]
    if upsample == "resize":
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1, bias=outermost)]
    else:
        layers.append(Double(inputs, outputs, bias=outermost))
    if not outermost:
        layers.append(normalise(norm, outputs))
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)
