"""Training of the digit classifier whose features and predictions the digit metrics use."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganflow.config import Classifier
from ganflow.models.classifier import DigitClassifier
from ganflow.seeds import step_seed
from ganflow.training.compute import Machine

SHIFT = 2  # pixels, the largest random shift in each direction


class ClassifierModel:
    """One network, one optimiser, cross-entropy on randomly shifted digits."""

    def __init__(self, params: Classifier, seed: int, machine: Machine, classes: int = 10) -> None:
        torch.manual_seed(step_seed(seed, "classifier", "init"))
        self.machine = machine
        self.network = DigitClassifier(classes).to(machine.device)
        self._synchronised = machine.synchronised(machine.compiled(self.network))
        self.networks: dict[str, nn.Module] = {"classifier": self.network}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "classifier": torch.optim.AdamW(self.network.parameters(), weight_decay=0.01, fused=True)
        }

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update on digits [B, 1, 28, 28] and labels [B]."""
        self.network.train()
        images, labels = batch
        ((down, right),) = self.machine.world.draw(_one_shift, 1).tolist()
        with self.machine.autocast():
            logits = self._synchronised(images.roll((down, right), dims=(2, 3))).float()
        loss = F.cross_entropy(logits, labels)
        (optimiser,) = self.optimisers.values()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return {"loss": loss, "accuracy": (logits.argmax(1) == labels).float().mean()}

    def finished(self) -> DigitClassifier:
        return self.network.eval()

    def sample(self, network: nn.Module) -> None:
        """None: a classifier generates no picture."""


def _one_shift(count: int, rng: torch.Generator) -> Tensor:
    """One shift for all images, so that one call of roll moves the whole batch: int64 [count, 2]."""
    return torch.randint(-SHIFT, SHIFT + 1, (1, 2), generator=rng).expand(count, 2)
