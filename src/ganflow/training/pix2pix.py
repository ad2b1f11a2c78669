"""Pix2Pix: a U-Net that translates, a PatchGAN that judges, one step."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Pix2Pix
from ganflow.data.batches import to_unit
from ganflow.inference.grids import translation_grid
from ganflow.inference.translation import translate
from ganflow.losses import l1, rarity
from ganflow.models.unet import UNet
from ganflow.seeds import step_seed
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema
from ganflow.training.game import adam, generator_learns
from ganflow.training.patch_game import PatchGame


class Pix2PixModel:
    """Generator G, conditional patch discriminator D, and an average of G. Isola et al. 2017 (arXiv:1611.07004).

    `shown`: fixed inputs and their targets, each uint8 [n, H, W, 3], translated after every epoch. `common`: the median
    colour of the targets, uint8 [3] (losses.rarity).
    """

    def __init__(
        self,
        params: Pix2Pix,
        crop_size: int,
        seed: int,
        machine: Machine,
        shown: tuple[np.ndarray, np.ndarray],
        common: Tensor,
    ) -> None:
        torch.manual_seed(step_seed(seed, "pix2pix", "init"))
        self.params, self.machine, self.shown = params, machine, shown
        self._common = to_unit(common.to(machine.device))
        self.arguments = {
            "levels": min(8, int(math.log2(crop_size))),  # down to one pixel; the paper's 8 at 256 px
            "channels": params.generator_channels,
            "norm": params.norm,
            "upsample": params.upsample,
            "dropout": params.dropout,
        }
        self.generator = UNet(**self.arguments).to(machine.device)
        self._drawer = machine.synchronised(machine.compiled(self.generator))
        self.game = PatchGame(params, machine)
        self.ema = Ema(self.generator, params.ema_share)
        self.networks = {"G": self.generator, "D": self.game.discriminator, "average of G": self.ema.average}
        self.optimisers = {"G": adam(self.generator, params), "D": self.game.optimiser}

    def step(self, batch: tuple[Tensor, Tensor], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G, on inputs x and targets y [B, 3, H, W].

        G minimises lambda_gan times the adversarial term + lambda_l1 E|y - G(x)| (eq. 4); its noise is dropout alone.
        Beyond the paper, lambda_rare makes rare colours weigh more in L1 (losses.rarity), and lambda_features adds
        feature matching. With lambda_gan = 0 there is no game: the L1 baseline, which shows what D is worth. With
        critic_steps n > 1 only every n-th step updates G.
        """
        x, y = batch
        own, whole = self.params, len(x) * self.machine.world.size
        learns = generator_learns(images_seen, whole, own.critic_steps)
        with self.machine.autocast(), torch.set_grad_enabled(learns):
            drawn = self._drawer(x)
        scalars = self.game.improve_discriminator(x, y, drawn) if own.lambda_gan else {}

        loss_l1 = l1(drawn.float(), y, rarity(y, self._common, own.lambda_rare))
        total = own.lambda_l1 * loss_l1
        if own.lambda_gan:  # fool the discriminator just improved
            losses, of_game = self.game.generator_losses(x, y, drawn)
            scalars |= losses
            total = total + of_game
        if learns:
            optimiser = self.optimisers["G"]
            optimiser.zero_grad()
            total.backward()
            optimiser.step()

        self.ema.update(self.generator, images_seen, whole)
        return scalars | {"loss_l1": loss_l1}

    def finished(self) -> UNet:
        """The averaged generator in evaluation mode."""
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        inputs, real = self.shown
        drawn = translate(network, inputs, 1, self.machine.device)
        return translation_grid({"input": inputs, "generated": drawn, "real": real})
