"""Small grey pictures in classes, as the digit GANs train on them: MNIST's files, or a folder of your own.

Either IDX files named as MNIST's (`train-images-idx3-ubyte`, also with `.gz`), or pictures in a folder for each class,
with or without folders `train` and `test` around these.
"""

import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ganflow.data import fetch, idx, pictures
from ganflow.data.pair_folder import MANIFEST, SPLITS, check_names, files_below
from ganflow.errors import UserError, say
from ganflow.files import sha256

SIDE = 28  # pixels, of every picture that the networks see
MOST_CLASSES, LEAST_PER_CLASS = 100, 10
TEST_SHARE = 1 / 6  # of a folder that has no test part
LEAST_TESTED = 3  # test pictures of each class: with fewer, a class has no Fréchet distance (metrics.digits)
_IDX = re.compile(r"(?:.*[-_])?(train|t10k|test)[-_](images|labels)[-.]idx[13]-ubyte(?:\.gz)?")
_PART = {word: "train" if part == "train" else "test" for part, words in SPLITS.items() for word in words}


@dataclass(frozen=True)
class Digits:
    """Images uint8 [N, 28, 28] and labels uint8 [N], which count the classes from 0."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    classes: tuple[str, ...]  # their names


@dataclass(frozen=True)
class DigitFiles:
    """The files of a folder: in one of the two layouts."""

    idx: dict[tuple[str, str], Path] = field(default_factory=dict)  #              by part and "images" or "labels"
    pictures: dict[str, dict[str, list[Path]]] = field(default_factory=dict)  #    by part ("" = no parts) and class
    passed_over: list[Path] = field(default_factory=list)  #                       files that are no pictures


def list_digits(folder: Path) -> DigitFiles:
    """The files in `folder`, none of them opened.

    Raises:
        UserError: it is no folder or has neither layout.
    """
    if not folder.is_dir():
        raise UserError(f"mnist.folder = {folder} is not a folder: give the one that holds your pictures")
    files = [path for path in files_below(folder) if path.is_file() and path.name != MANIFEST]
    check_names(path.relative_to(folder) for path in files if _is_picture(path.name))
    found = {path: name for path in files if (name := _IDX.fullmatch(path.name))}
    if found:
        return DigitFiles(idx=_idx_by_part(folder, found))
    by_part: dict[str, dict[str, list[Path]]] = {}
    passed_over = []
    for path in files:
        match path.relative_to(folder).parts:
            case (of_class, name) if _is_picture(name):
                by_part.setdefault("", {}).setdefault(of_class, []).append(path)
            case (part, of_class, name) if _is_picture(name) and part.lower() in _PART:
                by_part.setdefault(_PART[part.lower()], {}).setdefault(of_class, []).append(path)
            case _:
                passed_over.append(path)
    classes = {name for of_part in by_part.values() for name in of_part}
    if set(by_part) not in ({""}, {"train", "test"}) or not 2 <= len(classes) <= MOST_CLASSES:
        raise UserError(
            f"mnist.folder = {folder} holds neither train-images-idx3-ubyte and its like nor a folder of pictures for "
            f"each of 2 to {MOST_CLASSES} classes (or these in train/ and test/)"
        )
    return DigitFiles(pictures=by_part, passed_over=passed_over)


def read_digits(folder: Path, seed: int, as_stored: bool = False) -> Digits:
    """The pictures in `folder` and their classes.

    Pictures of another size are scaled to fit into 28 x 28 px and centred. They come in an order drawn by `seed`, so
    that the first n of a part hold every class, however a file is sorted; those of IDX files `as_stored` in theirs.
    Where there is no test part, a sixth of each class becomes one, but three pictures at least. If a manifest.sha256 is
    there, the files that it lists must be as it says.

    Raises:
        UserError: as list_digits; or a file cannot be used.
    """
    found = list_digits(folder)
    manifest = folder / MANIFEST
    for name, expected in (fetch.read_manifest(manifest) if manifest.exists() else {}).items():
        if not (folder / name).is_file() or sha256(folder / name) != expected:
            raise UserError(
                f"{folder / name} is not the file of the folder's {MANIFEST}: bring that file, or remove it"
            )
    if found.idx:
        digits = _from_idx(found.idx)
        return digits if as_stored else _shuffled(digits, seed)
    if found.passed_over:
        shown = ", ".join(str(path.relative_to(folder)) for path in found.passed_over[:3])
        say(f"{folder}: {len(found.passed_over)} files are passed over ({shown})", file=sys.stderr)
    return _from_pictures(folder, found.pictures, seed)


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in pictures.SUFFIXES


def _idx_by_part(folder: Path, found: dict[Path, re.Match[str]]) -> dict[tuple[str, str], Path]:
    by_part: dict[tuple[str, str], Path] = {}
    for path, name in found.items():
        key = ("train" if name[1] == "train" else "test"), name[2]
        if key in by_part:
            raise UserError(f"{folder} holds two sets: {by_part[key].name} and {path.name}; leave one in it")
        by_part[key] = path
    for key in ((part, kind) for part in ("train", "test") for kind in ("images", "labels")):
        if key not in by_part:
            raise UserError(f"{folder} holds {next(iter(found)).name} but no IDX file of the {' '.join(key)}")
    return by_part


def _from_idx(files: dict[tuple[str, str], Path]) -> Digits:
    train, test = (idx.read_part(files[part, "images"], files[part, "labels"]) for part in ("train", "test"))
    values, counts = np.unique(train[1], return_counts=True)  # of EMNIST's letters 1 to 26
    _check_classes(files["train", "labels"], dict(zip(map(str, values), counts, strict=True)))
    if unknown := set(test[1].tolist()) - set(values.tolist()):
        raise UserError(f"{files['test', 'labels']} has the label {min(unknown)}, which no training image has")
    _check_tested(files["test", "labels"], {str(value): int((test[1] == value).sum()) for value in values})
    parts = [(images, np.searchsorted(values, labels).astype(np.uint8)) for images, labels in (train, test)]
    return Digits(parts[0], parts[1], tuple(map(str, values)))


def _shuffled(digits: Digits, seed: int) -> Digits:
    rng = np.random.default_rng(seed)
    train, test = (
        (images[order], labels[order])
        for images, labels in (digits.train, digits.test)
        for order in [rng.permutation(len(labels))]
    )
    return Digits(train, test, digits.classes)


def _from_pictures(folder: Path, by_part: dict[str, dict[str, list[Path]]], seed: int) -> Digits:
    from sklearn.model_selection import train_test_split

    first = by_part.get("train", by_part.get("", {}))
    classes = sorted(first, key=lambda name: (len(name), name) if name.isdecimal() else (0, name))
    _check_classes(folder, {name: len(paths) for name, paths in first.items()})
    if unknown := by_part.get("test", first).keys() - first.keys():
        raise UserError(f"{folder}: the class {min(unknown)} has test pictures and no training pictures")
    if "test" in by_part:
        _check_tested(folder, {name: len(by_part["test"].get(name, [])) for name in classes})
    arrays = _read_all(by_part, classes, seed)
    if "test" in arrays:
        return Digits(arrays["train"], arrays["test"], tuple(classes))
    images, labels = arrays[""]
    parts = train_test_split(np.arange(len(labels)), test_size=TEST_SHARE, random_state=seed, stratify=labels)
    train, test = (np.asarray(part) for part in parts)
    lacking = (LEAST_TESTED - np.bincount(labels[test], minlength=len(classes))).clip(0)
    more = np.concatenate([train[labels[train] == label][:count] for label, count in enumerate(lacking)])
    train, test = train[~np.isin(train, more)], np.concatenate([more, test])
    return Digits((images[train], labels[train]), (images[test], labels[test]), tuple(classes))


def _read_all(
    by_part: dict[str, dict[str, list[Path]]], classes: list[str], seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels of each part. All pictures of more than 8 bits are seen in one range."""
    in_order: dict[str, list[tuple[Path, int]]] = {}
    for part, by_class in by_part.items():
        paths = [(path, label) for label, name in enumerate(classes) for path in by_class.get(name, [])]
        in_order[part] = [paths[place] for place in np.random.default_rng(seed).permutation(len(paths))]
    with ProcessPoolExecutor() as pool:
        every = [path for paths in in_order.values() for path, _ in paths]
        found = dict(zip(every, pool.map(_small, every, chunksize=64), strict=True))
        if faults := [one for one in found.values() if isinstance(one, str)]:
            more = f" (and {len(faults) - 1} more such files)" if len(faults) > 1 else ""
            raise UserError(f"{min(faults)}{more}: mend or remove it")
        seen = {path: one for path, one in found.items() if isinstance(one, _Seen)}
        if seen:
            dtype = np.result_type(*{one.dtype for one in seen.values()})
            extremes = min(one.smallest for one in seen.values()), max(one.largest for one in seen.values())
            own = pictures.range_of_set(*extremes, dtype, {one.stated for one in seen.values()})
            found |= zip(seen, pool.map(partial(_small, seen_in=own), seen, chunksize=64), strict=True)
    images = {path: one for path, one in found.items() if isinstance(one, np.ndarray)}
    return {
        part: (np.stack([images[path] for path, _ in paths]), np.array([label for _, label in paths], np.uint8))
        for part, paths in in_order.items()
    }


