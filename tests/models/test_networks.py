"""Shapes, sizes and fields of view of the networks, against the papers' own numbers."""

import pytest
import torch
from torch import nn

from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator
from ganflow.models.patchgan import PatchGan
from ganflow.models.unet import UNet


def size(network: nn.Module) -> float:
    """Millions of parameters."""
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def test_the_papers_networks_have_the_papers_sizes() -> None:
    assert size(UNet(8, 64, "batch", "transposed", 0.5)) == pytest.approx(54.4, abs=0.05)
    assert size(PatchGan(64, "batch")) == pytest.approx(2.77, abs=0.005)


@pytest.mark.parametrize("upsample", ["transposed", "resize"])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_unet_keeps_the_shape_at_any_multiple_of_its_stride(norm: str, upsample: str) -> None:
    network = UNet(5, 4, norm, upsample, 0.5)
    for height, width in ((32, 32), (64, 96)):
        out = network(torch.randn(1, 3, height, width))
        assert out.shape == (1, 3, height, width)
        assert out.abs().max() <= 1


def test_dropout_acts_in_three_blocks_and_in_training_only() -> None:
    network = UNet(7, 4, "instance", "transposed", 0.5)
    assert sum(isinstance(module, nn.Dropout) for module in network.modules()) == 3
    assert not any(isinstance(module, nn.Dropout) for module in network.up[-1].modules())  # the innermost
    image = torch.randn(1, 3, 128, 128)
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_norms_mean_the_same_in_both_modes(norm: str) -> None:
    network, image = UNet(5, 8, norm, "transposed", 0.0), torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(network.train()(image), network.eval()(image))


def test_patchgan_sees_70_pixels() -> None:
    """The gradient of one output patch covers exactly 70x70 pixels (with stride 2 throughout it would be 94)."""
    network = PatchGan(4, "batch").eval()
    for module in network.modules():  # without norm layers, whose statistics see the whole image
        if isinstance(module, nn.Sequential):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.BatchNorm2d):
                    setattr(module, name, nn.Identity())
    image = torch.randn(1, 3, 256, 256, requires_grad=True)
    logits = network(torch.randn(1, 3, 256, 256), image)
    assert logits.shape == (1, 1, 30, 30)
    logits[0, 0, 15, 15].backward()
    assert image.grad is not None
    seen = image.grad[0].abs().sum(0) > 0
    assert (seen.any(0).sum(), seen.any(1).sum()) == (70, 70)


def test_patchgan_is_conditional() -> None:
    network, image = PatchGan(4, "instance"), torch.randn(1, 3, 64, 64)
    assert not torch.equal(network(torch.randn(1, 3, 64, 64), image), network(torch.randn(1, 3, 64, 64), image))


def test_digit_networks() -> None:
    digits = DigitGenerator(latent_dim=10, channels=4)(torch.randn(3, 10))
    assert digits.shape == (3, 1, 28, 28)
    assert digits.abs().max() <= 1
    assert DigitDiscriminator(channels=4)(digits).shape == (3, 1)
    classifier = DigitClassifier()
    assert classifier.features(digits).shape == (3, 128)
    assert classifier(digits).shape == (3, 10)


def test_a_digits_logit_does_not_depend_on_its_neighbours() -> None:
    network, digits = DigitDiscriminator(channels=4), torch.randn(4, 1, 28, 28)
    torch.testing.assert_close(network(digits)[:2], network(digits[:2]))
