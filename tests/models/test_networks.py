"""Shapes, sizes and fields of view of the networks, against the papers' own numbers."""

import math

import pytest
import torch
from torch import nn

from ganflow.losses import kl_divergence
from ganflow.models.classifier import DigitClassifier
from ganflow.models.cvae import ConditionalVae, reparameterise
from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator
from ganflow.models.patchgan import PatchGan
from ganflow.models.unet import Palette, UNet


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


def test_a_palette_mixes_its_colours_by_the_softmax_of_the_logits() -> None:
    """Logits 0 and log(3) / 4 are shares of 1/4 and 3/4; a residual of atanh(1/2) adds 0.05."""
    palette = Palette(2, 3)
    palette.colours.data = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.8, -1.0]])
    features = torch.tensor([0.0, math.log(3) / 4, 0.0, math.atanh(0.5), 0.0]).view(1, 5, 1, 1)
    torch.testing.assert_close(palette(features).flatten(), torch.tensor([0.25, 0.65, -1.0]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_palettes_image_is_in_range_and_can_come_back_into_it(channels: int) -> None:
    palette = Palette(2, channels)
    palette.colours.data = torch.ones(2, channels)
    features = torch.ones(1, 2 + channels, 1, 1, requires_grad=True)  # 1 + 0.1 tanh(1), before the clamp
    image = palette(features)
    assert torch.equal(image, torch.ones(1, channels, 1, 1))
    image.sum().backward()
    assert features.grad is not None
    assert (features.grad[:, 2:] > 0).all(), "the gradient passes the clamp"
    assert palette.colours.grad is not None
    assert (palette.colours.grad > 0).all()


def test_a_unet_starts_with_the_palette_that_it_is_given() -> None:
    network = UNet(5, 4, "instance", "transposed", 0.0, palette=2)
    network.start_palette(torch.tensor([[0.5, 0.5, 0.5], [0.1, 0.3, 0.9]]))
    image = network(torch.rand(1, 3, 32, 32))
    middle = torch.tensor([0.3, 0.4, 0.7]).view(1, 3, 1, 1)  # the first weights are small: equal shares
    assert (image - middle).abs().max() < 0.2
    UNet(5, 4, "instance", "transposed", 0.0).start_palette(torch.zeros(0, 3))  # tanh: nothing to start


def test_a_residual_unet_adds_to_its_input_and_stays_in_range() -> None:
    network = UNet(5, 4, "instance", "transposed", 0.0, inputs=2, outputs=2, residual=True)
    last = network.up[0][1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, 0.25)
    image = torch.tensor([-1.0, 0.9]).view(1, 2, 1, 1).expand(1, 2, 32, 32)
    assert torch.equal(network(image), torch.tensor([-0.75, 1.0]).view(1, 2, 1, 1).expand(1, 2, 32, 32))
    network(image).sum().backward()
    assert last.bias.grad.tolist() == [32 * 32] * 2, "the gradient passes the clamp"


def test_one_channel_is_added_to_all() -> None:
    network = UNet(5, 4, "instance", "transposed", 0.0, inputs=1, outputs=3, residual=True)
    torch.nn.init.zeros_(network.up[0][1].weight)
    torch.nn.init.zeros_(network.up[0][1].bias)
    image = torch.rand(1, 1, 32, 32)
    assert torch.equal(network(image), image.expand(1, 3, 32, 32))


@pytest.mark.parametrize("wrong", [{"palette": 2}, {"outputs": 4}])
def test_what_cannot_be_added_to_the_input_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="one input or as many as outputs, and no palette"):
        UNet(5, 4, "instance", "transposed", 0.0, residual=True, **wrong)


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
    *hidden, logits = network(torch.randn(1, 3, 256, 256), image)
    assert [features.shape[1] for features in hidden] == [4, 8, 16, 32]
    assert logits.shape == (1, 1, 30, 30)
    logits[0, 0, 15, 15].backward()
    assert image.grad is not None
    seen = image.grad[0].abs().sum(0) > 0
    assert (seen.any(0).sum(), seen.any(1).sum()) == (70, 70)


def test_patchgan_is_conditional() -> None:
    network, image = PatchGan(4, "instance"), torch.randn(1, 3, 64, 64)
    one, other = (network(torch.randn(1, 3, 64, 64), image)[-1] for _ in range(2))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("deep", [False, True])
def test_digit_networks(deep: bool) -> None:
    digits = DigitGenerator(latent_dim=10, channels=4, deep=deep)(torch.randn(3, 10))
    assert digits.shape == (3, 1, 28, 28)
    assert digits.abs().max() <= 1
    for norm in ("none", "batch"):
        assert DigitDiscriminator(channels=4, deep=deep, norm=norm)(digits).shape == (3, 1)


def test_the_classifier() -> None:
    classifier, digits = DigitClassifier(), torch.randn(3, 1, 28, 28)
    assert classifier.features(digits).shape == (3, 128)
    assert classifier(digits).shape == (3, 10)


@pytest.mark.parametrize("deep", [False, True])
def test_a_digits_logit_does_not_depend_on_its_neighbours(deep: bool) -> None:
    network, digits = DigitDiscriminator(channels=4, deep=deep), torch.randn(4, 1, 28, 28)
    torch.testing.assert_close(network(digits)[:2], network(digits[:2]))


@pytest.mark.parametrize("deep", [False, True])
def test_only_a_deep_discriminator_judges_a_digits_parts_together(deep: bool) -> None:
    """What the upper left corner adds to the logit depends on the lower right one, or does not."""
    torch.manual_seed(0)
    network = DigitDiscriminator(channels=4, deep=deep).double()
    digits = torch.zeros(2, 2, 1, 28, 28, dtype=torch.double)  # [upper left, lower right]
    digits[1, :, :, :8, :8] = 1
    digits[:, 1, :, 20:, 20:] = 1
    logits = network(digits.flatten(0, 1)).view(2, 2)
    joint = (logits[1, 1] - logits[1, 0] - logits[0, 1] + logits[0, 0]).abs().item()
    assert (joint > 1e-5) is deep


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_latent_reaches_every_level_past_the_norms(norm: str) -> None:
    """The answer depends on the scale and shift of each level, and both on the latent."""
    network = UNet(5, 4, norm, "transposed", 0.0, latent_dim=3)
    image, latent = torch.randn(2, 3, 32, 32), torch.randn(2, 3)
    network(image, latent).square().sum().backward()
    assert len(network.styles) == 9
    for style in network.styles:
        assert isinstance(style, nn.Linear)
        assert style.weight.grad is not None
        assert (style.weight.grad.abs().sum(1) > 0).float().mean() > 0.25  # some are behind a ReLU that is shut


def test_no_latent_is_the_priors_mean() -> None:
    network = UNet(5, 4, "instance", "transposed", 0.0, latent_dim=3)
    image = torch.randn(2, 3, 32, 32)
    assert torch.equal(network(image), network(image, torch.zeros(2, 3)))
    assert not torch.equal(network(image), network(image, torch.ones(2, 3)))


def test_the_encoder_takes_any_size_and_sees_colours() -> None:
    encoder = ConditionalVae(5, 4, 4, "instance", "transposed", latent_dim=3, prior="normal").posterior
    for size in (32, 64):
        mean, log_variance = encoder(torch.rand(2, 3, size, size))
        assert mean.shape == log_variance.shape == (2, 3)
    blue, green = torch.zeros(2, 1, 3, 32, 32)
    blue[:, 2], green[:, 1] = 1, 1
    assert not torch.allclose(encoder(blue)[0], encoder(green)[0])


def test_a_picture_far_from_all_others_leaves_the_divergence_small() -> None:
    network = ConditionalVae(5, 4, 4, "instance", "transposed", latent_dim=3, prior="learned")
    assert network.learned is not None
    far = torch.full((1, 3, 32, 32), 1e4)
    assert kl_divergence(network.posterior(far), network.learned(-far)).max() < 100


def test_latents_are_drawn_with_the_posteriors_mean_and_variance() -> None:
    torch.manual_seed(0)
    drawn = reparameterise(torch.full((20000, 1), 2.0), torch.full((20000, 1), 2.0).log(), torch.randn(20000, 1))
    assert drawn.mean() == pytest.approx(2, abs=0.04)
    assert drawn.var() == pytest.approx(2, abs=0.08)


@pytest.mark.parametrize("prior", ["learned", "normal"])
def test_the_noise_draws_from_the_prior(prior: str) -> None:
    network = ConditionalVae(5, 4, 4, "instance", "transposed", latent_dim=3, prior=prior)  # type: ignore[arg-type]
    dark, light = torch.full((2, 3, 32, 32), -0.5), torch.full((2, 3, 32, 32), 0.8)
    assert torch.equal(network.prior(dark)[0], network.prior(light)[0]) is (prior == "normal")
    mean, log_variance = network.prior(light)
    assert torch.equal(network(light), network.generator(light, mean))
    noise = torch.randn(2, 3)
    assert torch.equal(network(light, noise), network.generator(light, mean + (log_variance / 2).exp() * noise))
