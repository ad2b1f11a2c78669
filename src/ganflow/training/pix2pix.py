"""Pix2Pix: a U-Net that translates, a PatchGAN that judges, one step."""

import math

import torch
from PIL import Image
from torch import Tensor

from ganflow.config import Pix2Pix
from ganflow.data.batches import to_bytes
from ganflow.grids import translation_grid
from ganflow.losses import OBJECTIVES, gradient_penalty, l1
from ganflow.models.patchgan import PatchGan
from ganflow.models.unet import UNet
from ganflow.training.compute import Machine, step_seed
from ganflow.training.ema import Ema


class Pix2PixModel:
    """Generator G, conditional patch discriminator D, and an average of G. Isola et al. 2017 (arXiv:1611.07004).

    `shown`: fixed input and target, each [n, 3, H, W] in [-1, 1], translated after every epoch.
    """

    def __init__(
        self, params: Pix2Pix, crop_size: int, seed: int, machine: Machine, shown: tuple[Tensor, Tensor]
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

        G minimises the adversarial term + lambda_l1 E|y - G(x)| (eq. 4); its noise is dropout alone. The paper halves
        D's loss to slow it down; under Adam, which divides by the gradient's size, that changes nothing, so it is
        left whole here and its equilibrium is log 4 as for any GAN.
        """
        x, y = batch
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
        (loss_g + self.params.lambda_l1 * loss_l1).backward()
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

    def finished(self) -> UNet:
        """The averaged generator in evaluation mode."""
        return self.ema.average.eval()

    @torch.no_grad()
    def sample(self) -> Image.Image:
        x, y = self.shown
        generator = self.finished()
        generated = torch.cat([generator(image[None].to(self.machine.device)).cpu() for image in x])
        return translation_grid({"input": to_bytes(x), "generated": to_bytes(generated), "real": to_bytes(y)})
