"""One step of each adversarial model: who learns from what."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from ganflow.config import Params
from ganflow.losses import OBJECTIVES
from ganflow.models.classifier import DigitClassifier
from ganflow.training.compute import Machine
from ganflow.training.gan import GanModel, draw, latents
from ganflow.training.gan import validation as gan_validation
from ganflow.training.pix2pix import Pix2PixModel
from ganflow.training.pix2pix import validation as pix2pix_validation

CPU = Machine(torch.device("cpu"), False, "test")


def gan(params: Params, **changes: object) -> GanModel:
    return GanModel(params.gan.model_copy(update={"channels": 4, "latent_dim": 8, **changes}), 0, CPU)


def pix2pix(params: Params, **changes: object) -> Pix2PixModel:
    small = {"generator_channels": 4, "discriminator_channels": 4, "dropout": 0.0, **changes}
    return Pix2PixModel(params.pix2pix.model_copy(update=small), 32, 0, CPU, shown=(photos(), photos()))


def digits(count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 1, 28, 28, generator=generator) * 2 - 1, torch.zeros(count, dtype=torch.long)


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return x, y


def photos() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)


class White(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(images)


def changed(network: nn.Module, before: nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(network.parameters(), before.parameters(), strict=True))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_gan_step_moves_both_players_and_the_average(params: Params, objective: str) -> None:
    model = gan(params, objective=objective)
    before = copy.deepcopy(model.networks)
    scalars = model.step(digits(), 8)
    assert all(value.isfinite() for value in scalars.values())
    assert all(changed(model.networks[name], before[name]) for name in before)
    if OBJECTIVES[objective].outputs_probability:
        assert 0 < scalars["d_real"] < 1


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_pix2pix_step_moves_both_players_and_the_average(params: Params, objective: str, norm: str) -> None:
    model = pix2pix(params, objective=objective, norm=norm)
    before = copy.deepcopy(model.networks)
    scalars = model.step(pairs(), 2)
    assert all(value.isfinite() for value in scalars.values())
    assert all(changed(model.networks[name], before[name]) for name in before)


def test_the_generators_loss_leaves_no_gradient_on_the_discriminator(params: Params) -> None:
    model = pix2pix(params)
    model.step(pairs(), 2)
    seen = [parameter.grad.clone() for parameter in model.discriminator.parameters() if parameter.grad is not None]
    model.optimisers["D"].step = lambda *_: None  # type: ignore[method-assign]
    model.optimisers["G"].step = lambda *_: None  # type: ignore[method-assign]
    reference = copy.deepcopy(model)
    reference.step(pairs(), 2)
    x, y = pairs()
    fake = model.generator(x)
    model.optimisers["D"].zero_grad()
    model.objective.discriminator(model.discriminator(x, y), model.discriminator(x, fake.detach())).backward()
    for ours, theirs in zip(reference.discriminator.parameters(), model.discriminator.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    assert all(parameter.requires_grad for parameter in model.discriminator.parameters())
    assert seen


def test_l1_alone_pulls_the_output_to_the_target(params: Params) -> None:
    """With the adversarial term drowned by lambda, a few steps on one pair bring G(x) nearer to y."""
    model = pix2pix(params, lambda_l1=1000.0, learning_rate=0.002)
    for optimiser in model.optimisers.values():
        optimiser.param_groups[0]["lr"] = 0.002
    first = model.step(pairs(), 2)["loss_l1"]
    for k in range(15):
        last = model.step(pairs(), 2 * (k + 2))["loss_l1"]
    assert last < 0.95 * first


def test_without_an_adversarial_term_there_is_no_discriminator_to_train(params: Params) -> None:
    model = pix2pix(params, lambda_gan=0.0)
    before = copy.deepcopy(model.networks)
    assert set(model.step(pairs(), 2)) == {"loss_l1"}
    assert {name for name in before if changed(model.networks[name], before[name])} == {"G", "average of G"}


def test_the_weight_of_the_adversarial_term_is_its_share_of_the_gradient(params: Params) -> None:
    """Without L1, and Adam aside, the gradient on G is lambda_gan times as large."""
    seen = []
    for weight in (1.0, 3.0):
        model = pix2pix(params, lambda_gan=weight, lambda_l1=0.0)
        for optimiser in model.optimisers.values():
            optimiser.step = lambda *_: None  # type: ignore[method-assign]
        model.step(pairs(), 2)
        seen.append(torch.cat([p.grad.flatten() for p in model.generator.parameters() if p.grad is not None]))
    torch.testing.assert_close(3 * seen[0], seen[1])


@pytest.mark.parametrize("to_map", [True, False])
def test_translations_are_validated_on_the_crop_in_the_middle(params: Params, to_map: bool) -> None:
    real = np.full((3, 64, 64, 3), 255, np.uint8)  # streets, and water around what the network is trained on
    real[:, :16] = real[:, 48:] = real[:, :, :16] = real[:, :, 48:] = (178, 210, 254)
    check = pix2pix_validation(real, real, 32, to_map, CPU)
    found = check.measure(White())
    assert found["mae"] == 0
    assert check.best_by == ("mean_iou" if to_map else "mae")
    assert check.higher_is_better is to_map
    assert found.get("mean_iou") == (1 if to_map else None)


def test_digits_are_validated_by_their_distance_to_the_held_out_ones(params: Params) -> None:
    torch.manual_seed(0)
    eye = DigitClassifier().eval()
    model = gan(params)
    inputs = latents(60, 8, 0, "validate", CPU.device)
    own = draw(model.finished(), inputs)
    check = gan_validation(eye, own, 8, 0, CPU)
    assert check.measure(model.finished())["frechet_classifier"] == pytest.approx(0, abs=1e-6)
    assert gan_validation(eye, 255 - own, 8, 0, CPU).measure(model.finished())["frechet_classifier"] > 1e-4


@pytest.mark.parametrize("build", [gan, pix2pix])
def test_equal_seeds_are_equal_models(params: Params, build) -> None:
    a, b = build(params), build(params)
    for name, network in a.networks.items():
        assert not changed(network, b.networks[name])


def test_sampling_changes_nothing_that_the_next_step_depends_on(params: Params) -> None:
    batch = digits()
    plain, sampled = gan(params), gan(params)
    for model in (plain, sampled):
        torch.manual_seed(5)
        model.step(batch, 8)
        if model is sampled:
            assert model.sample(model.finished()).size[0] > 8 * 28
        torch.manual_seed(6)
        model.step(batch, 16)
    for name in ("G", "D", "average of G"):
        assert not changed(plain.networks[name], sampled.networks[name])


def test_a_digit_is_drawn_alike_whatever_its_neighbours(params: Params) -> None:
    generator = gan(params).finished()
    inputs = latents(12, 8, seed=0, purpose="test", device=CPU.device)
    alone, together = draw(generator, inputs[:1]).astype(int), draw(generator, inputs).astype(int)
    assert abs(alone[0] - together[0]).max() <= 1  # the last bit may round differently in another batch size
