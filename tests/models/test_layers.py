"""Strided convolutions computed as products are the convolutions they stand for."""

import pytest
import torch
from torch import nn

from ganflow.models import layers
from ganflow.models.layers import Double, Halve


def with_plain_gradients(layer: nn.Module, maps: torch.Tensor, plain: type[nn.Module]) -> list[list[torch.Tensor]]:
    """Output and gradients of `layer`, and of the torch layer it stands for, on the same input and weights."""
    found = []
    for forward in (type(layer).forward, plain.forward):
        given = maps.clone().requires_grad_()
        layer.zero_grad()
        answer = forward(layer, given)
        (answer * torch.linspace(-1, 1, answer.numel()).view_as(answer)).sum().backward()
        found.append([answer.detach(), given.grad, *(parameter.grad.clone() for parameter in layer.parameters())])
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("images", "side"), [(1, 2), (3, 4), (2, 10)])
@pytest.mark.parametrize(("kind", "plain", "outer"), [(Halve, nn.Conv2d, 5), (Double, nn.ConvTranspose2d, 5)])
def test_small_maps(kind: type, plain: type, outer: int, images: int, side: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer = kind(outer, 7, bias=bias)
    positions = images * side * side
    assert positions > layers.MAX_POSITIONS or layers._as_product(torch.zeros(1), positions, outer)
    ours, theirs = with_plain_gradients(layer, torch.randn(images, outer, side, side + 2), plain)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(("layer", "plain"), [(Halve(1, 4), nn.Conv2d), (Double(4, 1), nn.ConvTranspose2d)])
def test_grey_images_of_any_size(layer: nn.Module, plain: type[nn.Module]) -> None:
    channels = 1 if isinstance(layer, Halve) else 4
    ours, theirs = with_plain_gradients(layer, torch.randn(3, channels, 16, 20), plain)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-5)


def test_a_captured_graph_holds_the_convolution_itself() -> None:
    """Else an export made from one small example would be wrong, or slow, for every other size."""
    program = torch.export.export(Halve(3, 4), (torch.zeros(1, 3, 4, 4),))
    assert "conv2d" in program.graph_module.code
    assert "unfold" not in program.graph_module.code
