"""The discriminator's side of a translation game: what Pix2Pix and the conditional VAE have in common."""

import torch
from torch import Tensor, nn

from ganflow.config import Translator
from ganflow.losses import OBJECTIVES, feature_matching, gradient_penalty
from ganflow.models.patchgan import PatchGan
from ganflow.training.compute import Machine
from ganflow.training.game import adam, outputs


class PatchGame:
    """The conditional patch discriminator D of a translator, how it learns, and what it tells the generator."""

    def __init__(self, params: Translator, machine: Machine) -> None:
        self.discriminator = PatchGan(params.discriminator_channels, params.norm).to(machine.device)
        self.optimiser = adam(self.discriminator, params)
        self._answer = machine.compiled(self.discriminator)  # what G learns from: leaves no gradient on D
        self._judge = machine.synchronised(self._answer)
        self.objective = OBJECTIVES[params.objective]
        self._params, self._machine = params, machine
        self._by_batch = params.norm == "batch"

    def improve_discriminator(self, x: Tensor, y: Tensor, drawn: Tensor) -> dict[str, Tensor]:
        """One update of D on inputs x, targets y [B, 3, H, W] and what G drew of x, once or more [k * B, 3, H, W].

        The paper halves this loss to slow D down; under Adam, which divides by the gradient's size, that changes
        nothing, so it is left whole here and its equilibrium is log 4 as for any GAN.
        """
        if self._by_batch:  # real and generated images are normalised apart, as in the reference
            on_real, on_fake = (self._on(self._judge, x, images)[-1] for images in (y, drawn.detach()))
        else:
            on_both = self._on(self._judge, x, torch.cat([y, drawn.detach().to(y)]))[-1]
            on_real, on_fake = on_both.split([len(y), len(drawn)])
        on_real, on_fake = on_real.float(), on_fake.float()
        loss = self.objective.discriminator(on_real, on_fake)
        total = loss
        if self.objective.penalised:
            times = len(drawn) // len(x)
            weight = self._machine.world.draw(lambda count, rng: torch.rand(count, times, generator=rng), len(x))
            conditions = torch.cat([x] * times)
            penalty = gradient_penalty(
                lambda images: self.discriminator(conditions, images)[-1],
                torch.cat([y] * times),
                drawn,
                weight.T.flatten(),
            )
            total = loss + self._params.lambda_gp * penalty
        self.optimiser.zero_grad()
        total.backward()
        self.optimiser.step()
        return {"loss_d": loss, **outputs(self.objective, on_real, on_fake)}

    def generator_losses(self, x: Tensor, y: Tensor, drawn: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """What G is told of `drawn`, as above: each term, and their weighted sum. Leaves no gradient on D.

        loss_g: the adversarial term, summed over how often x was drawn. With lambda_features also loss_features: how
        far D's hidden layers tell the first drawing from y.
        """
        own = self._params
        self.discriminator.requires_grad_(False)
        *hidden, judged = self._on(self._answer, x, drawn)
        losses = {"loss_g": torch.stack([*map(self.objective.generator, judged.float().split(len(x)))]).sum()}
        total = own.lambda_gan * losses["loss_g"]
        if own.lambda_features:
            with torch.no_grad():
                *of_real, _ = self._on(self._answer, x, y)
            losses["loss_features"] = feature_matching([features[: len(x)] for features in hidden], of_real)
            total = total + own.lambda_features * losses["loss_features"]
        self.discriminator.requires_grad_(True)
        return losses, total

    def _on(self, discriminator: nn.Module, x: Tensor, images: Tensor) -> list[Tensor]:
        with self._machine.autocast():
            return discriminator(torch.cat([x] * (len(images) // len(x))), images)
