"""Adversarial and reconstruction objectives as plain functions with their formulas.

Notation: D(x) is the discriminator's raw output (logit or score), s = sigmoid, E the mean over batch and patches;
`real` = D(x) on real data, `fake` = D(G(z)) on generated data. Every function takes tensors of any shape and
returns a scalar to be minimised. `OBJECTIVES` pairs them up under the names used in params.yaml.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


def minimax_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log s(D(x))] - E[log(1 - s(D(G(z))))]: minus the value function of the two-player game.

    Goodfellow et al. 2014 (arXiv:1406.2661), eq. 1. It is log 4 at the equilibrium, where s(D) = 1/2 everywhere.
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def minimax_generator(fake: Tensor) -> Tensor:
    """E[log(1 - s(D(G(z))))]: the paper's own form. Its gradient vanishes where D rejects confidently. Eq. 1."""
    return -F.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """-E[log s(D(G(z)))]: same fixed point as minimax, strong gradient where D rejects. Goodfellow 2014, section 3."""
    return F.softplus(-fake).mean()


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(z))^2]. Mao et al. 2017 (arXiv:1611.04076), eq. 9."""
    return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()


def lsgan_generator(fake: Tensor) -> Tensor:
    """1/2 E[(D(G(z)) - 1)^2]. Mao et al. 2017, eq. 9."""
    return 0.5 * (fake - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]. Lim & Ye 2017 (arXiv:1705.02894)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def wgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(G(z))] - E[D(x)]: minus the critic's estimate of the Wasserstein-1 distance, given the gradient penalty.

    Arjovsky et al. 2017 (arXiv:1701.07875).
    """
    return fake.mean() - real.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[softplus(-(D(x) - D(G(z))))]: D must score a real image above a generated one; only the difference counts.

    R3GAN, Huang et al. 2024 (arXiv:2501.05441), eq. 2 with f(t) = -log(1 + e^-t); the pairing is that of
    Jolicoeur-Martineau 2018 (arXiv:1807.00734), section 4.1. G minimises the mirror image, E[softplus(-(D(G(z)) -
    D(x)))], which is `non_saturating_generator` of the difference. Neither converges without `zero_centred_penalty`.

    `real`: [B, ...]; `fake`: [k * B, ...], k generated images for each real one, as in `PatchAdversary`.
    """
    return F.softplus(fake.reshape(-1, *real.shape) - real).mean()


def critic_generator(fake: Tensor) -> Tensor:
    """-E[D(G(z))]: the generator's side of both the hinge and the Wasserstein objective."""
    return -fake.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """E[(||grad_u D(u)||_2 - 1)^2] at u on random segments between real and fake. Gulrajani 2017 (arXiv:1704.00028).

    `real`, `fake`: [B, C, H, W]. A patch critic's outputs are averaged per image first, so that the penalised
    function is one number per image. `weight`: [B], uniform in 0..1, of the real image in the mixture.
    """
    weight = weight.to(real.device).view(-1, 1, 1, 1)
    mixed = torch.lerp(fake.detach().float(), real.float(), weight).requires_grad_()
    score = critic(mixed).flatten(1).mean(1).sum()
    (gradient,) = torch.autograd.grad(score, mixed, create_graph=True)
    # The square root has no finite gradient at 0, which occurs where the critic is flat.
    norm = (gradient.float().flatten(1).square().sum(1) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def zero_centred_penalty(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """E[||grad_x D(x)||_2^2]: R1 if `images` [B, C, H, W] are real, R2 if they are generated.

    Mescheder et al. 2018 (arXiv:1801.04406), eq. 9 and 10, where gamma / 2 is its weight. A patch critic's outputs are
    averaged per image first, as in `gradient_penalty`.
    """
    images = images.detach().float().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(images).flatten(1).mean(1).sum(), images, create_graph=True)
    return gradient.float().flatten(1).square().sum(1).mean()


def l1(generated: Tensor, target: Tensor, weight: Tensor | float = 1.0, has_data: Tensor | None = None) -> Tensor:
    """E[w |y - G(x)|], with w = 1 the reconstruction term of Pix2Pix. Isola et al. 2017 (arXiv:1611.07004), eq. 3.

    `generated`, `target`: [B, C, H, W]. `has_data`: the pixels of the mean, bool [B, 1, H, W]; None: all. 0 if none.
    """
    error = weight * (generated - target).abs()
    if has_data is None:
        return error.mean()
    return torch.where(has_data, error, 0).sum() / (has_data.sum() * error.shape[1]).clamp(min=1)


def as_target_without_data(generated: Tensor, target: Tensor, has_data: Tensor | None) -> Tensor:
    """`generated` with the target's own pixels where that has no data: a discriminator sees no difference there.

    No gradient reaches the generator from there. `target`: [B, C, H, W]; `generated`: [k * B, C, H, W], k images for
    each target, as in `PatchAdversary`; `has_data`: bool [B, 1, H, W]; None: everywhere.
    """
    if has_data is None:
        return generated
    count = len(generated) // len(target)
    return torch.where(torch.cat([has_data] * count), generated, torch.cat([target] * count).to(generated))


def rarity(target: Tensor, common: Tensor, strength: float) -> Tensor:
    """1 + strength |y - m|, the mean over channels, [B, 1, H, W]: how much more L1 weighs where y is far from m.

    `common` [C]: m, the median colour of all targets. Where a generator is uncertain, L1 is lowest at the median of the
    possible colours, which is m in most places, so uncertain parks and motorways are left out. This weight, which is
    our own addition, works against that.
    """
    return 1 + strength * (target - common.view(1, -1, 1, 1)).abs().mean(1, keepdim=True)


def cycle_consistency(image: Tensor, recovered: Tensor) -> Tensor:
    """E|F(G(x)) - x|, or E|G(F(y)) - y|: there and back again is where it began.

    Zhu et al. 2017 (arXiv:1703.10593), eq. 2; the same term as in DualGAN (Yi et al. 2017, arXiv:1704.02510, eq. 3). In
    AsymGAN (Li et al. 2019, arXiv:1912.11660, eq. 8 and 10) F also takes an auxiliary variable.
    """
    return l1(recovered, image)


def identity_mapping(image: Tensor, mapped: Tensor) -> Tensor:
    """E|G(y) - y|, or E|F(x) - x|: what is of the target's kind already should stay as it is.

    Zhu et al. 2017, section 5.2: it keeps colours.
    """
    return l1(mapped, image)


def auxiliary_recovery(auxiliary: Tensor, recovered: Tensor) -> Tensor:
    """E|E(F(y, z)) - z|: the auxiliary variable that F was given can be read from what it drew, so F must use it.

    AsymGAN, Li et al. 2019 (arXiv:1912.11660), eq. 11.
    """
    return l1(recovered, auxiliary)


def feature_matching(generated: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Sum over D's hidden layers of E|D_i(x, y) - D_i(x, G(x))|. Wang et al. 2018 (arXiv:1711.11585), eq. 4."""
    return torch.stack([l1(a.float(), b.float()) for a, b in zip(generated, real, strict=True)]).sum()


def kl_divergence(q: tuple[Tensor, Tensor], p: tuple[Tensor, Tensor]) -> Tensor:
    """KL(q || p) of two normal distributions, each (mean, log variance), per dimension, not reduced; in nats.

    1/2 (((mean_q - mean_p)^2 + variance_q) / variance_p - log(variance_q / variance_p) - 1); for p = N(0, 1) it is
    Kingma & Welling 2014 (arXiv:1312.6114), appendix B.
    """
    (mean_q, log_q), (mean_p, log_p) = q, p
    return 0.5 * (((mean_q - mean_p).square() + log_q.exp()) * (-log_p).exp() - log_q + log_p - 1)


@dataclass(frozen=True)
class Objective:
    """An adversarial objective: the losses of discriminator and generator, and what is known of its equilibrium."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    outputs_probability: bool = False  # whether s(D) is a probability; the curves then show s(D), else D
    penalised: bool = False  # whether the discriminator also needs `gradient_penalty`
    relativistic: bool = False  # whether the generator's loss takes D(G(z)) - D(x), and D needs `zero_centred_penalty`
    equilibrium: dict[str, float] = field(default_factory=dict)  # curves: loss_d; d = d_real = d_fake, if fixed


OBJECTIVES: dict[str, Objective] = {
    "non_saturating": Objective(
        minimax_discriminator, non_saturating_generator, True, equilibrium={"loss_d": math.log(4), "d": 0.5}
    ),
    "minimax": Objective(minimax_discriminator, minimax_generator, True, equilibrium={"loss_d": math.log(4), "d": 0.5}),
    "lsgan": Objective(lsgan_discriminator, lsgan_generator, equilibrium={"loss_d": 0.25, "d": 0.5}),
    "hinge": Objective(hinge_discriminator, critic_generator, equilibrium={"loss_d": 2.0, "d": 0.0}),
    "wgan_gp": Objective(wgan_discriminator, critic_generator, penalised=True),
    "relativistic": Objective(
        relativistic_discriminator, non_saturating_generator, relativistic=True, equilibrium={"loss_d": math.log(2)}
    ),
}
