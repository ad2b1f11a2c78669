"""Translates files and folders of photos: which output belongs to which photo, in which scale, with progress."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor
from tqdm import tqdm

from ganflow.data.kinds import PHOTO, Kind
from ganflow.data.pictures import SUFFIXES
from ganflow.errors import UserError, foreseeable
from ganflow.files import check_output
from ganflow.inference import output
from ganflow.inference.grids import shown
from ganflow.inference.model import TranslationModel
from ganflow.inference.photos import Photo, Range, open_photo
from ganflow.inference.rows import STRIP, Stream, strips
from ganflow.text import printable

LEARNED_FROM = {
    "download": "the published aerial photos and maps",
    "generated": "built-in drawings: it shows that all works, not how well",
    "folder": "pictures of your own",
}


@dataclass(frozen=True)
class Job:
    """A photo and the files that its answers go to: one, or one for each sample."""

    photo: Path
    outputs: tuple[Path, ...]
    samples: bool = False  # the outputs are numbered: each shows a random sample


@dataclass(frozen=True)
class Options:
    """How photos are translated."""

    seed: int = 0  #                          of the samples
    side_by_side: bool = False  #             photo and answer in one picture
    metres_per_pixel: float | None = None  #  of every photo
    fit: bool = False  #                      a photo shows what one training picture shows
    most_pixels: int = 200_000_000  #         of a photo that is read at once
    value_range: Range | None = None  #       of every photo: what is black and what is white


def plan(photos: Sequence[str], target: str, samples: int | None = None, kind: Kind = PHOTO) -> list[Job]:
    """The photos that `photos` name (files, folders, patterns) and where their answers go: a file, or a folder.

    The answers are of `kind`. One in a folder has its photo's name, as TIFF if the photo is one or PNG cannot hold it,
    else as PNG. With `samples`, outputs are numbered: map-1.png, map-2.png.

    Raises:
        UserError: there is no such photo, or an output is the photo itself or cannot be written.
    """
    place = Path(target)
    found = list(_photos(photos, place))
    is_folder = output.names_folder(target)
    single = len(found) == 1 and len(photos) == 1 and Path(photos[0]).is_file()
    if single and not is_folder:
        outputs = [place]
    elif place.suffix.lower() in SUFFIXES and not is_folder:
        raise UserError(f"{target} is one picture, and {len(found)} photos are translated: -o FOLDER")
    else:
        names = [name.with_suffix(output.suffix_for(name, kind)) for _, name in found]
        often = Counter(names)  # a.jpg and a.png: a.jpg.png and a.png.png
        outputs = [
            place / (name if often[name] == 1 else name.with_name(stored.name + name.suffix))
            for name, (_, stored) in zip(names, found, strict=True)
        ]
    sources = [photo for photo, _ in found]
    jobs = []
    for photo, path in zip(sources, outputs, strict=True):
        numbers = range(1, samples + 1) if samples else ()
        paths = tuple(path.with_stem(f"{path.stem}-{number}") for number in numbers) or (path,)
        for numbered in paths:
            check_output(numbered, *sources)
            output.writable_format(numbered, (1, 1), kind)
        jobs.append(Job(photo, paths, samples is not None))
    photo_of: dict[Path, Path] = {}
    for job in jobs:
        for path in job.outputs:
            if path in photo_of:
                both = f"{photo_of[path]} and {job.photo}"
                raise UserError(f"{path} would hold the answers to {both}: give each an output folder of its own")
            photo_of[path] = job.photo
    return jobs


def translate_files(model: TranslationModel, jobs: Sequence[Job], options: Options) -> None:
    """Translate every photo, and say what was assumed. A photo that cannot be translated does not stop the others.

    Raises:
        UserError: at least one photo could not be translated.
    """
    failed, said = 0, set[str]()
    with tqdm(total=len(jobs), unit="photo", disable=None if len(jobs) > 1 else True, leave=False) as bar:
        for job in jobs:
            try:
                for line in _translate(model, job, options):
                    if line not in said:  # what holds for all photos is said once
                        tqdm.write(printable(line))
                    said.add(line)
            except UserError as fault:
                if len(jobs) == 1:
                    raise
                failed += 1
                tqdm.write(f"error: {foreseeable(fault)}", file=sys.stderr)
            bar.update()
    if failed:
        raise UserError(f"{failed} of {len(jobs)} photos were not translated: the lines above say why")


def _translate(model: TranslationModel, job: Job, options: Options) -> Iterator[str]:
    photo = open_photo(job.photo, options.most_pixels, model.takes, options.value_range)
    width, kind = (photo.width * 2, PHOTO) if options.side_by_side else (photo.width, model.gives)
    for path in job.outputs:
        output.writable_format(path, (width, photo.height), kind)
    yield from (f"{job.photo.name}: {note}" for note in photo.notes)
    factor, assumed = scale(model, photo, options)
    yield assumed
    sampled: list[Tensor | None] = [None]  # of a model that draws samples, its one answer: the prior's mean
    if job.samples:
        sampled = list(model.latents(len(job.outputs), options.seed))
    for path, latent in zip(job.outputs, sampled, strict=True):
        if options.side_by_side:
            answer = _with_progress(model.levels(photo, factor, latent), path.name)
            output.write_picture(path, _beside(photo.stream(), answer))
        else:
            answer = _with_progress(model.translated(photo, factor, latent), path.name)
            output.write_picture(path, answer, photo.georeference, kind)
        learned_from = LEARNED_FROM.get(model.config.get("source", ""), "pictures that its config.json does not name")
        yield f"{path}: {answer.width}x{answer.height}, drawn by a model trained on {learned_from}"


def scale(model: TranslationModel, photo: Photo, options: Options) -> tuple[float, str]:
    """How many pixels of the model a pixel of the photo becomes, and a line that says why."""
    own = model.metres_per_pixel
    if options.fit:
        factor = model.tile / min(photo.height, photo.width)
        return factor, f"scale: the shorter side of a photo is taken as {model.tile} px, a whole training picture's"
    factor = model.factor(photo, options.metres_per_pixel)
    if options.metres_per_pixel is not None:
        return factor, f"scale: {options.metres_per_pixel:g} m per pixel as given, {own:.3g} m for the model"
    if photo.metres_per_pixel is not None and own is not None:
        return factor, f"scale: {photo.metres_per_pixel:.3g} m per pixel by the georeference, {own:.3g} m for the model"
    shows = f" ({own:.3g} m)" if own else ""
    return factor, (
        f"scale: assumed that a pixel shows as much as in the model's training pictures{shows}; "
        "--metres-per-pixel X or --fit if not"
    )


def _photos(words: Sequence[str], target: Path) -> Iterator[tuple[Path, Path]]:
    """Each photo with its name below the output folder."""
    seen = set[Path]()
    for word in words:
        path = Path(word)
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES and file.is_file()]
            files = [file for file in files if not _is_hidden(file.relative_to(path))]
            if path.resolve() in target.resolve().parents:  # what an earlier run wrote there is no photo
                files = [file for file in files if target.resolve() not in file.resolve().parents]
            pairs = [(file, file.relative_to(path)) for file in files]
            if not pairs:
                raise UserError(f"there is no picture in {word}: files that end in {', '.join(sorted(SUFFIXES))}")
        elif path.exists() or not set(word) & set("*?["):
            if not path.exists():
                raise UserError(f"there is no file {word}")
            pairs = [(path, Path(path.name))]
        else:
            below = str(path.relative_to(path.anchor))
            matched = [file for file in sorted(Path(path.anchor).glob(below)) if file.is_file()]
            if not _is_hidden(Path(below)):  # as a shell reads it
                matched = [file for file in matched if not _is_hidden(file.relative_to(path.anchor))]
            if not matched:
                raise UserError(f"no file matches {word}")
            pairs = [(file, Path(file.name)) for file in matched]
        for file, name in pairs:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file, name


def _is_hidden(path: Path) -> bool:
    """Whether it lies in something hidden: what other programs keep beside photos, such as ._photo.jpg of macOS."""
    return any(part.startswith(".") and part != ".." for part in path.parts)


def _with_progress(picture: Stream, name: str) -> Stream:
    """The same picture; a bar on a terminal shows how far it is, where that takes more than a moment."""

    def chunks() -> Iterator[np.ndarray]:
        total = picture.height * picture.width / 1e6
        with tqdm(total=total, unit="Mpx", desc=printable(name), delay=2.0, disable=None, leave=False) as bar:
            for strip in strips(picture):
                yield strip
                bar.update(round(strip.shape[0] * strip.shape[1] / 1e6, 3))

    return Stream(picture.height, picture.width, chunks())


def _beside(photo: Stream, answer: Stream) -> Stream:
    """Both in one picture for people, uint8 in RGB."""

    def chunks() -> Iterator[np.ndarray]:
        for top in range(0, photo.height, STRIP):
            bottom = min(top + STRIP, photo.height)
            yield np.concatenate([shown(one.rows(top, bottom)) for one in (photo, answer)], axis=1)

    return Stream(photo.height, 2 * photo.width, chunks())
