"""Tasks made from single pictures (`pairs.derive`): the input is the picture with something taken from it.

A trivial baseline is the input itself: bicubic enlargement, grey, the hole, the noise.
"""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ganflow.data import prepared
from ganflow.data.kinds import LUMA, Kind
from ganflow.data.no_data import read_with_no_data
from ganflow.data.pair_folder import Pair, list_pictures
from ganflow.data.pair_tiles import corners_with_data, distinct, medians, split_pairs, stacked, write_tiles
from ganflow.data.pictures import StoredPicture, range_of_set
from ganflow.errors import UserError
from ganflow.files import sha256, whole_dir, write_json

Levels = np.ndarray  # of a picture, float32 [H, W, C], 0 to 255
NOISE = 25.0  # standard deviation in levels, the usual one of papers on denoising
HOLE_AREA = 64**2  # pixels of a picture for each hole
HOLE_SIDES = 12, 33  # pixels, the second excluded
STREAKS, STREAK_LENGTH, STREAK_LEVELS = 0.004, 17, 110.0  # share of pixels where one begins; pixels; brightness


def prepare_derived(folder: Path, out: Path, tile: int, task: str, seed: int, no_data: str = "auto") -> None:
    """Write pairs of derived and original tiles into `out`, as `pair_tiles.prepare_pairs` does.

    task: a key of TASKS. What is random in it depends on the picture's name and `seed`. no_data: pairs.no_data.

    Raises:
        UserError: a picture cannot be used for the task, or differs from the others. `out` is then as it was.
    """
    pictures = distinct(folder, list_pictures(folder))
    kind, sizes, with_holes = _common_kind(folder, pictures, task, no_data)
    source = Kind(INPUTS[task], 1 if task in GREY else kind.channels, kind.dtype, kind.low, kind.high, None)
    channels = [source.channels, kind.channels]
    masks = [False, bool(with_holes) or any(min(size) < tile for size in sizes.values())]

    def corners_of(one: Pair) -> list[tuple[int, int]]:
        holes = [read_with_no_data(folder / one.files[0], no_data).no_data] if one.name in with_holes else []
        return corners_with_data(sizes[one.name], tile, holes)

    def pixels_of(one: Pair) -> np.ndarray:
        picture = read_with_no_data(folder / one.files[0], no_data)
        return stacked(_pair(picture, kind, task, one.name, seed), [None, picture.no_data], masks, tile)

    with whole_dir(out) as partial:
        shape = (tile, tile, sum(channels) + sum(masks))
        names = write_tiles(partial, split_pairs(pictures, seed), shape, kind.level_type.type, corners_of, pixels_of)
        digests = {str(one.files[0]): sha256(folder / one.files[0]) for one in pictures}
        write_json(partial / "names.json", {**names, "seed": seed, "sha256": digests})
        prepared.describe(
            partial,
            {part: len(found) for part, found in names.items()},
            source="folder",
            name=f"{folder.resolve().name}, {task}",
            eval_size=tile,
            load_size=tile,
            median=medians(np.load(partial / "train.npy", mmap_mode="r")[:, ::8, ::8], channels, masks),
            sides=[vars(source), vars(kind)],
            **({"masks": masks} if any(masks) else {}),
        )


def _common_kind(
    folder: Path, pictures: list[Pair], task: str, no_data: str
) -> tuple[Kind, dict[str, tuple[int, int]], set[str]]:
    """What all pictures are; the width and height of each, by name; and the names of those with pixels without data."""
    sizes, extremes, with_holes, stated, whole = {}, [], set(), set(), True
    first_of: dict[tuple[int, str], Path] = {}  # of each kind: channels and type
    for one in tqdm(pictures, desc="reading pictures", unit="picture", disable=None):
        path = folder / one.files[0]
        found = read_with_no_data(path, no_data)
        sizes[one.name] = found.size
        if found.no_data is not None:
            with_holes.add(one.name)
        if found.share_without_data == 1:
            raise UserError(f"{path} has no data in any pixel: take it out of {folder}")
        extremes += [found.present.min(), found.present.max()]
        stated.add(found.stated)
        whole = whole and found.is_whole
        first_of.setdefault((found.channels, found.pixels.dtype.name), path)
        if task in ("colourise", "edges") and found.channels != 3:
            raise UserError(f"{path} has {found.channels} channels: pairs.derive = {task} takes pictures in RGB")
    (channels, dtype), *others = first_of
    # Of one set of integers, those below 0 or above 65535 are read as floats, the others as 16 bits.
    if whole and {(channels, dtype), *others} == {(channels, "uint16"), (channels, "float32")}:
        dtype = "float32"
    elif others:
        (first, path), (other_channels, other_type) = [*first_of.values()][:2], others[0]
        raise UserError(
            f"{path} has {other_channels} channels of {other_type}, and {first.relative_to(folder)} {channels} of "
            f"{dtype}: take one of them out of {folder}"
        )
    low, high = range_of_set(float(min(extremes)), float(max(extremes)), np.dtype(dtype), stated)
    return Kind("picture", channels, dtype, low, high, None), sizes, with_holes


