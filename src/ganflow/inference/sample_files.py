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
from ganflow.inference.output import names_folder, not_shown, writable_format
from ganflow.inference.photos import open_photo
from ganflow.inference.translate_files import Options, scale

MOST_COLUMNS = 32
MAPS = 8  # of a photo, unless it is said how many


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
    notes: tuple[str, ...] = ()  # what was assumed, and what the pictures do not show


def check_target(wanted: Wanted, target: str, photo: str | None) -> None:
    """Refuse an output that cannot be written or is the photo itself, and wishes that do not fit together.

    Raises:
        UserError: saying which.
    """
    path = Path(target)
    if wanted.each and wanted.digit is not None:
        raise UserError("--each draws every digit, --digit one: leave one of them out")
    if wanted.each and wanted.walk:
        raise UserError("--walk goes from any digit to any other: leave it or --each out")
    if photo and (wanted.each or wanted.walk or wanted.digit is not None):
        raise UserError("--digit, --each and --walk are of digits: leave them or the photo out")
    sources = [Path(photo)] if photo and Path(photo).exists() else []
    if _is_folder(target):
        for number in range(1, (wanted.n or MAPS) + 1 if sources else 2):  # any of them may be the photo
            check_output(_numbered(path, number), *sources)
    else:
        check_output(path, *sources)
        writable_format(path, (1, 1))


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
    """Several answers for one photo, in a row beside it; at the scale that its georeference says, if it has one."""
    photo = open_photo(path, kind=model.takes)
    factor, assumed = scale(model, photo, Options())
    latents = model.latents(wanted.n or MAPS, wanted.seed)
    answers = [shown(model.levels(photo, factor, latent).rows(0, photo.height)) for latent in latents]
    columns = {"photo": photo.stream().rows(0, photo.height)[None]}
    columns |= {str(number): answer[None] for number, answer in enumerate(answers, 1)}
    notes = *photo.notes, assumed.replace("; --", "; `ganflow translate --samples` takes --"), *not_shown(model.gives)
    return Drawn([Image.fromarray(answer) for answer in answers], translation_grid(columns), notes)


def write_samples(target: str, drawn: Drawn) -> None:
    """Write the grid to `target`; into a folder, each picture as 0001.png and so on."""
    path = Path(target)
    if _is_folder(target):
        named = {_numbered(path, number): picture for number, picture in enumerate(drawn.pictures, 1)}
    else:
        named = {path: drawn.grid}
    for name, picture in named.items():
        image_format = writable_format(name, picture.size)
        with whole_file(name) as partial:
            picture.save(partial, format=image_format)


def _numbered(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.png"


def _is_folder(target: str) -> bool:
    return names_folder(target) or not Path(target).suffix
