"""The smallest GAN: it learns to draw numbers like those of a normal distribution. The exercises of docs/models.md.

python docs/first_gan.py        # the exercises, in seconds: what was tried and what came out
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganflow.losses import minimax_discriminator, minimax_generator, non_saturating_generator

MEAN, SPREAD = 3.0, 0.5  # of the numbers that G is to draw like
BATCH = 128


def train(
    steps: int = 600,
    generator_loss: Callable[[Tensor], Tensor] = non_saturating_generator,
    noise: float = 1.0,
    rate_g: float = 0.02,
) -> dict[str, float]:
    """Train and say what came out: mean and spread of the drawn numbers, and D's mean verdict on them (0 to 1).

    `noise`: spread of the latents (0: G has nothing to vary by). `rate_g`: learning rate of G (0: G stays as it is).
    """
    chance = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    g = nn.Linear(1, 1)
    d = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    of_g = torch.optim.Adam(g.parameters(), lr=rate_g, betas=(0.5, 0.9))
    of_d = torch.optim.Adam(d.parameters(), lr=0.01, betas=(0.5, 0.9))

    def latents() -> Tensor:
        return noise * torch.randn(BATCH, 1, generator=chance)

    for _ in range(steps):
        real, drawn = MEAN + SPREAD * torch.randn(BATCH, 1, generator=chance), g(latents())
        of_d.zero_grad()
        minimax_discriminator(d(real), d(drawn.detach())).backward()  # D: real ones real, drawn ones not
        of_d.step()
        of_g.zero_grad()
        generator_loss(d(g(latents()))).backward()  # G: what it draws real
        of_g.step()
    with torch.no_grad():
        drawn = g(torch.cat([latents() for _ in range(20)]))
        return {"mean": drawn.mean().item(), "spread": drawn.std().item(), "verdict": d(drawn).sigmoid().mean().item()}


EXERCISES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "ten steps only": {"steps": 10},
    "G stays as it is": {"rate_g": 0.0},
    "no noise": {"noise": 0.0},
    "G minimises V itself": {"generator_loss": minimax_generator},
}

if __name__ == "__main__":
    for name, change in EXERCISES.items():
        print(f"{name:22}", ", ".join(f"{key} {value:.2f}" for key, value in train(**change).items()))
