"""Pictures of samples: digits in a grid, a file each, walks between them, several maps of one photo."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ganflow.errors import UserError
from ganflow.files import check_output, whole_file
from ganflow.inference.grids import digit_grid, shown, translation_grid
from ganflow.inference.model import DigitModel, TranslationModel
from ganflow.inference.output import names_folder, writable_format
from ganflow.inference.photos import open_photo

MOST_COLUMNS = 32


@dataclass(frozen=True)
class Wanted:
    """What is to be drawn. `n`: how many, or how many of each row's kind; None: as usual for it."""

    n: int | None
    digit: int | None
    each: bool
    walk: int | None  # steps
    seed: int


@dataclass(frozen=True)
class Drawn:
    """Pictures for files of their own, and all of them in one."""

    pictures: list[Image.Image]
    grid: Image.Image


def checked_target(wanted: Wanted, target: str, photo: str | None) -> Path:
    """The output's path, if it can be written and what is wanted fits together.

    Raises:
        UserError: it cannot, or does not.
    """
    path = Path(target)
    if wanted.each and wanted.digit is not None:
        raise UserError("--each draws every digit, --digit one: leave one of them out")
    if photo and (wanted.each or wanted.walk or wanted.digit is not None):
        raise UserError("--digit, --each and --walk are of digits: leave them or the photo out")
    if _is_folder(path, target):
        check_output(path / "0001.png")
    else:
        check_output(path, *[Path(photo)] if photo and Path(photo).exists() else [])
        writable_format(path, (1, 1))
    return path


def sampled_digits(model: DigitModel, wanted: Wanted) -> Drawn:
    """Digits as `wanted`: a row of `n` for each class, `n` rows of steps of a walk, or `n` in all."""
    if wanted.walk:
        drawn = model.walk(wanted.n or 8, wanted.walk, digit=wanted.digit, seed=wanted.seed)
        tiles, columns = drawn.reshape(-1, 28, 28), wanted.walk
    elif wanted.each:
        columns = wanted.n or 10
        rows = [model(columns, digit=digit, seed=wanted.seed) for digit in range(max(1, model.classes))]
        tiles = np.concatenate(rows)
    else:
        tiles = model(wanted.n or 64, digit=wanted.digit, seed=wanted.seed)
        columns = min(MOST_COLUMNS, max(1, math.isqrt(len(tiles))))
    return Drawn([Image.fromarray(tile) for tile in tiles], digit_grid(tiles, columns))


def sampled_maps(model: TranslationModel, path: Path, wanted: Wanted) -> Drawn:
    """Several answers for one photo, in a row beside it."""
    photo = open_photo(path, kind=model.takes)
    latents = model.latents(wanted.n or 8, wanted.seed)
    answers = [shown(model.levels(photo, latent=latent).rows(0, photo.height)) for latent in latents]
    columns = {"photo": photo.stream().rows(0, photo.height)[None]}
    columns |= {str(number): answer[None] for number, answer in enumerate(answers, 1)}
    return Drawn([Image.fromarray(answer) for answer in answers], translation_grid(columns))


def write_samples(path: Path, drawn: Drawn) -> None:
    """Write the grid to `path`; into a folder, each picture as 0001.png and so on."""
    if _is_folder(path, str(path)):
        named = {path / f"{number:04d}.png": picture for number, picture in enumerate(drawn.pictures, 1)}
    else:
        named = {path: drawn.grid}
    for name, picture in named.items():
        image_format = writable_format(name, picture.size)
        with whole_file(name) as partial:
            picture.save(partial, format=image_format)


def _is_folder(path: Path, target: str) -> bool:
    return names_folder(target) or not path.suffix
