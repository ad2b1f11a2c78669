"""Aligned pairs of aerial photo and map: from side-by-side pictures to uint8 arrays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from ganflow.data.array_file import allocated
from ganflow.errors import UserError, one_line

# The published recipe's filter, for training and for testing. It matters: on the first 200 official test maps at 256
# px, one constant colour has a GcGAN RMSE of 28.39 after this filter, 27.78 after Pillow's bilinear one, and 28.98
# after a bilinear one that does not smooth first (torch's; the GcGAN code's, OpenCV's, does not either).
FILTER = Image.Resampling.BICUBIC


def split(names: Sequence[str], held_out: int, seed: int) -> tuple[list[str], list[str]]:
    """Split `names` into training names and `held_out` validation names; the choice depends on `seed` alone.

    Raises:
        UserError: no training name would be left.
    """
    if held_out >= len(names):
        raise UserError(f"maps.val_pairs = {held_out}: there are only {len(names)} pairs to hold them out of")
    order = np.random.default_rng(seed).permutation(len(names))
    held = {int(i) for i in order[:held_out]}
    return [n for i, n in enumerate(names) if i not in held], [names[i] for i in sorted(held)]


def read_pair(path: Path, size: int) -> np.ndarray:
    """uint8 [2, size, size, 3]: aerial photo, then map, from one picture twice as wide as high, aerial left.

    Raises:
        UserError: the file is missing, not an image, not a pair, or less than `size` px high.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except Exception as fault:  # each decoder has its own errors for a damaged file
        raise UserError(f"{path} is not a readable image: {one_line(fault) or type(fault).__name__}") from None
    width, height = picture.size
    if width != 2 * height:
        raise UserError(f"{path} is not a pair: {width}x{height}, where one is twice as wide as high")
    if height < size:
        raise UserError(f"{path} is {height} px high, less than the {size} px asked for")
    halves = [picture.crop((left, 0, left + height, height)) for left in (0, height)]
    return np.stack([np.asarray(half.resize((size, size), FILTER)) for half in halves])


def write_pairs(out: Path, paths: Sequence[Path], size: int, workers: int = 2) -> None:
    """Write uint8 [len(paths), 2, size, size, 3] to the .npy file `out`, memory flat in the number of pairs."""
    array = allocated(out, (len(paths), 2, size, size, 3), np.uint8)

    def fill(index: int) -> None:
        array[index] = read_pair(paths[index], size)

    with ThreadPoolExecutor(workers) as pool:  # Pillow decodes and resizes without the interpreter's lock
        try:
            list(pool.map(fill, range(len(paths))))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    array.flush()
