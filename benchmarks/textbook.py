"""What the ratios are held against: the same networks as the reference implementations train and feed them.

fp32, `torch.optim.Adam` with its defaults, `.item()` on every loss of every step, a discriminator pass for the real and
one for the generated images, a DataLoader with two workers over PIL pictures. Each function builds what it needs and
gives one step; it runs in a process of its own (`timing.Elsewhere`).
"""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganflow.config import Gan, Pix2Pix
from ganflow.data.map_pairs import FILTER
from ganflow.losses import l1, minimax_discriminator, non_saturating_generator
from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator
from ganflow.models.patchgan import PatchGan
from ganflow.models.unet import UNet

Step = Callable[[], object]
WORKERS = 2


def pix2pix(own: Pix2Pix, levels: int, size: int, device: str) -> Step:
    """Isola et al.'s step on one batch of noise."""
    g = UNet(levels, own.generator_channels, own.norm, own.upsample, own.dropout).to(device)
    d = PatchGan(own.discriminator_channels, own.norm).to(device)
    adam_g, adam_d = torch.optim.Adam(g.parameters()), torch.optim.Adam(d.parameters())
    x, y = torch.rand(2, own.batch_size, 3, size, size, device=device) * 2 - 1

    def step() -> tuple[float, float, float]:
        fake = g(x)
        adam_d.zero_grad()
        loss_d = 0.5 * minimax_discriminator(d(x, y)[-1], d(x, fake.detach())[-1])
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        loss_g, loss_l1 = non_saturating_generator(d(x, fake)[-1]), l1(fake, y)
        (loss_g + own.lambda_l1 * loss_l1).backward()
        adam_g.step()
        return loss_d.item(), loss_g.item(), loss_l1.item()

    return step


def gan(own: Gan, device: str, digits: np.ndarray | None = None) -> Step:
    """DCGAN's step on one batch of noise, or on batches of `digits`, uint8 [N, 28, 28], out of a DataLoader."""
    g = DigitGenerator(own.latent_dim, own.channels, deep=own.deep).to(device)
    d = DigitDiscriminator(own.channels, deep=own.deep).to(device)
    adam_g, adam_d = torch.optim.Adam(g.parameters()), torch.optim.Adam(d.parameters())
    if digits is None:
        batches: Iterator[Tensor] = itertools.repeat(torch.rand(own.batch_size, 1, 28, 28) * 2 - 1)
    else:
        batches = _endless(_loader(_Digits(digits), own.batch_size))

    def step() -> tuple[float, float]:
        real = next(batches).to(device)
        fake = g(torch.randn(len(real), own.latent_dim, device=device))
        adam_d.zero_grad()
        loss_d = minimax_discriminator(d(real), d(fake.detach()))
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        loss_g = non_saturating_generator(d(fake))
        loss_g.backward()
        adam_g.step()
        return loss_d.item(), loss_g.item()

    return step


def pairs(folder: Path, load: int, crop: int, batch: int, device: str) -> Step:
    """An epoch over the side-by-side JPEGs in `folder`: decoded, resized, cropped and flipped anew."""
    loader = _loader(_Pairs(sorted(folder.glob("*.jpg")), load, crop), batch)

    def step() -> None:
        for both in loader:
            both.to(device)

    return step


def tiles(own: Pix2Pix, levels: int, pixels: np.ndarray, device: str) -> Step:
    """Tiles, uint8 [N, S, S, 3], translated one at a time."""
    g = UNet(levels, own.generator_channels, own.norm, own.upsample, own.dropout).to(device).eval()

    @torch.no_grad()
    def step() -> list[np.ndarray]:
        return [((g(_unit(tile)[None].to(device))[0].cpu().numpy() + 1) * 127.5).astype(np.uint8) for tile in pixels]

    return step


class _Digits(Dataset[Tensor]):
    def __init__(self, digits: np.ndarray) -> None:
        self._digits = digits

    def __len__(self) -> int:
        return len(self._digits)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self._digits[index])  # as torchvision's MNIST does
        return _unit(np.asarray(picture)[..., None])


class _Pairs(Dataset[Tensor]):
    def __init__(self, paths: list[Path], load: int, crop: int) -> None:
        self._paths, self._load, self._crop = paths, load, crop

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Tensor:
        """[2, 3, crop, crop]"""
        picture = Image.open(self._paths[index]).convert("RGB")
        side = picture.height
        left, top = (random.randint(0, self._load - self._crop) for _ in range(2))
        flipped = random.random() < 0.5
        halves = []
        for edge in (0, side):
            half = picture.crop((edge, 0, edge + side, side)).resize((self._load, self._load), FILTER)
            half = half.crop((left, top, left + self._crop, top + self._crop))
            halves.append(half.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flipped else half)
        return torch.stack([_unit(np.asarray(half)) for half in halves])


def _unit(pixels: np.ndarray) -> Tensor:
    """uint8 [H, W, C] to float [C, H, W] in [-1, 1], as ToTensor and Normalize do."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float().div(255).sub(0.5).div(0.5)


def _loader(dataset: Dataset[Tensor], batch: int) -> DataLoader[Tensor]:
    return DataLoader(dataset, batch, shuffle=True, num_workers=WORKERS, persistent_workers=True, drop_last=True)


def _endless(loader: DataLoader[Tensor]) -> Iterator[Tensor]:
    if not len(loader):
        raise ValueError("less than one batch of data")
    while True:
        yield from loader