def _pair(picture: StoredPicture, kind: Kind, task: str, name: str, seed: int) -> list[np.ndarray]:
    """Input and target, levels [H, W, C] each."""
    levels = kind.levels(picture.filled(kind.low), kind.low, kind.high)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    made = TASKS[task](levels.astype(np.float32), rng).clip(0, 255)
    return [made.round().astype(np.uint8) if kind.is_eight_bits else made, levels]


def smaller(levels: Levels, factor: int) -> Levels:
    """Reduced by `factor` and enlarged again, both bicubic: what is to be sharpened."""
    height, width = levels.shape[:2]
    small = max(1, width // factor), max(1, height // factor)
    channels = [Image.fromarray(np.ascontiguousarray(levels[..., channel])) for channel in range(levels.shape[2])]
    bicubic = Image.Resampling.BICUBIC
    return np.dstack([np.asarray(one.resize(small, bicubic).resize((width, height), bicubic)) for one in channels])


def grey(levels: Levels) -> Levels:
    """RGB as one channel."""
    return levels @ LUMA[:, None]


def holes(levels: Levels, rng: np.random.Generator) -> Levels:
    """With rectangles of middle grey, about a tenth of the picture."""
    made = levels.copy()
    height, width = levels.shape[:2]
    for _ in range(max(1, height * width // HOLE_AREA)):
        tall, wide = rng.integers(*HOLE_SIDES, 2)
        top, left = rng.integers(0, max(1, height - tall)), rng.integers(0, max(1, width - wide))
        made[top : top + tall, left : left + wide] = 127.5
    return made


def edges(levels: Levels) -> Levels:
    """How steep the grey picture is (Sobel's gradient, Feldman & Sobel 1968), 0 where it is flat."""
    padded = np.pad(grey(levels)[..., 0], 1, mode="edge")
    across = padded[:, 2:] - padded[:, :-2]
    down = padded[2:] - padded[:-2]
    across = across[:-2] + 2 * across[1:-1] + across[2:]
    down = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return (np.hypot(across, down) / 2)[..., None]


def noise(levels: Levels, rng: np.random.Generator) -> Levels:
    """With Gaussian noise on every value."""
    return levels + rng.normal(0, NOISE, levels.shape).astype(np.float32)


def rain(levels: Levels, rng: np.random.Generator) -> Levels:
    """With bright streaks, which all fall in one direction, that of this picture."""
    height, width = levels.shape[:2]
    begun = (rng.random((height + STREAK_LENGTH, width)) < STREAKS).astype(np.float32)
    slant = rng.uniform(-0.5, 0.5)  # columns a row
    streaks = np.zeros((height, width), np.float32)
    for row in range(STREAK_LENGTH):
        shifted = np.roll(begun, round(slant * row), axis=1)
        streaks = np.maximum(streaks, shifted[STREAK_LENGTH - row : STREAK_LENGTH - row + height])
    return levels + STREAK_LEVELS * streaks[..., None]


Task = Callable[[Levels, np.random.Generator], Levels]
TASKS: dict[str, Task] = {
    "superres2": lambda levels, _: smaller(levels, 2),
    "superres4": lambda levels, _: smaller(levels, 4),
    "colourise": lambda levels, _: grey(levels),
    "inpaint": holes,
    "edges": lambda levels, _: edges(levels),
    "denoise": noise,
    "derain": rain,
}
INPUTS = {
    "superres2": "picture of half the size",
    "superres4": "picture of a quarter of the size",
    "colourise": "grey picture",
    "inpaint": "picture with holes",
    "edges": "edges",
    "denoise": "picture with noise",
    "derain": "picture with rain",
}
GREY = ("colourise", "edges")  # whose input has one channel
