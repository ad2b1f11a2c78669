"""The schedule of a training: its length, the order of its images and its learning rate.

Two trainings that differ only in `epochs` and `decay_epochs` take the very same steps until the rate begins to fall
(`constant_steps`), so the longer one goes on from the shorter one's state there.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ganflow.errors import UserError
from ganflow.seeds import step_seed


@dataclass(frozen=True)
class Plan:
    """`epochs` passes over `images` training images; the learning rate falls over the last `decay_epochs`.

    Raises:
        UserError: a batch is larger than the data set.
    """

    name: str  # of the model; also part of each step's seed
    seed: int
    images: int
    batch_size: int
    epochs: int
    learning_rate: float
    decay_epochs: int = 0
    epoch_steps: int = field(init=False)

    def __post_init__(self) -> None:
        if self.images < self.batch_size:
            raise UserError(f"{self.name}.batch_size = {self.batch_size}: there are only {self.images} training images")
        object.__setattr__(self, "epoch_steps", self.images // self.batch_size)

    @property
    def steps(self) -> int:
        return self.epochs * self.epoch_steps

    @property
    def constant_steps(self) -> int:
        """How many steps the learning rate is constant for. Up to there nothing may depend on `epochs`."""
        return (self.epochs - self.decay_epochs) * self.epoch_steps

    def place(self, step: int) -> str:
        """After `step` steps: "epoch 20", or "step 310" within an epoch."""
        epoch, index = divmod(step, self.epoch_steps)
        return f"step {step}" if index else f"epoch {epoch}"

    def rate(self, step: int) -> float:
        """Learning rate of step `step` (from 0): constant, then linear towards 0 over the last `decay_epochs`."""
        decay_steps = self.decay_epochs * self.epoch_steps
        factor = (self.steps - step) / decay_steps if decay_steps else 1.0
        return self.learning_rate * min(1.0, factor)

    def order(self, epoch: int) -> Tensor:
        """The shuffled image indices of epoch `epoch` (from 0), int64 [epoch_steps * batch_size]."""
        generator = torch.Generator().manual_seed(step_seed(self.seed, self.name, "order", epoch))
        return torch.randperm(self.images, generator=generator)[: self.epoch_steps * self.batch_size]
