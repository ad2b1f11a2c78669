"""The conditional VAE of maps, with or without a game: plain, cVAE-GAN or BicycleGAN by its weights."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Cvae
from ganflow.data.batches import to_unit
from ganflow.inference.grids import translation_grid
from ganflow.inference.translation import translate
from ganflow.losses import kl_divergence, l1, rarity
from ganflow.models.cvae import ConditionalVae, at
from ganflow.seeds import latents, step_seed
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema
from ganflow.training.game import adam, generator_learns
from ganflow.training.patch_game import PatchGame

SAMPLES = 3  # per input in the picture of an epoch


class CvaeModel:
    """Generator G, posterior E and prior as one network, patch discriminator D, and an average of G and E.

    Three models by their weights (Zhu et al. 2017, arXiv:1711.11586):
      conditional VAE   lambda_gan = 0, lambda_latent = 0
      cVAE-GAN          lambda_gan > 0, lambda_latent = 0
      BicycleGAN        both > 0
    Unlike the paper's code, one discriminator judges both branches, and it sees the input, as in Pix2Pix.

    `shown`: fixed inputs and their targets, each uint8 [n, H, W, 3], translated after every epoch. `common`: the median
    colour of the targets, uint8 [3] (losses.rarity).
    """

    def __init__(
        self,
        params: Cvae,
        crop_size: int,
        seed: int,
        machine: Machine,
        shown: tuple[np.ndarray, np.ndarray],
        common: Tensor,
    ) -> None:
        torch.manual_seed(step_seed(seed, "cvae", "init"))
        self.params, self.machine, self.shown = params, machine, shown
        self._common = to_unit(common.to(machine.device))
        self.arguments = {
            "levels": min(8, int(math.log2(crop_size))),
            "channels": params.generator_channels,
            "encoder_channels": params.encoder_channels,
            "norm": params.norm,
            "upsample": params.upsample,
            "latent_dim": params.latent_dim,
            "prior": params.prior,
        }
        self.vae = ConditionalVae(**self.arguments).to(machine.device)
        self._branches = machine.synchronised(machine.compiled(Branches(self.vae)))
        self.game = PatchGame(params, machine)
        self.ema = Ema(self.vae, params.ema_share)
        self.networks = {"G and E": self.vae, "D": self.game.discriminator, "average of G and E": self.ema.average}
        self.optimisers = {"G and E": adam(self.vae, params), "D": self.game.optimiser}
        self._latents = latents(SAMPLES, params.latent_dim, seed, "cvae", "samples")

    def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G and E, on inputs x and targets y [B, 3, H, W].

        G, E and the prior minimise, over y' = G(x, z), z ~ q(z | y) = E(y), and y" = G(x, z"), z" ~ p(z | x):

            lambda_l1 E|y - y'| + lambda_kl KL(q(z | y) || p(z | x))    the conditional VAE
            + lambda_gan (adversarial term of y' [and of y"]) + lambda_features (feature matching of y')
            + lambda_latent E|z" - E(y")|                               to G alone

        Rare colours weigh more in the first term by lambda_rare (losses.rarity). The latent term must not reach E: the
        two could otherwise agree to hide z" in y" where nobody sees it (Zhu et al. 2017, section 3.3).

        With critic_steps n > 1 only every n-th step updates G and E.
        """
        x, y = batch
        own, vae, whole = self.params, self.vae, len(x) * self.machine.world.size
        learns = generator_learns(images_seen, whole, own.critic_steps)
        both = own.lambda_latent > 0  # branches

        noise = self._noise(len(x)).to(x.device), self._noise(len(x)).to(x.device) if both else None
        with self.machine.autocast(), torch.set_grad_enabled(learns):
            posterior, prior, unseen, drawn = self._branches(x, y, *noise)
        scalars = self.game.improve_discriminator(x, y, drawn) if own.lambda_gan else {}

        loss_l1 = l1(drawn[: len(x)].float(), y, rarity(y, self._common, own.lambda_rare))
        loss_kl = kl_divergence(posterior, prior).sum(1).mean()
        total = own.lambda_l1 * loss_l1 + own.lambda_kl * loss_kl
        if own.lambda_gan:
            losses, of_game = self.game.generator_losses(x, y, drawn)
            scalars |= losses
            total = total + of_game
        if unseen is not None:
            vae.posterior.requires_grad_(False)
            with self.machine.autocast():
                recovered, _ = vae.posterior(drawn[len(x) :])
            vae.posterior.requires_grad_(True)
            scalars["loss_latent"] = l1(recovered.float(), unseen)
            total = total + own.lambda_latent * scalars["loss_latent"]
        if learns:
            optimiser = self.optimisers["G and E"]
            optimiser.zero_grad()
            total.backward()
            optimiser.step()

        self.ema.update(vae, images_seen, whole)
        return scalars | {"loss_l1": loss_l1, "loss_kl": loss_kl}

    def _noise(self, count: int) -> Tensor:
        dim = self.params.latent_dim
        return self.machine.world.draw(lambda rows, rng: torch.randn(rows, dim, generator=rng), count)

    def finished(self) -> ConditionalVae:
        """The averaged generator and encoder in evaluation mode."""
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        inputs, real = self.shown
        columns = {"input": inputs}
        for number, latent in enumerate(self._latents, start=1):
            given = latent.expand(len(inputs), -1)
            columns[f"sample {number}"] = translate(network, inputs, 1, self.machine.device, given)
        return translation_grid(columns | {"real": real})


class Branches(nn.Module):
    """All that a step asks of the conditional VAE, in one call: what other processes are to take part in."""

    def __init__(self, vae: ConditionalVae) -> None:
        super().__init__()
        self.vae = vae

    def forward(
        self, x: Tensor, y: Tensor, noise: Tensor, prior_noise: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor | None, Tensor]:
        """Posterior and prior, each (mean, log variance); with `prior_noise` a latent of the prior; what G draws.

        G draws y' [B, 3, H, W] from the posterior's latent, then, with `prior_noise`, y" from the prior's: [2B, ...].
        """
        mean, log_variance = (part.float() for part in self.vae.posterior(y))
        prior_mean, prior_log_variance = (part.float() for part in self.vae.prior(x))
        latent, unseen = at(mean, log_variance, noise), None
        if prior_noise is None:
            drawn = self.vae.generator(x, latent)
        else:
            unseen = at(prior_mean, prior_log_variance, prior_noise).detach()  # the prior learns from the KL term alone
            drawn = self.vae.generator(torch.cat([x, x]), torch.cat([latent, unseen]))
        return (mean, log_variance), (prior_mean, prior_log_variance), unseen, drawn
