"""CUT, tried beside CycleGAN (`time_to_quality.py cut`): one generator, and contrast in place of the way back."""

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from ganflow.config import Cyclegan
from ganflow.data.batches import to_unit
from ganflow.inference.grids import translation_grid
from ganflow.inference.translation import translate
from ganflow.models.unet import UNet
from ganflow.seeds import step_seed
from ganflow.training.adversarial import adam
from ganflow.training.compute import Machine
from ganflow.training.ema import Ema
from ganflow.training.patch_adversary import PatchAdversary

LAYERS = 4  # halvings of G whose features are compared, beside the pixels themselves
PLACES = 256  # of an image, in each layer
WIDTH = 64  # of the space in which they are compared; 256 in the paper, whose G has 64 channels
TEMPERATURE = 0.07
LAMBDA_CONTRAST = 1.0


class ContrastiveModel:
    """Park et al. 2020 (arXiv:2007.15651): a generator G: X to Y, its discriminator, and heads on G's encoder.

    G minimises

        lambda_gan L_GAN(G, D) + lambda_contrast / 2 (PatchNCE(x, G(x)) + PatchNCE(y, G(y)))

    the second term of the contrast only where both sides have as many channels. G is the U-Net of our CycleGAN, whose
    halvings are the encoder; the paper's is residual. `examples`, `palette`: as for CycleGanModel.
    """

    def __init__(
        self,
        params: Cyclegan,
        crop_size: int,
        seed: int,
        machine: Machine,
        examples: tuple[np.ndarray, np.ndarray],
        palette: Tensor,
    ) -> None:
        torch.manual_seed(step_seed(seed, "cut", "init"))
        self.params, self.machine, self._examples = params, machine, examples
        inputs, outputs = (side.shape[-1] for side in examples)
        levels = min(8, int(math.log2(crop_size)))
        self.generator = UNet(
            levels, params.generator_channels, params.norm, params.upsample, 0.0, 0, len(palette), inputs, outputs
        )
        self.generator.start_palette(to_unit(palette))
        self.generator.to(machine.device)
        widths = [inputs, *(params.generator_channels * min(2**level, 8) for level in range(LAYERS))]
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)) for width in widths
        ).to(machine.device)
        self.of_y = PatchAdversary(params, machine, outputs)
        self.ema = Ema(self.generator, params.ema_share)
        self.networks = {"G": self.generator, "heads": self.heads, "D": self.of_y.discriminator}
        self.optimisers = {
            "G": adam(self.generator, params),
            "heads": adam(self.heads, params),
            "D": self.of_y.optimiser,
        }

    def step(self, batch: tuple[Tensor, ...], images_seen: int) -> dict[str, Tensor]:
        """One update of D, then one of G and the heads, on x and y [B, C, H, W], which do not belong together."""
        x, y = batch
        sides = (x, y) if x.shape[1] == y.shape[1] else (x,)
        with self.machine.autocast():
            answers = [self.generator(side) for side in sides]
        nothing = x[:, :0]
        scalars = self.of_y.improve_discriminator(nothing, y, answers[0])
        losses, total = self.of_y.generator_losses(nothing, y, answers[0])
        with self.machine.autocast():
            contrasts = [self._contrast(side, answer) for side, answer in zip(sides, answers, strict=True)]
        scalars |= losses | {"loss_contrast": torch.stack(contrasts).mean()}
        total = total + LAMBDA_CONTRAST * scalars["loss_contrast"]
        for name in ("G", "heads"):
            self.optimisers[name].zero_grad()
        total.backward()
        for name in ("G", "heads"):
            self.optimisers[name].step()
        self.ema.update(self.generator, images_seen, len(x))
        return scalars

    def _contrast(self, images: Tensor, answers: Tensor) -> Tensor:
        """PatchNCE of images and what G made of them, the mean over the layers."""
        of_layers = []
        for head, before, after in zip(self.heads, self._features(images), self._features(answers), strict=True):
            count = before[0, 0].numel()
            places = torch.randperm(count)[:PLACES].to(images.device)
            keys, queries = (
                F.normalize(head(features.flatten(2)[..., places].transpose(1, 2)).float(), dim=-1)
                for features in (before, after)
            )
            of_layers.append(patch_contrast(queries, keys.detach()))
        return torch.stack(of_layers).mean()

    def _features(self, images: Tensor) -> list[Tensor]:
        features = [images]
        for down in self.generator.down[:LAYERS]:
            features.append(down(features[-1]))
        return features

    def finished(self) -> UNet:
        return self.ema.average.eval()

    def sample(self, network: nn.Module) -> Image.Image:
        x, _ = self._examples
        return translation_grid({"input": x, "generated": translate(network, x, 1, self.machine.device)})


def patch_contrast(queries: Tensor, keys: Tensor) -> Tensor:
    """PatchNCE (eq. 2 and 3): of all places of its image, each query is to be nearest to the key of its own.

    Both are unit vectors [B, places, D].
    """
    nearness = torch.einsum("bpd,bqd->bpq", queries, keys) / TEMPERATURE
    own = torch.arange(nearness.shape[1], device=nearness.device).expand(len(nearness), -1)
    return F.cross_entropy(nearness.flatten(0, 1), own.flatten())
