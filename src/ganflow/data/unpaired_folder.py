"""A folder of pictures of two kinds that do not belong together: any number of each, of any sizes.

They are prepared in the format of pairs, so that everything behind works with both: row i holds the i-th tile of A
beside the i-th of B, the side with fewer tiles from its beginning again. That they share a row means nothing:
training draws the two sides apart (data.unpaired), and whatever looks at a side as a set gets it without the
repeated rows (prepared.pairs).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ganflow.data import prepared
from ganflow.data.array_file import allocated
from ganflow.data.pair_folder import Pair, PairFolder, sides_of
from ganflow.data.pair_tiles import corners, cut, distinct, split_pairs
from ganflow.data.pictures import on_white, read
from ganflow.data.trivial_answers import median_colour
from ganflow.errors import UserError
from ganflow.files import whole_dir, write_json

CHANNELS = 3  # of each side: grey pictures are read as colours
MATCHED = 0.5  # share of the smaller side's pictures that have a partner, below which a folder has no pairs


@dataclass(frozen=True)
class UnpairedFolder:
    """The pictures of A and of B, each a `Pair` of one file."""

    folder: Path
    names: tuple[str, str]
    sides: tuple[list[Pair], list[Pair]]


def list_unpaired(folder: Path) -> UnpairedFolder:
    """The pictures of both sides: two folders (A and B, trainA and trainB with testA and testB, ...).

    Raises:
        UserError: it is no folder, holds no pictures, or not two folders of them.
    """
    by_side, _ = sides_of(folder)
    if len(by_side) != 2:
        raise UserError(
            f"{folder} holds pictures in {len(by_side)} places: without pairs it takes two folders, A and B"
        )
    a, b = sorted(by_side)
    sides = ([Pair(str(path), part, (path,)) for part, _, path in by_side[side]] for side in (a, b))
    return UnpairedFolder(folder, (a or folder.name, b), (next(sides), next(sides)))


def without_copies(found: UnpairedFolder) -> UnpairedFolder:
    """`found`, each picture of a side once."""
    a, b = (distinct(found.folder, side) for side in found.sides)
    return replace(found, sides=(a, b))


def has_no_pairs(found: PairFolder) -> bool:
    """Whether the two sides of a folder seem not to belong together: few of their files have partners."""
    if not found.layout.startswith("two folders"):
        return False
    return len(found.pairs) < MATCHED * min(len(side) for side in list_unpaired(found.folder).sides)


def sizes_of(found: UnpairedFolder) -> dict[str, tuple[int, int]]:
    """Width and height of every picture, by its name.

    Raises:
        UserError: one cannot be read, or is not of 8 bits, grey or RGB.
    """
    pictures = [one for side in found.sides for one in side]
    sizes = {}
    for one in tqdm(pictures, desc="reading pictures", unit="picture", disable=None):
        height, width, _ = _colours(found.folder, one).shape
        sizes[one.name] = (width, height)
    return sizes


def prepare_unpaired(folder: Path, out: Path, tile: int, seed: int) -> None:
    """Write the pictures of `folder` into `out`, as `pair_tiles.prepare_pairs` writes pairs: uint8 [N, tile, tile, 6].

    Each side is split on its own: as its subfolders have it, or by `seed`.

    Raises:
        UserError: a picture cannot be used, or there are too few. `out` is then as it was.
    """
    found = without_copies(list_unpaired(folder))
    sizes, parts = sizes_of(found), [split_pairs(side, seed) for side in found.sides]
    with whole_dir(out) as partial:
        names: dict[str, list[list[str]]] = {}
        tiles: dict[str, tuple[int, int]] = {}
        for part in ("train", "val", "test"):
            both = [side[part] for side in parts]
            pictures = [
                np.repeat(np.arange(len(side)), [len(corners(sizes[one.name], tile)) for one in side]) for side in both
            ]
            tiles[part] = count_a, count_b = len(pictures[0]), len(pictures[1])
            array = allocated(partial / f"{part}.npy", (max(count_a, count_b), tile, tile, 2 * CHANNELS), np.uint8)
            for place, (side, numbers) in enumerate(zip(both, pictures, strict=True)):
                own = array[..., place * CHANNELS : (place + 1) * CHANNELS]
                cut_tiles = (one for picture in side for one in cut(_colours(folder, picture), tile))
                progress = tqdm(cut_tiles, desc="cutting tiles", total=len(numbers), disable=None)
                for row, pixels in enumerate(progress):
                    own[row :: len(numbers)] = pixels  # from the beginning again
                np.save(partial / f"{part}_pictures_{'ab'[place]}.npy", numbers.astype(np.int32))
            array.flush()
            names[part] = [[picture.name for picture in side] for side in both]
        write_json(partial / "names.json", {**names, "seed": seed})
        train = np.load(partial / "train.npy", mmap_mode="r")[:, ::8, ::8]
        facts = {"channels": CHANNELS, "dtype": "uint8", "low": 0.0, "high": 255.0, "classes": None}
        prepared.describe(
            partial,
            {part: max(counts) for part, counts in tiles.items()},
            tiles,
            source="folder",
            name=folder.resolve().name,
            unpaired=True,
            eval_size=tile,
            load_size=tile,
            median=[
                median_colour(side[:count]).tolist()
                for side, count in zip(np.split(train, 2, axis=3), tiles["train"], strict=True)
            ],
            sides=[{"name": name, **facts} for name in found.names],
        )


def _colours(folder: Path, picture: Pair) -> np.ndarray:
    """A picture as uint8 [H, W, 3]."""
    path = folder / picture.files[0]
    pixels = on_white(read(path)).pixels
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, CHANNELS):
        found = f"{pixels.shape[2]} channels of {pixels.dtype}"
        raise UserError(f"{path} has {found}: without pairs, pictures are grey or RGB of 8 bits")
    return np.repeat(pixels, CHANNELS // pixels.shape[2], axis=2)