@dataclass(frozen=True)
class _Seen:
    """A picture of more than 8 bits, of which the range is that of the whole folder."""

    dtype: np.dtype[Any]
    smallest: float
    largest: float
    stated: tuple[float, float] | None


def _check_classes(where: Path, counts: dict[str, int]) -> None:
    least = min(counts, key=lambda name: counts[name])
    if not 2 <= len(counts) <= MOST_CLASSES:
        raise UserError(f"{where}: {len(counts)} classes, where 2 to {MOST_CLASSES} are needed")
    if counts[least] < LEAST_PER_CLASS:
        raise UserError(
            f"{where}: the class {least} has {counts[least]} pictures; at least {LEAST_PER_CLASS} are needed"
        )


def _check_tested(where: Path, counts: dict[str, int]) -> None:
    least = min(counts, key=lambda name: counts[name])
    if counts[least] < LEAST_TESTED:
        raise UserError(
            f"{where}: the class {least} has {counts[least]} test pictures; at least {LEAST_TESTED} are needed: bring "
            "more of it, or leave the class out"
        )


def _small(path: Path, seen_in: tuple[float, float] | None = None) -> np.ndarray | _Seen | str:
    """The picture as uint8 [28, 28], the rest of the square in the median of its border; or why it cannot be used.

    Of more than 8 bits, what it holds, until the range is known that it is `seen_in`.
    """
    try:
        picture = pictures.on_white(pictures.read(path))
    except UserError as fault:
        return str(fault)
    if seen_in is None and picture.pixels.dtype != np.uint8:
        extremes = float(picture.present.min()), float(picture.present.max())
        return _Seen(picture.pixels.dtype, *extremes, picture.stated)
    low, high = seen_in or (picture.low, picture.high)
    grey = picture.filled(low).astype(np.float32).mean(2)  # a set that is drawn in colours is read as their brightness
    levels = ((grey - low) * 255 / (high - low)).round().clip(0, 255).astype(np.uint8)
    if levels.shape == (SIDE, SIDE):
        return levels
    image = ImageOps.contain(Image.fromarray(levels), (SIDE, SIDE), Image.Resampling.LANCZOS)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    canvas = Image.new("L", (SIDE, SIDE), int(np.median(border)))
    canvas.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    return np.asarray(canvas)
