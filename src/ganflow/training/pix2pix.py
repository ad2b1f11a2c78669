"""Pix2Pix: a U-Net that translates, a PatchGAN that judges, one step."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Pix2Pix
from ganflow.grids import translation_grid
from ganflow.losses import OBJECTIVES, gradient_penalty, l1
from ganflow.models.patchgan import PatchGan
from ganflow.models.unet import UNet
from ganflow.training.compute import Machine, step_seed
from ganflow.training.ema import Ema
from ganflow.translate import translate


class Pix2PixModel:
    """Generator G, conditional patch discriminator D, and an average of G. Isola et al. 2017 (arXiv:1611.07004).

    `shown`: fixed inputs and their targets, each uint8 [n, H, W, 3], translated after every epoch.
    """

    def __init__(
        self, params: Pix2Pix, crop_size: int, seed: int, machine: Machine, shown: tuple[np.ndarray, np.ndarray]
    ) -> None:
        torch.manual_seed(step_seed(seed, "pix2pix", "init"))
        self.params, self.machine, self.shown = params, machine, shown
        self.objective = OBJECTIVES[params.objective]
        self.arguments = {
            "levels": min(8, int(math.log2(crop_size))),  # down to one pixel; the paper's 8 at 256 px
            "channels": params.generator_channels,
            "norm": params.norm,
            "upsample": params.upsample,
            "dropout": params.dropout,
        }
        self.generator = UNet(**self.arguments).to(machine.device)
        self.discriminator = PatchGan(params.discriminator_channels, params.norm).to(machine.device)
        self.ema = Ema(self.generator, params.ema_images)
        self.networks = {"G": self.generator, "D": self.discriminator, "average of G": self.ema.average}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(self.networks[name].parameters(), betas=(params.beta1, 0.999), fused=True)
            for name in ("G", "D")
        }

    def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G, on inputs x and targets y [B, 3, H, W].

        G minimises lambda_gan times the adversarial term + lambda_l1 E|y - G(x)| (eq. 4); its noise is dropout alone.
        The paper halves D's loss to slow it down; under Adam, which divides by the gradient's size, that changes
        nothing, so it is left whole here and its equilibrium is log 4 as for any GAN.
        """
        x, y = batch
        if not self.params.lambda_gan:
            return self._regress(x, y, images_seen)
        optimise_g, optimise_d = self.optimisers["G"], self.optimisers["D"]

        # Discriminator: the real pair against the generated one
        with self.machine.autocast():
            fake = self.generator(x)
            on_real = self.discriminator(x, y).float()
            on_fake = self.discriminator(x, fake.detach()).float()
        loss_d = self.objective.discriminator(on_real, on_fake)
        total = loss_d
        if self.objective.penalised:
            penalty = gradient_penalty(lambda image: self.discriminator(x, image), y, fake)
            total = loss_d + self.params.lambda_gp * penalty
        optimise_d.zero_grad()
        total.backward()
        optimise_d.step()

        # Generator: fool the discriminator just improved, and stay near the target
        self.discriminator.requires_grad_(False)
        with self.machine.autocast():
            judged = self.discriminator(x, fake).float()
        loss_g = self.objective.generator(judged)
        loss_l1 = l1(fake.float(), y)
        optimise_g.zero_grad()
        (self.params.lambda_gan * loss_g + self.params.lambda_l1 * loss_l1).backward()
        optimise_g.step()
        self.discriminator.requires_grad_(True)

        self.ema.update(self.generator, images_seen, len(x))
        shown = torch.sigmoid if self.objective.outputs_probability else torch.Tensor.float
        return {
            "loss_d": loss_d,
            "loss_g": loss_g,
            "loss_l1": loss_l1,
            "d_real": shown(on_real).mean(),
            "d_fake": shown(on_fake).mean(),
        }

    def _regress(self, x: Tensor, y: Tensor, images_seen: int) -> dict[str, Tensor]:
        """One update of G without a game: the L1 baseline, which shows what the adversarial term is worth."""
        with self.machine.autocast():
            drawn = self.generator(x)
        loss_l1 = l1(drawn.float(), y)
        optimiser = self.optimisers["G"]
        optimiser.zero_grad()
        (self.params.lambda_l1 * loss_l1).backward()
        optimiser.step()
        self.ema.update(self.generator, images_seen, len(x))
        return {"loss_l1": loss_l1}

    def finished(self) -> UNet:
        """The averaged generator in evaluation mode."""
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        inputs, real = self.shown
        drawn = translate(network, inputs, 1, self.machine.device)
        return translation_grid({"input": inputs, "generated": drawn, "real": real})
