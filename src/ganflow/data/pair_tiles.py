"""The pairs of a folder as prepared arrays: split, cut into square tiles, in levels of 0 to 255."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ganflow.data import labels, prepared
from ganflow.data.pair_folder import MANIFEST, Pair, PairFolder, list_pairs
from ganflow.data.pair_survey import Side, Survey, read_sides, survey
from ganflow.data.pairs import allocated, median_colour, split
from ganflow.errors import UserError, say
from ganflow.files import sha256, whole_dir, write_json

TEST_SHARE, MOST_TEST = 0.2, 200  # of the pairs of a folder that has no test part
VAL_SHARE, MOST_VAL = 0.1, 100  #   of the pairs of a folder that has no val part


def prepare_pairs(folder: Path, out: Path, tile: int, find_labels: bool, seed: int) -> None:
    """Write the pairs of `folder` into `out`: train, val and test.npy, names.json, training.json and test.json.

    An array is [N, tile, tile, channels of A and B together]: uint8, or float32 levels from 0 to 255 if a side has
    more than 8 bits. Pictures are cut into tiles, not resized; smaller ones are mirrored at two edges.

    Raises:
        UserError: a picture cannot be used, or differs from the folder's manifest. `out` is then as it was.
    """
    read = survey(agreed(folder))
    if read.problems:
        path, reason = next(iter(read.problems.items()))
        more = f", and {len(read.problems) - 1} more" if len(read.problems) > 1 else ""
        raise UserError(
            f"{folder / path} {reason}{more}: `ganflow pairs check {folder}` names each, and writes a manifest of the "
            "pairs that can be used"
        )
    sides = read.sides if find_labels else tuple(replace(side, classes=None) for side in read.sides)
    parts = split_pairs(read.pairs, seed)
    dtype = np.uint8 if all(side.dtype == "uint8" or side.classes for side in sides) else np.float32
    channels = [side.stored_channels for side in sides]
    with whole_dir(out) as partial:
        names: dict[str, list[str]] = {}
        for part, pairs in parts.items():
            places = [(pair, corner) for pair in pairs for corner in corners(read.sizes[pair.name], tile)]
            names[part] = [f"{pair.name} at {left},{top}" for pair, (left, top) in places]
            array = allocated(partial / f"{part}.npy", (len(places), tile, tile, sum(channels)), dtype)
            for row, cut in enumerate(_tiles(folder, pairs, read, sides, tile)):
                array[row] = cut
            array.flush()
            if part == "test":  # which picture each tile is from: noise is over pictures, not over tiles
                numbers = {pair.name: number for number, pair in enumerate(pairs)}
                np.save(partial / "test_pictures.npy", np.array([numbers[pair.name] for pair, _ in places], np.int32))
        write_json(partial / "names.json", {**names, "seed": seed, "sha256": read.digests})
        train = np.load(partial / "train.npy", mmap_mode="r")[:, ::8, ::8]
        prepared.describe(
            partial,
            {part: len(found) for part, found in names.items()},
            source="folder",
            name=folder.resolve().name,
            eval_size=tile,
            load_size=tile,
            median=[median_colour(side).tolist() for side in np.split(train, [channels[0]], axis=3)],
            sides=[_facts(side) for side in sides],
        )


def agreed(folder: Path) -> PairFolder:
    """The pairs in `folder`: those of its manifest, if it has one, each file as the manifest says.

    Raises:
        UserError: a file is missing or not the one that the manifest names.
    """
    found = list_pairs(folder)
    manifest = read_manifest_of(folder)
    if manifest is None:
        return found
    for name, expected in manifest.items():
        path = folder / name
        if not path.is_file():
            raise UserError(
                f"{path} is in the folder's {MANIFEST} but missing: `ganflow pairs check {folder}` writes it anew"
            )
        if sha256(path) != expected:
            raise UserError(
                f"{path} is not the file of the folder's {MANIFEST}: `ganflow pairs check {folder}` writes it anew"
            )
    listed = [pair for pair in found.pairs if all(str(file) in manifest for file in pair.files)]
    if others := len(found.pairs) - len(listed):
        left_out = f"{others} pairs of {folder} are not in its {MANIFEST} and are left out"
        say(f"{left_out}: `ganflow pairs check {folder}` writes it anew", file=sys.stderr)
    found.pairs[:] = listed
    found.problems.clear()
    return found


def read_manifest_of(folder: Path) -> dict[str, str] | None:
    """sha256 by file of `folder`'s manifest; None if it has none."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines if line)}
    except ValueError:
        raise UserError(
            f"{path} is not a list of `sha256  file`: `ganflow pairs check {folder}` writes it anew"
        ) from None


