"""What the convolutional networks share: strided convolutions, the normalisation choice, Pix2Pix's initialisation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_POSITIONS = 64  # images x rows x columns of the smaller map; up to here a matrix product beats a convolution


class Halve(nn.Conv2d):
    """Convolution 4x4 of stride 2: [B, C, 2H, 2W] to [B, C', H, W]. The same layer as nn.Conv2d, faster on a CPU.

    On a small map each weight is used only a few times, and oneDNN's convolution spends its time on converting the
    weights to its own layout, again in the forward and in the backward pass. A matrix product of the weights with the
    unfolded map needs no conversion (docs/performance.md).
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        images, _, height, width = input.shape
        if not _as_product(input, images * height * width // 4, self.in_channels):
            return super().forward(input)
        columns = F.unfold(input, 4, padding=1, stride=2).transpose(0, 1).flatten(1)  # [C * 16, B * H * W]
        product = self.weight.flatten(1) @ columns
        maps = product.view(-1, images, height // 2, width // 2).transpose(0, 1)
        return maps if self.bias is None else maps + self.bias.to(maps.dtype).view(-1, 1, 1)


class Double(nn.ConvTranspose2d):
    """Transposed convolution 4x4 of stride 2: [B, C, H, W] to [B, C', 2H, 2W]. Faster on a CPU, as `Halve` is."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        images, channels, height, width = input.shape
        if not _as_product(input, images * height * width, self.out_channels):
            return super().forward(input, output_size)
        columns = input.permute(0, 2, 3, 1).reshape(-1, channels) @ self.weight.flatten(1)  # [B * H * W, C' * 16]
        columns = columns.view(images, height * width, -1).transpose(1, 2)
        maps = F.fold(columns, (2 * height, 2 * width), 4, padding=1, stride=2)
        return maps if self.bias is None else maps + self.bias.to(maps.dtype).view(-1, 1, 1)


def _as_product(maps: Tensor, positions: int, outer_channels: int) -> bool:
    """Whether to compute a strided convolution as one matrix product: for small maps, and for grey images.

    `outer_channels`: channels of the larger map. False while a graph is captured: a compiler makes its own choice, and
    ours, which depends on the input's size, must not become part of an exported graph.
    """
    if torch.compiler.is_compiling() or maps.device.type != "cpu":
        return False
    return positions <= MAX_POSITIONS or outer_channels == 1


def normalise(norm: str, channels: int) -> nn.Module:
    """A normalisation layer that computes the same in training and evaluation.

    `instance`: each image and channel by its own mean and variance. `batch`: batch statistics, also at test time (as
    the reference does: running statistics gathered at batch size 1 give blurred or black maps). Such a network
    must therefore get one image at a time.
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels, track_running_stats=False)
    return nn.InstanceNorm2d(channels)


def pix2pix_init(module: nn.Module) -> None:
    """N(0, 0.02) weights and zero biases; batch-norm scales N(1, 0.02). Isola et al. 2017, appendix 6.2.

    The linear layers by which a latent acts are among them: with PyTorch's own larger weights a latent that says
    nothing yet multiplies every map by noise.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
