"""What all adversarial models have in common: their optimisers, and the curves of a discriminator."""

import torch
from torch import Tensor, nn

from ganflow.config import Game
from ganflow.losses import Objective


def adam(network: nn.Module, params: Game) -> torch.optim.Optimizer:
    """The optimiser of either player; the loop sets its learning rate."""
    return torch.optim.Adam(network.parameters(), betas=(params.beta1, params.beta2), fused=True)


def generator_learns(images_seen: int, batch: int, critic_steps: int) -> bool:
    """Whether a step on `batch` images, `images_seen` in all, also updates G: every `critic_steps`-th one does.

    Each step updates D: that is n_critic of Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1. It follows from the
    step's number alone, so a resumed training goes on in the same order.
    """
    return images_seen // batch % critic_steps == 0


def outputs(objective: Objective, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
    """Means of D's outputs for the curves: probabilities where the objective makes them such."""
    shown = torch.sigmoid if objective.outputs_probability else torch.Tensor.float
    return {"d_real": shown(on_real).mean(), "d_fake": shown(on_fake).mean()}