def split_pairs(pairs: Sequence[Pair], seed: int) -> dict[str, list[Pair]]:
    """train, val and test: as the folder has them; what it lacks is held out of the rest by a seeded permutation.

    A folder with train and val alone has its val as test, like the published sets of Pix2Pix.

    Raises:
        UserError: there are too few pairs, or no training pairs.
    """
    found = {part: [pair for pair in pairs if (pair.part or "train") == part] for part in ("train", "val", "test")}
    if not found["test"]:
        found["val"], found["test"] = [], found["val"]
    for part, share, most in (("test", TEST_SHARE, MOST_TEST), ("val", VAL_SHARE, MOST_VAL)):
        if not found[part] and len(found["train"]) > 1:
            count = min(most, max(1, round(share * len(pairs))))
            by_name = {pair.name: pair for pair in found["train"]}
            kept, held_out = split(list(by_name), count, seed)
            found["train"], found[part] = ([by_name[name] for name in names] for names in (kept, held_out))
    if not all(found.values()):
        counts = ", ".join(f"{part} {len(held)}" for part, held in found.items())
        raise UserError(f"{len(pairs)} pairs are too few ({counts}): each part needs one at least")
    return found


def _facts(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "channels": side.stored_channels,
        "dtype": side.dtype,
        "low": side.low,
        "high": side.high,
        "classes": side.classes,
    }


def _tiles(folder: Path, pairs: Sequence[Pair], read: Survey, sides: Sequence[Side], tile: int) -> Iterator[np.ndarray]:
    for pair in tqdm(pairs, desc="cutting tiles", unit="pair", disable=None):
        both = [_levels(picture.pixels, side) for picture, side in zip(read_sides(folder, pair), sides, strict=True)]
        pixels = np.concatenate([one.astype(np.result_type(*both)) for one in both], axis=2)
        yield from cut(pixels, tile)


def cut(pixels: np.ndarray, tile: int) -> Iterator[np.ndarray]:
    """The tiles [tile, tile, C] of a picture [H, W, C], at its `corners`; a smaller one is mirrored at two edges."""
    height, width = pixels.shape[:2]
    below, right = max(0, tile - height), max(0, tile - width)
    pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
    for left, top in corners((width, height), tile):
        yield pixels[top : top + tile, left : left + tile]


def _levels(pixels: np.ndarray, side: Side) -> np.ndarray:
    """Values of a picture as they are prepared: colours of classes, or levels 0 to 255 of the side's range."""
    if side.classes:
        return labels.encode(pixels, side.classes)
    if pixels.shape[2] != side.channels:  # grey among colours
        pixels = np.repeat(pixels, side.channels, axis=2)
    if side.dtype == "uint8":
        return pixels
    return ((pixels.astype(np.float32) - np.float32(side.low)) * np.float32(255 / (side.high - side.low))).clip(0, 255)


def corners(size: tuple[int, int], tile: int) -> list[tuple[int, int]]:
    """Left and top of the tiles that cover a picture; the last ones end with it and overlap their neighbours."""
    across, down = ([*range(0, max(0, length - tile), tile), max(0, length - tile)] for length in size)
    return [(left, top) for top in down for left in across]
