"""Objectives against values worked out by hand: s(0) = 1/2, s(ln 3) = 3/4, s(-ln 3) = 1/4."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, tensor

from ganflow import losses
from ganflow.losses import OBJECTIVES, kl_divergence

LN3 = math.log(3)


@pytest.mark.parametrize(
    ("objective", "real", "fake", "loss_d", "loss_g"),
    [
        # -log(3/4) - log(1 - 1/4), and log(1 - 1/4)
        ("minimax", [LN3], [-LN3], 2 * math.log(4 / 3), math.log(3 / 4)),
        ("minimax", [0.0, 0.0], [0.0], math.log(4), -math.log(2)),
        # the generator's -log(1/4)
        ("non_saturating", [LN3], [-LN3], 2 * math.log(4 / 3), math.log(4)),
        # 1/2 mean((2-1)^2, (1-1)^2) + 1/2 mean(3^2), and 1/2 (3-1)^2
        ("lsgan", [2.0, 1.0], [3.0], 0.25 + 4.5, 2.0),
        ("lsgan", [0.5], [0.5], 0.25, 0.125),
        # mean(0, 0.5) + mean(0, 1.5)
        ("hinge", [2.0, 0.5], [-3.0, 0.5], 0.25 + 0.75, 1.25),
        ("wgan_gp", [3.0, 1.0], [0.5, 0.5], -1.5, -0.5),
        # s(margin) = 3/4 and 1/2: mean(-log(3/4), -log(1/2)), and with s(-margin) mean(-log(1/4), -log(1/2))
        ("relativistic", [LN3 + 5, 2.0], [5.0, 2.0], math.log(8 / 3) / 2, math.log(8) / 2),
    ],
)
def test_values_by_hand(objective: str, real: list[float], fake: list[float], loss_d: float, loss_g: float) -> None:
    game = OBJECTIVES[objective]
    assert game.discriminator(tensor(real), tensor(fake)).item() == pytest.approx(loss_d, abs=1e-6)
    given = tensor(fake) - tensor(real) if game.relativistic else tensor(fake)
    assert game.generator(given).item() == pytest.approx(loss_g, abs=1e-6)


def test_each_generated_image_is_paired_with_the_real_one_of_its_input() -> None:
    """Two branches of two inputs: the margins are 0, ln 3, -ln 3 and 0, so s is 1/2, 3/4, 1/4 and 1/2."""
    real, fake = tensor([[1.0], [2.0]]), tensor([[1.0], [2 - LN3], [1 + LN3], [2.0]])
    loss = losses.relativistic_discriminator(real, fake).item()
    assert loss == pytest.approx((2 * math.log(2) + math.log(4 / 3) + math.log(4)) / 4, abs=1e-6)


@pytest.mark.parametrize("objective", [name for name, game in OBJECTIVES.items() if game.equilibrium])
def test_the_stated_equilibrium_is_the_best_reply_to_equal_distributions(objective: str) -> None:
    """Where real and generated data are the same, no constant output does better than the equilibrium's."""
    game = OBJECTIVES[objective]
    outputs = torch.linspace(-4, 4, 801)  # 0 is one of them
    values = torch.stack([game.discriminator(x, x) for x in outputs])
    assert values.min().item() == pytest.approx(game.equilibrium["loss_d"], abs=1e-4)
    best = outputs[values.argmin()]
    shown = torch.sigmoid(best) if game.outputs_probability else best
    if objective == "hinge":  # flat between -1 and 1: 0 is one of the best
        assert game.discriminator(tensor(0.0), tensor(0.0)).item() == pytest.approx(values.min().item())
    elif objective == "relativistic":  # only differences count: every constant is as good
        assert values.max().item() == pytest.approx(values.min().item())
    else:
        assert shown.item() == pytest.approx(game.equilibrium["d"], abs=0.01)


def slope(loss: object, at: float) -> float:
    x = tensor(at, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(x), x)  # type: ignore[operator]
    return gradient.item()


def test_minimax_saturates_where_the_discriminator_rejects_and_non_saturating_does_not() -> None:
    """d/dx log(1 - s(x)) = -s(x) vanishes for x -> -inf; d/dx -log s(x) = s(x) - 1 tends to -1."""
    rejected = -10.0
    assert abs(slope(losses.minimax_generator, rejected)) < 1e-4
    assert slope(losses.non_saturating_generator, rejected) == pytest.approx(-1, abs=1e-4)
    for fake in (-2.0, 0.0, 2.0):  # both push the same way everywhere
        assert slope(losses.minimax_generator, fake) < 0 > slope(losses.non_saturating_generator, fake)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_extreme_outputs_stay_finite(objective: str, logit: float) -> None:
    x = tensor([logit])
    assert OBJECTIVES[objective].discriminator(x, -x).isfinite()
    assert OBJECTIVES[objective].generator(x).isfinite()


def test_gradient_penalty_of_a_linear_critic() -> None:
    """D(u) = w.u has gradient w everywhere: the penalty is (|w| - 1)^2, whatever the segment."""
    weight = torch.zeros(1, 1, 2, 2)
    weight[0, 0] = tensor([[3.0, 0.0], [0.0, 4.0]])  # norm 5

    def critic(images: Tensor) -> Tensor:
        return (images * weight).flatten(1).sum(1, keepdim=True)

    real, fake = torch.randn(6, 1, 2, 2), torch.randn(6, 1, 2, 2)
    assert losses.gradient_penalty(critic, real, fake, torch.rand(6)).item() == pytest.approx(16, rel=1e-5)


