"""The pairs of a folder as prepared arrays: split, cut into square tiles, in levels of 0 to 255."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from ganflow.data import labels, prepared
from ganflow.data.array_file import allocated
from ganflow.data.map_pairs import split
from ganflow.data.pair_folder import MANIFEST, Pair, PairFolder, list_pairs
from ganflow.data.pair_survey import Side, read_sides, survey
from ganflow.data.trivial_answers import median_colour
from ganflow.errors import UserError, say
from ganflow.files import sha256, whole_dir, write_json

# Of the pairs that are in no test or val part.
TEST_SHARE, MOST_TEST = 0.2, 200
VAL_SHARE, MOST_VAL = 0.1, 100


def prepare_pairs(folder: Path, out: Path, tile: int, find_labels: bool, seed: int, no_data: str = "auto") -> None:
    """Write the pairs of `folder` into `out`: train, val and test.npy, names.json, training.json and test.json.

    An array is [N, tile, tile, channels of A and B together]: uint8, or float32 levels from 0 to 255 if a side has
    more than 8 bits. Pictures are cut into tiles, not resized; smaller ones are mirrored at two edges. A side that has
    no data somewhere, by `no_data` (pairs.no_data) or because it is mirrored, has one more channel, after those of B: 1
    where it has data, else 0. Tiles of which a side has no data at all are left out.

    Raises:
        UserError: a picture cannot be used, or differs from the folder's manifest. `out` is then as it was.
    """
    read = survey(agreed(folder), no_data=no_data)
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
    mirrored = any(min(read.sizes[pair.name]) < tile for pair in read.pairs)
    masks = [mirrored or side.no_data > 0 for side in sides]

    def corners_of(pair: Pair) -> list[tuple[int, int]]:
        size = read.sizes[pair.name]
        if pair.name not in read.with_holes:
            return corners(size, tile)
        return corners_with_data(size, tile, [picture.no_data for picture in read_sides(folder, pair, no_data)])

    def pixels_of(pair: Pair) -> np.ndarray:
        pictures = read_sides(folder, pair, no_data)
        levels = [_levels(picture.filled(side.low), side) for picture, side in zip(pictures, sides, strict=True)]
        return stacked(levels, [picture.no_data for picture in pictures], masks, tile)

    with whole_dir(out) as partial:
        shape = (tile, tile, sum(channels) + sum(masks))
        names = write_tiles(partial, parts, shape, dtype, corners_of, pixels_of)
        write_json(partial / "names.json", {**names, "seed": seed, "sha256": read.digests})
        prepared.describe(
            partial,
            {part: len(found) for part, found in names.items()},
            source="folder",
            name=folder.resolve().name,
            eval_size=tile,
            load_size=tile,
            median=medians(np.load(partial / "train.npy", mmap_mode="r")[:, ::8, ::8], channels, masks),
            sides=[_facts(side) for side in sides],
            **({"masks": masks} if any(masks) else {}),
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
    undivided = len(found["train"])
    for part, share, most in (("test", TEST_SHARE, MOST_TEST), ("val", VAL_SHARE, MOST_VAL)):
        if not found[part] and len(found["train"]) > 1:
            count = min(most, max(1, round(share * undivided)))
            by_name = {pair.name: pair for pair in found["train"]}
            kept, held_out = split(list(by_name), count, seed)
            found["train"], found[part] = ([by_name[name] for name in names] for names in (kept, held_out))
    if not all(found.values()):
        counts = ", ".join(f"{part} {len(held)}" for part, held in found.items())
        raise UserError(f"{len(pairs)} pairs are too few ({counts}): each part needs one at least")
    return found


def distinct(folder: Path, pictures: Sequence[Pair]) -> list[Pair]:
    """`pictures`, of one file each, without copies: of two equal ones, one may be for training and one for testing."""
    first: dict[str, Pair] = {}
    for one in pictures:
        first.setdefault(sha256(folder / one.files[0]), one)
    kept = set(first.values())
    if copies := [str(one.files[0]) for one in pictures if one not in kept]:
        more = ", ..." if len(copies) > 3 else ""
        say(f"{folder}: {len(copies)} copies are passed over ({', '.join(copies[:3])}{more})", file=sys.stderr)
    return [one for one in pictures if one in kept]


def _facts(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "channels": side.stored_channels,
        "dtype": side.dtype,
        "low": side.low,
        "high": side.high,
        "classes": side.classes,
    }


def write_tiles(
    folder: Path,
    parts: dict[str, list[Pair]],
    shape: tuple[int, int, int],  #                              of a tile
    dtype: type,
    corners_of: Callable[[Pair], list[tuple[int, int]]],  #      of its tiles
    pixels_of: Callable[[Pair], np.ndarray],  #                  both sides, at least as high and wide as a tile
) -> dict[str, list[str]]:
    """Write train, val and test.npy, val and test_pictures.npy into `folder`; return the names of the tiles by part.

    Raises:
        UserError: a part has no tile.
    """
    names = {}
    for part, pairs in parts.items():
        places = [(pair, corner) for pair in pairs for corner in corners_of(pair)]
        if not places:
            raise UserError(f"no {part} tile of {shape[0]} px has data in A and in B: take a smaller pairs.tile_size")
        names[part] = [f"{pair.name} at {left},{top}" for pair, (left, top) in places]
        array = allocated(folder / f"{part}.npy", (len(places), *shape), dtype)
        tiles = itertools.groupby(tqdm(places, desc="cutting tiles", unit="tile", disable=None), key=itemgetter(0))
        row = 0
        for pair, of_pair in tiles:
            pixels = pixels_of(pair)
            for _, (left, top) in of_pair:
                array[row] = pixels[top : top + shape[0], left : left + shape[1]]
                row += 1
        array.flush()
        if part != "train":  # which picture each tile is from: noise is over pictures, not over tiles
            numbers = {name: number for number, name in enumerate(dict.fromkeys(pair.name for pair, _ in places))}
            np.save(folder / f"{part}_pictures.npy", np.array([numbers[pair.name] for pair, _ in places], np.int32))
    return names


def stacked(
    levels: Sequence[np.ndarray], no_data: Sequence[np.ndarray | None], masks: Sequence[bool], tile: int
) -> np.ndarray:
    """A and B, [H, W, C] each, and for each side with a mask where it has data, at least `tile` px wide and high."""
    dtype = np.result_type(*levels)
    pixels = padded(np.concatenate([one.astype(dtype) for one in levels], axis=2), tile)
    shape = (*levels[0].shape[:2], 1)
    present = [np.ones(shape, dtype) if hole is None else (~hole[..., None]).astype(dtype) for hole in no_data]
    channels = [padded(one, tile, "constant") for one, has_mask in zip(present, masks, strict=True) if has_mask]
    return np.concatenate([pixels, *channels], axis=2)


def medians(train: np.ndarray, channels: Sequence[int], masks: Sequence[bool]) -> list[list[int]]:
    """The median colour of each side of `train` [N, H, W, C] where it has data."""
    *sides, has_data = np.split(train, np.cumsum(channels), axis=3)
    of_side = iter(np.moveaxis(has_data, 3, 0) > 0)
    return [
        median_colour(side, next(of_side) if has_mask else None).tolist()
        for side, has_mask in zip(sides, masks, strict=True)
    ]


def padded(pixels: np.ndarray, tile: int, mode: Literal["symmetric", "constant"] = "symmetric") -> np.ndarray:
    """A picture [H, W, C] at least `tile` px wide and high, mirrored at the right and at the bottom, or with zeros."""
    below, right = (max(0, tile - length) for length in pixels.shape[:2])
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode=mode)


def cut(pixels: np.ndarray, tile: int) -> Iterator[np.ndarray]:
    """The tiles [tile, tile, C] of a picture [H, W, C], at its `corners`; a smaller one is mirrored at two edges."""
    height, width = pixels.shape[:2]
    pixels = padded(pixels, tile)
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


def corners_with_data(size: tuple[int, int], tile: int, no_data: Sequence[np.ndarray | None]) -> list[tuple[int, int]]:
    """`corners`, less those of tiles that are wholly `no_data` in one of these, bool [H, W]."""
    holes = [hole for hole in no_data if hole is not None]
    return [
        (left, top)
        for left, top in corners(size, tile)
        if not any(hole[top : top + tile, left : left + tile].all() for hole in holes)
    ]
