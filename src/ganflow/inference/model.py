"""A trained model at work: `load` a folder, then call it on pictures, or for digits."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganflow.data import pictures, prepared
from ganflow.data.kinds import PHOTO, Kind
from ganflow.errors import UserError
from ganflow.inference.compute import chosen_device
from ganflow.inference.digits import draw
from ganflow.inference.grids import spherical_path
from ganflow.inference.output import as_image
from ganflow.inference.photos import Photo, Range, of_picture, open_photo
from ganflow.inference.rows import STRIP, Stream, at_size, mapped
from ganflow.inference.translation import translated
from ganflow.models import saved
from ganflow.models.config_file import read_config
from ganflow.models.cvae import ConditionalVae
from ganflow.models.cyclegan import CycleGenerators
from ganflow.models.dcgan import DigitGenerator, with_classes
from ganflow.models.unet import UNet
from ganflow.seeds import latents

TRANSLATORS: dict[str, type[UNet | ConditionalVae | CycleGenerators]] = {
    "UNet": UNet,
    "ConditionalVae": ConditionalVae,
    "CycleGenerators": CycleGenerators,
}
AnyImage = np.ndarray | Image.Image | Path | str


@dataclass(frozen=True)
class TranslationModel:
    """A model that turns one picture into another of the same size: Pix2Pix, the conditional VAE, or CycleGAN."""

    network: UNet | ConditionalVae | CycleGenerators
    config: dict[str, Any]  # config.json
    folder: Path
    device: torch.device

    @property
    def tile(self) -> int:
        """Side in pixels of the tiles in which it was evaluated, and in which a larger picture is translated."""
        return int(self.config["eval_size"])

    @property
    def takes(self) -> Kind:
        """What the pictures are that it was trained to translate."""
        return Kind(**self.config["input"]) if "input" in self.config else PHOTO

    @property
    def gives(self) -> Kind:
        """What its answers are."""
        return Kind(**self.config["target"]) if "target" in self.config else PHOTO

    @property
    def draws_samples(self) -> bool:
        """Whether it has several answers for one picture."""
        return self._latent_dim > 0

    @property
    def _latent_dim(self) -> int:
        """How many numbers choose among several answers; 0: there is one. The way back of an AsymGAN takes some."""
        return 0 if isinstance(self.network, CycleGenerators) else self.network.latent_dim

    @property
    def metres_per_pixel(self) -> float | None:
        """What one pixel shows of the ground in the pictures that it was trained on; None if that is not known."""
        known = self.config.get("metres_per_pixel")
        return known or prepared.metres_per_pixel(self.config)  # an older config.json does not say it

    def __call__(
        self,
        image: AnyImage,
        *,
        seed: int | None = None,
        metres_per_pixel: float | None = None,
        value_range: Range | None = None,
    ) -> np.ndarray | Image.Image:
        """Translate a picture; the answer has its size.

        image: [H, W, C] or [H, W] of any numbers, answered by an array [H, W, C] of the numbers and range of the
        model's training targets (the maps': uint8 in RGB); or a PIL image or a path, answered by a PIL image, or by
        such an array where Pillow has no image of that kind (16 bits in colour, 4 channels).
        seed: of the conditional VAE's random latent; None: the prior's mean.
        metres_per_pixel: of the picture, which is then brought to the scale of the model and back; None: what the
        georeference of a file says, if it has one.
        value_range: of the picture, the values to be seen as black and white; None: as `photos.open_photo` finds it.

        Raises:
            UserError: the picture is not readable, or has not the channels that the model takes.
        """
        photo = self.photo(image, value_range)
        factor = self.factor(photo, metres_per_pixel)
        return self._answer(image, photo, factor, self.latent(seed))

    def samples(self, image: AnyImage, n: int, seed: int = 0) -> list[np.ndarray | Image.Image]:
        """`n` different answers for one picture, each as of a call.

        Raises:
            UserError: the model has only one answer.
        """
        photo = self.photo(image)
        factor = self.factor(photo)
        return [self._answer(image, photo, factor, latent) for latent in self.latents(n, seed)]

    def photo(self, image: AnyImage, value_range: Range | None = None) -> Photo:
        """A picture as this model takes it.

        Raises:
            UserError: as of a call.
        """
        if isinstance(image, np.ndarray):
            return of_picture(pictures.from_array(image), kind=self.takes, given_range=value_range)
        if isinstance(image, Image.Image):
            return of_picture(pictures.from_image(image), kind=self.takes, given_range=value_range)
        return open_photo(Path(image), kind=self.takes, given_range=value_range)

    def _answer(self, image: AnyImage, photo: Photo, factor: float, latent: Tensor | None) -> np.ndarray | Image.Image:
        drawn = self.translated(photo, factor, latent).rows(0, photo.height)
        return drawn if isinstance(image, np.ndarray) else as_image(drawn)

    def reverse(self) -> "TranslationModel":
        """The way back: what turns targets into inputs.

        Raises:
            UserError: the model knows one direction alone.
        """
        if not isinstance(self.network, CycleGenerators):
            raise UserError(
                f"{self.folder} translates in one direction alone: a CycleGAN (cyclegan) knows the way back"
            )
        turned = self.config | {"input": asdict(self.gives), "target": asdict(self.takes)}
        return replace(self, network=self.network.back, config=turned)

    def latent(self, seed: int | None) -> Tensor | None:
        return None if seed is None or not self.draws_samples else self.latents(1, seed)[0]

    def latents(self, n: int, seed: int) -> list[Tensor]:
        """`n` random latents, each [1, Z].

        Raises:
            UserError: the model takes none.
        """
        if not self.draws_samples:
            raise UserError(f"{self.folder} has one answer for a photo: several are drawn by a conditional VAE (cvae)")
        return list(latents(n, self._latent_dim, seed, "cvae", "translate").split(1))

    def factor(self, photo: Photo, metres_per_pixel: float | None = None) -> float:
        """How many pixels of the model one pixel of the photo becomes.

        metres_per_pixel: of the photo; None: by its georeference, or 1 where that or the model's scale is not known.

        Raises:
            UserError: a scale is given and the model's is not known, or the photo would get too small or too large.
        """
        if metres_per_pixel is None:
            if photo.metres_per_pixel is None or self.metres_per_pixel is None:
                return 1.0
            metres_per_pixel = photo.metres_per_pixel
        if self.metres_per_pixel is None:
            raise UserError(f"{self.folder} does not know its scale in metres: --fit, or resize the photo yourself")
        factor = metres_per_pixel / self.metres_per_pixel
        if round(min(photo.height, photo.width) * factor) < 1 or factor > 64:
            raise UserError(
                f"{metres_per_pixel:g} metres per pixel would resize the photo {factor:g} times: is it right?"
            )
        return factor

    def translated(self, photo: Photo, factor: float = 1.0, latent: Tensor | None = None) -> Stream:
        """The answer as a stream of values of the photo's size; the model sees the photo resized by `factor`."""
        return mapped(self.levels(photo, factor, latent), self.gives.values)

    def levels(self, photo: Photo, factor: float = 1.0, latent: Tensor | None = None) -> Stream:
        """The answer as of `translated`, in levels 0 to 255 for its whole range, as people look at it."""
        height, width = (max(1, round(length * factor)) for length in (photo.height, photo.width))
        seen = _at_size(photo.stream(), height, width, self.takes)
        drawn = translated(self.network, seen, self.tile, self.device, latent, self.gives.level_type, self.gives.blends)
        return _at_size(drawn, photo.height, photo.width, self.gives)