def test_zero_centred_penalty_of_a_quadratic_critic() -> None:
    """D(u) = |u|^2 / 2 has gradient u: the penalty is the mean of |u|^2."""
    images = tensor([3.0, 4.0, 1.0, 0.0]).view(2, 1, 1, 2)
    assert losses.zero_centred_penalty(lambda u: u.square() / 2, images).item() == pytest.approx((25 + 1) / 2 / 4)
    one_score = losses.zero_centred_penalty(lambda u: u.square().flatten(1).sum(1, keepdim=True) / 2, images)
    assert one_score.item() == pytest.approx((25 + 1) / 2)


def test_gradient_penalty_trains_the_critic_and_not_the_generator() -> None:
    weight = torch.ones(1, 1, 2, 2, requires_grad=True)
    fake = torch.randn(3, 1, 2, 2, requires_grad=True)

    def critic(images: Tensor) -> Tensor:
        return (images * weight).flatten(1).sum(1, keepdim=True)

    losses.gradient_penalty(critic, torch.randn(3, 1, 2, 2), fake, torch.rand(3)).backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0
    assert fake.grad is None


def test_gradient_penalty_of_a_flat_critic_is_one_and_differentiable() -> None:
    weight = torch.zeros(1, 1, 2, 2, requires_grad=True)
    real, fake = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    shares = torch.rand(2)
    penalty = losses.gradient_penalty(lambda u: (u * weight).flatten(1).sum(1, keepdim=True), real, fake, shares)
    penalty.backward()
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_l1() -> None:
    assert losses.l1(tensor([1.0, -1.0]), tensor([0.0, 2.0])).item() == 2.0
    assert losses.l1(tensor([1.0, -1.0]), tensor([0.0, 2.0]), tensor([3.0, 0.0])).item() == 1.5


def test_rarity_is_one_where_the_target_is_common_and_grows_with_the_distance() -> None:
    common = tensor([0.5, 0.0, -0.5])
    target = torch.stack([common, common + 0.2, common + tensor([0.3, 0.0, 0.0])], 1).view(1, 3, 1, 3)
    weights = losses.rarity(target, common, 10.0)
    assert weights.shape == (1, 1, 1, 3)
    torch.testing.assert_close(weights.flatten(), tensor([1.0, 3.0, 2.0]))
    assert (losses.rarity(target, common, 0.0) == 1).all()


def test_feature_matching_adds_up_the_layers_means() -> None:
    generated, real = [tensor([1.0, 3.0]), tensor([2.0])], [tensor([0.0, 0.0]), tensor([5.0])]
    assert losses.feature_matching(generated, real).item() == 2.0 + 3.0


@pytest.mark.parametrize("term", [losses.cycle_consistency, losses.identity_mapping])
def test_cycle_consistency_and_identity_are_mean_errors_by_hand(term: Callable[[Tensor, Tensor], Tensor]) -> None:
    image = tensor([1.0, -1.0, 0.0, 0.5])
    assert term(image, tensor([0.0, -1.0, 0.0, 0.0])).item() == 1.5 / 4
    assert term(image, image).item() == 0


def test_kl_divergence_by_hand() -> None:
    mean, log_variance = tensor([0.0, 2.0, 0.0]), tensor([0.0, 0.0, math.log(4)])
    normal = torch.zeros(3), torch.zeros(3)
    torch.testing.assert_close(kl_divergence((mean, log_variance), normal), tensor([0.0, 2.0, 1.5 - math.log(2)]))
    q, p = torch.distributions.Normal(1.3, 0.7), torch.distributions.Normal(-0.4, 1.9)
    own = kl_divergence((q.mean, q.variance.log()), (p.mean, p.variance.log()))
    torch.testing.assert_close(own, torch.distributions.kl_divergence(q, p))


def test_l1_counts_the_pixels_with_data_alone() -> None:
    generated = torch.tensor([[[[1.0, 5.0]], [[3.0, 5.0]]]], requires_grad=True)  # two channels of two pixels
    target, weight = torch.zeros(1, 2, 1, 2), torch.tensor([[[[2.0, 9.0]]]])
    has_data = torch.tensor([[[[True, False]]]])
    loss = losses.l1(generated, target, weight, has_data)
    assert loss.item() == (2 * 1 + 2 * 3) / 2
    loss.backward()
    assert generated.grad is not None
    assert generated.grad.tolist() == [[[[1.0, 0.0]], [[1.0, 0.0]]]]
    assert losses.l1(generated, target, weight, torch.zeros_like(has_data)).item() == 0


def test_where_a_target_has_no_data_every_image_of_it_is_the_target_and_no_gradient_flows() -> None:
    generated = torch.arange(12.0).reshape(4, 1, 1, 3).requires_grad_()  # two images for each of two targets
    target = -torch.ones(2, 1, 1, 3)
    has_data = torch.tensor([[[[True, False, True]]], [[[False, True, True]]]])
    filled = losses.as_target_without_data(generated, target, has_data)
    assert filled.flatten().tolist() == [0, -1, 2, -1, 4, 5, 6, -1, 8, -1, 10, 11]
    filled.sum().backward()
    assert generated.grad is not None
    assert generated.grad.flatten().tolist() == [1, 0, 1, 0, 1, 1] * 2
    assert losses.as_target_without_data(generated, target, None) is generated
