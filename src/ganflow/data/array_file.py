"""A .npy file that is filled in place: memory stays flat, a full disk is an error at once."""

import os
from pathlib import Path

import numpy as np


def allocated(out: Path, shape: tuple[int, ...], dtype: type) -> np.memmap:
    """A new .npy file as an array in memory, to be filled. Its place on the disk is taken at once."""
    array = np.lib.format.open_memmap(out, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        # A disk that fills up under a memory map ends the process with a bus error: here it is an OSError.
        with out.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, out.stat().st_size)
    return array
