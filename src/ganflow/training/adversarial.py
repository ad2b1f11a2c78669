"""What all adversarial models share: their optimiser, when the generator is updated, and the discriminator's curves."""

import torch
from torch import Tensor, nn

from ganflow.config import Adversarial
from ganflow.losses import Objective


def adam(network: nn.Module, params: Adversarial) -> torch.optim.Optimizer:
    """The optimiser of a generator or a discriminator; the training loop sets its learning rate."""
    return torch.optim.Adam(network.parameters(), betas=(params.beta1, params.beta2), fused=True)


def generator_learns(images_seen: int, batch: int, critic_steps: int) -> bool:
    """Whether a step on `batch` images, `images_seen` in all, also updates G: every `critic_steps`-th one does.

    Each step updates D: that is n_critic of Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1. The answer depends
    on the step's number alone, so a resumed training keeps the same schedule.
    """
    return images_seen // batch % critic_steps == 0


def mean_outputs(objective: Objective, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
    """Means of D's outputs for the curves: as probabilities where the objective defines them, else as raw scores."""
    convert = torch.sigmoid if objective.outputs_probability else torch.Tensor.float
    return {"d_real": convert(on_real).mean(), "d_fake": convert(on_fake).mean()}
