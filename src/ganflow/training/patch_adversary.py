"""The adversarial part of a translator's training, which Pix2Pix, the conditional VAE and CycleGAN share."""

import torch
from torch import Tensor, nn

from ganflow.config import PatchTraining
from ganflow.losses import OBJECTIVES, feature_matching, gradient_penalty, zero_centred_penalty
from ganflow.models.patchgan import PatchGan
from ganflow.training.adversarial import adam, mean_outputs
from ganflow.training.compute import Machine


class PatchAdversary:
    """The patch discriminator D of a translator: its updates, and the losses that it gives the generator G.

    D sees each image beside its input. Beside an input without channels, [B, 0, H, W], it sees the image alone.

    Shapes below: inputs x and targets y [B, C, H, W]; `generated` [k * B, C, H, W], k images that G made of each x:
    first one of every x, then a second one of every x, and so on.
    """

    def __init__(self, params: PatchTraining, machine: Machine, channels: int, lambda_features: float = 0.0) -> None:
        """`channels`: of an input and a target together. `lambda_features`: weight of feature matching."""
        self.discriminator = PatchGan(params.discriminator_channels, params.norm, channels).to(machine.device)
        self.optimiser = adam(self.discriminator, params)
        # For G's losses, which leave no gradient on D that processes would have to average.
        self._compiled = machine.compiled(self.discriminator)
        self._synchronised = machine.synchronised(self._compiled)
        self.objective = OBJECTIVES[params.objective]
        self._params, self._machine, self._lambda_features = params, machine, lambda_features
        self._has_batch_norm = params.norm == "batch"

    def improve_discriminator(self, x: Tensor, y: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """One update of D; returns its loss and its mean outputs as scalars.

        The paper halves this loss to slow D down; under Adam, which divides by the gradient's size, that changes
        nothing. It is not halved here, so its value at the equilibrium is log 4 as for any GAN.
        """
        if self._has_batch_norm:  # real and generated images are normalised separately, as in the reference code
            on_real, on_fake = (self._outputs(self._synchronised, x, images)[-1] for images in (y, generated.detach()))
        else:
            on_both = self._outputs(self._synchronised, x, torch.cat([y, generated.detach().to(y)]))[-1]
            on_real, on_fake = on_both.split([len(y), len(generated)])
        on_real, on_fake = on_real.float(), on_fake.float()
        loss = self.objective.discriminator(on_real, on_fake)
        total = loss
        if self.objective.penalised:
            per_input = len(generated) // len(x)
            weight = self._machine.world.draw(lambda count, rng: torch.rand(count, per_input, generator=rng), len(x))
            conditions = torch.cat([x] * per_input)
            penalty = gradient_penalty(
                lambda images: self.discriminator(conditions, images)[-1],
                torch.cat([y] * per_input),
                generated,
                weight.T.flatten(),
            )
            total = loss + self._params.lambda_gp * penalty
        if self.objective.relativistic:
            conditions = torch.cat([x] * (len(generated) // len(x)))
            r1 = zero_centred_penalty(lambda images: self.discriminator(x, images)[-1], y)
            r2 = zero_centred_penalty(lambda images: self.discriminator(conditions, images)[-1], generated)
            total = loss + self._params.gamma / 2 * (r1 + r2)
        self.optimiser.zero_grad()
        total.backward()
        self.optimiser.step()
        return {"loss_d": loss, **mean_outputs(self.objective, on_real, on_fake)}

    def generator_losses(self, x: Tensor, y: Tensor, generated: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of G by term, and their weighted sum. Leaves no gradient on D.

        loss_g: the adversarial term, summed over the k images per input. With lambda_features also loss_features: the
        distance between D's hidden features of the first image per input and those of y.
        """
        params = self._params
        self.discriminator.requires_grad_(False)
        *hidden, scores = self._outputs(self._compiled, x, generated)
        branches = scores.float().split(len(x))
        hidden_of_real: list[Tensor] = []
        if self._lambda_features or self.objective.relativistic:
            with torch.no_grad():
                *hidden_of_real, on_real = self._outputs(self._compiled, x, y)
            if self.objective.relativistic:
                branches = [scores_of_one - on_real.float() for scores_of_one in branches]
        losses = {"loss_g": torch.stack([*map(self.objective.generator, branches)]).sum()}
        total = params.lambda_gan * losses["loss_g"]
        if self._lambda_features:
            losses["loss_features"] = feature_matching([features[: len(x)] for features in hidden], hidden_of_real)
            total = total + self._lambda_features * losses["loss_features"]
        self.discriminator.requires_grad_(True)
        return losses, total

    def _outputs(self, discriminator: nn.Module, x: Tensor, images: Tensor) -> list[Tensor]:
        """D's hidden features and scores of `images` [k * B, C, H, W], each beside its input in x."""
        with self._machine.autocast():
            return discriminator(torch.cat([x] * (len(images) // len(x))), images)
