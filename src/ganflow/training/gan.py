"""The GAN on digits: two networks, two optimisers, one step."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Gan
from ganflow.data.batches import to_bytes, to_unit
from ganflow.grids import digit_grid
from ganflow.losses import OBJECTIVES, gradient_penalty
from ganflow.metrics.distribution import frechet_distance
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator
from ganflow.training.classifier import look
from ganflow.training.compute import Machine, step_seed
from ganflow.training.ema import Ema, recalibrate
from ganflow.training.loop import Validation

SAMPLES = 64  # in the picture of an epoch
RECALIBRATION_BATCHES = 16  # of 256 latents


class GanModel:
    """Generator G, discriminator D, and an average of G. Goodfellow et al. 2014 (arXiv:1406.2661)."""

    def __init__(self, params: Gan, seed: int, machine: Machine) -> None:
        torch.manual_seed(step_seed(seed, "gan", "init"))
        self.params, self.machine = params, machine
        self.objective = OBJECTIVES[params.objective]
        self.generator = DigitGenerator(params.latent_dim, params.channels).to(machine.device)
        self.discriminator = DigitDiscriminator(params.channels).to(machine.device)
        self.ema = Ema(self.generator, params.ema_images)
        self.networks = {"G": self.generator, "D": self.discriminator, "average of G": self.ema.average}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(self.networks[name].parameters(), betas=(params.beta1, 0.999), fused=True)
            for name in ("G", "D")
        }
        self._fixed = latents(SAMPLES, params.latent_dim, seed, "samples", machine.device)
        self._seed = seed

    def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G, on real digits [B, 1, 28, 28] (Goodfellow 2014, algorithm 1, one D step)."""
        real, _ = batch
        optimise_g, optimise_d = self.optimisers["G"], self.optimisers["D"]
        latent = torch.randn(len(real), self.params.latent_dim, device=real.device)

        # Discriminator: real digits against generated ones, in one pass (it has no batch statistics)
        with self.machine.autocast():
            fake = self.generator(latent)
            outputs = self.discriminator(torch.cat([real, fake.detach()])).float()
        on_real, on_fake = outputs.chunk(2)
        loss_d = self.objective.discriminator(on_real, on_fake)
        total = loss_d
        if self.objective.penalised:
            total = loss_d + self.params.lambda_gp * gradient_penalty(self.discriminator, real, fake)
        optimise_d.zero_grad()
        total.backward()
        optimise_d.step()

        # Generator: the same digits, judged by the discriminator just improved
        self.discriminator.requires_grad_(False)
        with self.machine.autocast():
            judged = self.discriminator(fake).float()
        loss_g = self.objective.generator(judged)
        optimise_g.zero_grad()
        loss_g.backward()
        optimise_g.step()
        self.discriminator.requires_grad_(True)

        self.ema.update(self.generator, images_seen, len(real))
        shown = torch.sigmoid if self.objective.outputs_probability else torch.Tensor.float
        return {
            "loss_d": loss_d,
            "loss_g": loss_g,
            "d_real": shown(on_real).mean(),
            "d_fake": shown(on_fake).mean(),
        }

    def finished(self) -> DigitGenerator:
        """The averaged generator in evaluation mode, its batch-norm statistics recomputed."""
        count, device = RECALIBRATION_BATCHES * 256, self.machine.device
        inputs = latents(count, self.params.latent_dim, self._seed, "recalibrate", device)
        recalibrate(self.ema.average, inputs.split(256))
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        return digit_grid(draw(network, self._fixed), columns=8)


def validation(
    classifier: DigitClassifier, val: np.ndarray, latent_dim: int, seed: int, machine: Machine
) -> Validation:
    """By the Frechet distance of as many generated digits to `val`, uint8 [N, 28, 28], as the classifier sees them."""

    def features(digits: np.ndarray) -> np.ndarray:
        return look(classifier, to_unit(torch.tensor(digits))[:, None].to(machine.device))[0].cpu().numpy()

    real = features(val)
    inputs = latents(len(val), latent_dim, seed, "validate", machine.device)
    return Validation(
        lambda generator: {"frechet_classifier": float(frechet_distance(features(draw(generator, inputs)), real)[0])},
        best_by="frechet_classifier",
        higher_is_better=False,
    )


def latents(count: int, dim: int, seed: int, purpose: str, device: torch.device) -> Tensor:
    """N(0, 1) inputs [count, dim], the same on every device and at every call."""
    generator = torch.Generator().manual_seed(step_seed(seed, "gan", purpose))
    return torch.randn(count, dim, generator=generator).to(device)


@torch.no_grad()
def draw(generator: nn.Module, inputs: Tensor) -> np.ndarray:
    """Digits, uint8 [N, 28, 28], from inputs [N, latent_dim], memory flat in N."""
    return np.concatenate([to_bytes(generator(chunk)) for chunk in inputs.split(500)])
