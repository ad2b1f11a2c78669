"""The conditional VAE of maps: plain, cVAE-GAN or BicycleGAN, by the weights of its losses."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Cvae
from ganflow.data.batches import to_unit, with_mask
from ganflow.inference.grids import translation_grid
from ganflow.inference.translation import translate
from ganflow.losses import as_target_without_data, kl_divergence, l1, rarity
from ganflow.models.cvae import ConditionalVae, reparameterise
from ganflow.seeds import latents, step_seed
from ganflow.training.adversarial import adam, generator_learns
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema
from ganflow.training.patch_adversary import PatchAdversary

SAMPLES = 3  # per input in the picture made after each epoch


class CvaeModel:
    """Generator G, posterior E and prior as one network, patch discriminator D, and an average of G and E.

    The weights of the losses select one of three models (Zhu et al. 2017, arXiv:1711.11586):
      conditional VAE   lambda_gan = 0, lambda_latent = 0
      cVAE-GAN          lambda_gan > 0, lambda_latent = 0
      BicycleGAN        both > 0
    Unlike the paper's code, one discriminator serves both branches, and it is conditioned on the input, as in Pix2Pix.

    `examples`: fixed inputs and their targets, each [n, H, W, C], for the picture made after each epoch; they also say
    how many channels there are. `median_colour`: of the targets, uint8 [C] (losses.rarity). `palette`: the colours,
    uint8 [k, C], that the output starts to mix (unet.Palette); k = 0: tanh, the paper's.
    `residual`: G adds to its input.
    """

    def __init__(
        self,
        params: Cvae,
        crop_size: int,
        seed: int,
        machine: Machine,
        examples: tuple[np.ndarray, np.ndarray],
        median_colour: Tensor,
        palette: Tensor,
        residual: bool = False,
    ) -> None:
        torch.manual_seed(step_seed(seed, "cvae", "init"))
        self.params, self.machine, self._examples = params, machine, examples
        self._median_colour = to_unit(median_colour.to(machine.device))
        inputs, outputs = (side.shape[-1] for side in examples)
        self.arguments = {
            "levels": min(8, int(math.log2(crop_size))),
            "channels": params.generator_channels,
            "encoder_channels": params.encoder_channels,
            "norm": params.norm,
            "upsample": params.upsample,
            "latent_dim": params.latent_dim,
            "prior": params.prior,
            "palette": len(palette),
            "inputs": inputs,
            "outputs": outputs,
            "residual": residual,
        }
        self.vae = ConditionalVae(**self.arguments)
        self.vae.generator.start_palette(to_unit(palette))
        self.vae.to(machine.device)
        self._branches = machine.synchronised(machine.compiled(Branches(self.vae)))
        self.adversary = PatchAdversary(params, machine, inputs + outputs, params.lambda_features)
        self.ema = Ema(self.vae, params.ema_share)
        self.networks = {"G and E": self.vae, "D": self.adversary.discriminator, "average of G and E": self.ema.average}
        self.optimisers = {"G and E": adam(self.vae, params), "D": self.adversary.optimiser}
        self._latents = latents(SAMPLES, params.latent_dim, seed, "cvae", "samples")

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G and E, on inputs x, targets y [B, C, H, W] and where y has data.

        G, E and the prior minimise, over y' = G(x, z), z ~ q(z | y) = E(y), and y" = G(x, z"), z" ~ p(z | x):

            lambda_l1 E|y - y'| + lambda_kl KL(q(z | y) || p(z | x))    the conditional VAE
            + lambda_gan (adversarial term of y' [and of y"]) + lambda_features (feature matching of y')
            + lambda_latent E|z" - E(y")|                               to G alone

        Of a share `prior_share` of the pairs, z is the mean of the prior in place of a draw from the posterior: the
        hybrid objective of Sohn et al. 2015, section 4.2. Without it G only ever sees latents that know the target, and
        the answer that it gives without one, at the prior's mean, is poor.

        lambda_rare makes rare colours weigh more in the first term (losses.rarity). The latent term must not train E: G
        and E could otherwise learn to hide z" in y" as an invisible code (Zhu et al. 2017, section 3.3).

        With critic_steps n > 1 only every n-th step updates G and E.
        """
        x, y, has_data = with_mask(batch)
        params, vae, batch_size = self.params, self.vae, len(x) * self.machine.world.size  # of all processes
        learns = generator_learns(images_seen, batch_size, params.critic_steps)
        from_prior = params.lambda_latent > 0  # whether G also gets a latent of the prior

        noise = self._noise(len(x)).to(x.device), self._noise(len(x)).to(x.device) if from_prior else None
        guesses = self.machine.world.draw(_uniform, len(x)).to(x.device) < params.prior_share
        with self.machine.autocast(), torch.set_grad_enabled(learns):
            posterior, prior, prior_latent, generated = self._branches(x, y, guesses, *noise)
            generated = as_target_without_data(generated, y, has_data)
        scalars = self.adversary.improve_discriminator(x, y, generated) if params.lambda_gan else {}

        loss_l1 = l1(generated[: len(x)].float(), y, rarity(y, self._median_colour, params.lambda_rare), has_data)
        loss_kl = kl_divergence(posterior, prior).sum(1).mean()
        total = params.lambda_l1 * loss_l1 + params.lambda_kl * loss_kl
        if params.lambda_gan:
            losses, adversarial_loss = self.adversary.generator_losses(x, y, generated)
            scalars |= losses
            total = total + adversarial_loss
        if prior_latent is not None:
            vae.posterior.requires_grad_(False)
            with self.machine.autocast():
                recovered, _ = vae.posterior(generated[len(x) :])
            vae.posterior.requires_grad_(True)
            scalars["loss_latent"] = l1(recovered.float(), prior_latent)
            total = total + params.lambda_latent * scalars["loss_latent"]
        if learns:
            optimiser = self.optimisers["G and E"]
            optimiser.zero_grad()
            total.backward()
            optimiser.step()

        self.ema.update(vae, images_seen, batch_size)
        return scalars | {"loss_l1": loss_l1, "loss_kl": loss_kl}

    def _noise(self, count: int) -> Tensor:
        dim = self.params.latent_dim
        return self.machine.world.draw(lambda rows, rng: torch.randn(rows, dim, generator=rng), count)

    def finished(self) -> ConditionalVae:
        """The averaged generator and encoder in evaluation mode."""
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        inputs, real = self._examples
        columns = {"input": inputs}
        for number, latent in enumerate(self._latents, start=1):
            repeated = latent.expand(len(inputs), -1)
            columns[f"sample {number}"] = translate(network, inputs, 1, self.machine.device, repeated)
        return translation_grid(columns | {"real": real})


