"""What all adversarial models have in common: their optimisers, and the curves of a discriminator."""

import torch
from torch import Tensor, nn

from ganflow.config import Game
from ganflow.losses import Objective


def adam(network: nn.Module, params: Game) -> torch.optim.Optimizer:
    """The optimiser of either player; the loop sets its learning rate."""
    return torch.optim.Adam(network.parameters(), betas=(params.beta1, 0.999), fused=True)


def outputs(objective: Objective, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
    """Means of D's outputs for the curves: probabilities where the objective makes them such."""
    shown = torch.sigmoid if objective.outputs_probability else torch.Tensor.float
    return {"d_real": shown(on_real).mean(), "d_fake": shown(on_fake).mean()}