def _at_size(picture: Stream, height: int, width: int, kind: Kind) -> Stream:
    """The picture at another size; where its levels cannot be mixed, of the nearest pixels."""
    if (height, width) == (picture.height, picture.width) or kind.blends:
        return at_size(picture, height, width)
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in ((height, picture.height), (width, picture.width))
    )

    def chunks() -> Iterator[np.ndarray]:
        count = max(1, min(STRIP, STRIP * height // picture.height))  # few rows of the larger of the two pictures
        for top in range(0, height, count):
            wanted = rows[top : top + count]
            yield picture.rows(wanted[0], wanted[-1] + 1)[wanted - wanted[0]][:, columns]

    return Stream(height, width, chunks())


@dataclass(frozen=True)
class DigitModel:
    """A model that draws digits: any (gan), or the one asked for (cgan)."""

    network: DigitGenerator
    config: dict[str, Any]
    folder: Path
    device: torch.device

    @property
    def classes(self) -> int:
        """How many digits can be asked for; 0: it cannot be asked."""
        return self.network.classes

    def __call__(self, n: int = 64, *, digit: int | None = None, seed: int = 0) -> np.ndarray:
        """`n` digits, uint8 [n, 28, 28], white on black: of this `digit`, or of all in turn.

        Raises:
            UserError: the model cannot be asked for a digit, or not for this one.
        """
        return self._drawn(latents(n, self.network.latent_dim, seed, "digits", "sample"), digit)

    def walk(self, n: int, steps: int, *, digit: int | None = None, seed: int = 0) -> np.ndarray:
        """`n` walks of `steps` digits from one latent to another along a great circle: uint8 [n, steps, 28, 28]."""
        ends = latents(2 * n, self.network.latent_dim, seed, "digits", "walk").numpy()
        path = torch.from_numpy(spherical_path(ends[:n], ends[n:], steps)).float()
        labels = None if digit is None and not self.classes else self._labels(n, digit).repeat_interleave(steps)
        return self._drawn(path.flatten(0, 1), digit, labels).reshape(n, steps, 28, 28)

    def _drawn(self, latent: Tensor, digit: int | None, labels: Tensor | None = None) -> np.ndarray:
        if self.classes or digit is not None:
            labels = self._labels(len(latent), digit) if labels is None else labels
            latent = with_classes(latent, labels, self.classes)
        return draw(self.network, latent.to(self.device)).reshape(-1, 28, 28)

    def _labels(self, count: int, digit: int | None) -> Tensor:
        if digit is None:
            return torch.arange(count) % self.classes
        if not self.classes:
            raise UserError(f"{self.folder} draws any digit: to ask for one, take a class-conditional model (cgan)")
        if not 0 <= digit < self.classes:
            raise UserError(f"digit {digit}: {self.folder} draws 0 to {self.classes - 1}")
        return torch.full((count,), digit)


def load_model(folder: Path, device: str = "auto") -> TranslationModel | DigitModel:
    """The trained model in `folder` (config.json, model.safetensors), on the best device there is or the one named.

    Raises:
        UserError: there is no whole model, or it neither translates nor draws; or there is no such device.
    """
    where = chosen_device(device)
    kind = network_of(folder)
    if kind == "DigitGenerator":
        return DigitModel(*saved.load_network(folder, DigitGenerator, where), folder, where)
    if kind not in TRANSLATORS:
        raise UserError(f"{folder} holds a {kind}, which neither translates pictures nor draws digits")
    network, config = saved.load_network(folder, TRANSLATORS[kind], where)
    for missing in _missing(config):
        raise UserError(f"{folder} does not hold a readable model: config.json {missing}")
    return TranslationModel(network, config, folder, where)


def _missing(config: dict[str, Any]) -> Iterator[str]:
    """What a translator's config.json does not say, or says otherwise than its network."""
    if "eval_size" not in config:
        yield "says no eval_size"
    for side, channels in (("input", "inputs"), ("target", "outputs")):
        if side in config:
            try:
                is_kind = _is_of(Kind(**config[side]), config["arguments"].get(channels, 3))
            except (TypeError, ValueError, KeyError, IndexError, OverflowError):  # a stranger's file
                is_kind = False
            if not is_kind:
                yield f"does not say what kind of pictures the {side} of the network is"


def _is_of(kind: Kind, channels: int) -> bool:
    """Whether pictures of `kind` go into or out of a network of so many channels."""
    if kind.channels != channels or kind.dtype not in ("uint8", "uint16", "float32"):
        return False
    if kind.labels is None:
        return math.isfinite(kind.high - kind.low) and kind.low < kind.high
    values, colours = (np.array([one[key] for one in kind.labels], float) for key in ("value", "colour"))
    return values.ndim == 2 and colours.shape[1] == channels


def network_of(folder: Path) -> str:
    """The kind of network in a model's folder, as its config.json names it.

    Raises:
        UserError: there is none.
    """
    return str(read_config(folder)["network"])