class Branches(nn.Module):
    """The forward passes of a step in one module: gradients are averaged over processes per call of a module."""

    def __init__(self, vae: ConditionalVae) -> None:
        super().__init__()
        self.vae = vae

    def forward(
        self, x: Tensor, y: Tensor, guesses: Tensor, noise: Tensor, prior_noise: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor | None, Tensor]:
        """Posterior and prior, each (mean, log variance); z" or None; the generated images.

        Images are y' [B, C, H, W], from a latent of the posterior or, where `guesses` [B, 1] is true, from the prior's
        mean; with `prior_noise` [B, latent_dim] followed by y", from z", a latent of the prior: [2B, C, H, W].
        """
        mean, log_variance = (part.float() for part in self.vae.posterior(y))
        prior_mean, prior_log_variance = (part.float() for part in self.vae.prior(x))
        latent, prior_latent = torch.where(guesses, prior_mean, reparameterise(mean, log_variance, noise)), None
        if prior_noise is None:
            generated = self.vae.generator(x, latent)
        else:
            # Detached: the prior learns from the KL term alone.
            prior_latent = reparameterise(prior_mean, prior_log_variance, prior_noise).detach()
            generated = self.vae.generator(torch.cat([x, x]), torch.cat([latent, prior_latent]))
        return (mean, log_variance), (prior_mean, prior_log_variance), prior_latent, generated


def _uniform(count: int, rng: torch.Generator) -> Tensor:
    return torch.rand(count, 1, generator=rng)
