"""MNIST's IDX files, read and checked."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from ganflow.errors import UserError

IMAGES, LABELS = 2051, 2049  # the magic numbers


def read_images(path: Path) -> np.ndarray:
    """uint8 [N, 28, 28], 0 = background. Raises UserError, naming the file."""
    header, pixels = _read(path, IMAGES, 16)
    if tuple(header[2:]) != (28, 28) or len(pixels) != header[1] * 28 * 28:
        raise UserError(f"{path}: its header says {header[1:]} but it holds {len(pixels)} pixels")
    return pixels.reshape(-1, 28, 28)


def read_labels(path: Path) -> np.ndarray:
    """uint8 [N], 0..9. Raises UserError, naming the file."""
    header, labels = _read(path, LABELS, 8)
    if len(labels) != header[1] or labels.max(initial=0) > 9:
        raise UserError(f"{path}: not {header[1]} labels from 0 to 9")
    return labels


def read_split(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the split `prefix` (train or t10k). Raises UserError, naming the folder or file."""
    images = read_images(folder / f"{prefix}-images-idx3-ubyte.gz")
    labels = read_labels(folder / f"{prefix}-labels-idx1-ubyte.gz")
    if len(images) != len(labels):
        raise UserError(f"{folder}: {len(images)} {prefix} images but {len(labels)} labels")
    return images, labels


def _read(path: Path, magic: int, header_bytes: int) -> tuple[list[int], np.ndarray]:
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as fault:
        raise UserError(f"{path} cannot be read: {fault}") from None
    if len(content) < header_bytes or int.from_bytes(content[:4], "big") != magic:
        raise UserError(f"{path} is not an IDX file of the expected kind")
    header = np.frombuffer(content[:header_bytes], ">u4").tolist()
    return header, np.frombuffer(content, np.uint8, offset=header_bytes)
