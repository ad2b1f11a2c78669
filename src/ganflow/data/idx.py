"""IDX files, the format of MNIST and of the sets like it: read and checked."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from ganflow.errors import UserError

IMAGES, LABELS = 2051, 2049  # the magic numbers
MOST = 10**9  # bytes that are read: more than a million images


def read_images(path: Path) -> np.ndarray:
    """uint8 [N, 28, 28], 0 = background. Raises UserError, naming the file."""
    header, pixels = _read(path, IMAGES, 16)
    if tuple(header[2:]) != (28, 28) or len(pixels) != header[1] * 28 * 28:
        raise UserError(f"{path}: its header says {header[1:]} but it holds {len(pixels)} pixels (28 x 28 an image)")
    return pixels.reshape(-1, 28, 28)


def read_labels(path: Path) -> np.ndarray:
    """uint8 [N]. Raises UserError, naming the file."""
    header, labels = _read(path, LABELS, 8)
    if len(labels) != header[1]:
        raise UserError(f"{path}: its header says {header[1]} labels but it holds {len(labels)}")
    return labels


def read_part(images: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and their labels. Raises UserError, naming the files."""
    found, of_each = read_images(images), read_labels(labels)
    if len(found) != len(of_each):
        raise UserError(f"{images.parent}: {len(found)} {images.name} but {len(of_each)} {labels.name}")
    return found, of_each


def _read(path: Path, magic: int, header_bytes: int) -> tuple[list[int], np.ndarray]:
    """The header's numbers and the bytes behind it, of a file that may be compressed."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MOST)  # a small file can unpack to any size: then the header does not fit
    except (OSError, EOFError, zlib.error) as fault:
        raise UserError(f"{path} cannot be read: {fault}") from None
    if len(content) < header_bytes or int.from_bytes(content[:4], "big") != magic:
        raise UserError(f"{path} is not an IDX file of the expected kind")
    header = np.frombuffer(content[:header_bytes], ">u4").tolist()
    return header, np.frombuffer(content, np.uint8, offset=header_bytes)
