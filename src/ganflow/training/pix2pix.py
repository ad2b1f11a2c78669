"""Pix2Pix: a U-Net as generator, a PatchGAN as discriminator, and one training step."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganflow.config import Pix2Pix
from ganflow.data.batches import to_unit, with_mask
from ganflow.inference.grids import translation_grid
from ganflow.inference.translation import translate
from ganflow.losses import as_target_without_data, l1, rarity
from ganflow.models.unet import UNet
from ganflow.seeds import step_seed
from ganflow.training.adversarial import adam, generator_learns
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema
from ganflow.training.patch_adversary import PatchAdversary


class Pix2PixModel:
    """Generator G, conditional patch discriminator D, and an average of G. Isola et al. 2017 (arXiv:1611.07004).

    `examples`: fixed inputs and their targets, each [n, H, W, C], for the picture made after each epoch; they also say
    how many channels there are. `median_colour`: of the targets, uint8 [C] (losses.rarity). `palette`: the colours,
    uint8 [k, C], that the output starts to mix (unet.Palette); k = 0: tanh, the paper's.
    `residual`: G adds to its input.
    """

    def __init__(
        self,
        params: Pix2Pix,
        crop_size: int,
        seed: int,
        machine: Machine,
        examples: tuple[np.ndarray, np.ndarray],
        median_colour: Tensor,
        palette: Tensor,
        residual: bool = False,
    ) -> None:
        torch.manual_seed(step_seed(seed, "pix2pix", "init"))
        self.params, self.machine, self._examples = params, machine, examples
        self._median_colour = to_unit(median_colour.to(machine.device))
        inputs, outputs = (side.shape[-1] for side in examples)
        self.arguments = {
            "levels": min(8, int(math.log2(crop_size))),  # down to one pixel; the paper's 8 at 256 px
            "channels": params.generator_channels,
            "norm": params.norm,
            "upsample": params.upsample,
            "dropout": params.dropout,
            "palette": len(palette),
            "inputs": inputs,
            "outputs": outputs,
            "residual": residual,
        }
        self.generator = UNet(**self.arguments)
        self.generator.start_palette(to_unit(palette))
        self.generator.to(machine.device)
        self._synchronised_g = machine.synchronised(machine.compiled(self.generator))
        self.adversary = PatchAdversary(params, machine, inputs + outputs, params.lambda_features)
        self.ema = Ema(self.generator, params.ema_share)
        self.networks = {"G": self.generator, "D": self.adversary.discriminator, "average of G": self.ema.average}
        self.optimisers = {"G": adam(self.generator, params), "D": self.adversary.optimiser}

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G, on inputs x, targets y [B, C, H, W] and where y has data.

        G minimises lambda_gan times the adversarial term + lambda_l1 E|y - G(x)| (eq. 4); its noise is dropout alone.
        Beyond the paper, lambda_rare makes rare colours weigh more in L1 (losses.rarity), and lambda_features adds
        feature matching. With lambda_gan = 0 there is no discriminator: this L1 baseline shows what D
        contributes. With critic_steps n > 1 only every n-th step updates G.
        """
        x, y, has_data = with_mask(batch)
        params, batch_size = self.params, len(x) * self.machine.world.size  # of all processes
        learns = generator_learns(images_seen, batch_size, params.critic_steps)
        with self.machine.autocast(), torch.set_grad_enabled(learns):
            generated = as_target_without_data(self._synchronised_g(x), y, has_data)
        scalars = self.adversary.improve_discriminator(x, y, generated) if params.lambda_gan else {}

        loss_l1 = l1(generated.float(), y, rarity(y, self._median_colour, params.lambda_rare), has_data)
        total = params.lambda_l1 * loss_l1
        if params.lambda_gan:  # by the updated discriminator
            losses, adversarial_loss = self.adversary.generator_losses(x, y, generated)
            scalars |= losses
            total = total + adversarial_loss
        if learns:
            optimiser = self.optimisers["G"]
            optimiser.zero_grad()
            total.backward()
            optimiser.step()

        self.ema.update(self.generator, images_seen, batch_size)
        return scalars | {"loss_l1": loss_l1}

    def finished(self) -> UNet:
        """The averaged generator in evaluation mode."""
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        inputs, real = self._examples
        generated = translate(network, inputs, 1, self.machine.device)
        return translation_grid({"input": inputs, "generated": generated, "real": real})
