"""Pictures of any size in bounded memory: as a stream of rows that is read once, from the top."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

STRIP = 256  # rows of a chunk where nothing else decides


class Stream:
    """A picture as chunks of rows, each [rows, width, channels]. Only rows in use are kept."""

    def __init__(self, height: int, width: int, chunks: Iterator[np.ndarray]) -> None:
        self.height, self.width = height, width
        self._chunks = chunks
        self._kept: np.ndarray | None = None
        self._top = 0  # the row of the picture with which `_kept` begins

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """Rows `top` to `bottom`, without the latter. `top` must not fall from one call to the next."""
        pieces = [] if self._kept is None else [self._kept]
        end = self._top + sum(map(len, pieces))
        while end < bottom:
            pieces.append(next(self._chunks))
            end += len(pieces[-1])
        self._kept = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        # A copy where most of a chunk is no longer needed: a view would keep all of it.
        unused = top - self._top
        self._kept = self._kept[unused:].copy() if len(pieces) > 1 else self._kept[unused:]
        self._top = top
        return self._kept[: bottom - top]


def of_array(pixels: np.ndarray) -> Stream:
    """An array [H, W, C] as a stream."""
    return Stream(pixels.shape[0], pixels.shape[1], iter([pixels]))


def strips(picture: Stream, rows: int = STRIP) -> Iterator[np.ndarray]:
    """The picture in chunks of `rows` rows; the last one may have fewer."""
    for top in range(0, picture.height, rows):
        yield picture.rows(top, min(top + rows, picture.height))


def mapped(picture: Stream, change: Callable[[np.ndarray], np.ndarray]) -> Stream:
    """The picture with `change` made to each chunk of its rows."""
    return Stream(picture.height, picture.width, (change(strip) for strip in strips(picture)))


def at_size(picture: Stream, height: int, width: int) -> Stream:
    """The picture, uint8 or float32, at another size, by Pillow's bicubic filter: the values of the whole at once."""
    if (height, width) == (picture.height, picture.width):
        return picture
    scale = picture.height / height
    reach = math.ceil(2 * max(scale, 1.0)) + 1  # rows above and below that the filter looks at

    def chunks() -> Iterator[np.ndarray]:
        count = max(1, min(STRIP, int(STRIP / scale)))  # few rows of the larger of the two pictures
        for top in range(0, height, count):
            bottom = min(top + count, height)
            first = max(0, math.floor(top * scale) - reach)
            last = min(picture.height, math.ceil(bottom * scale) + reach)
            window = picture.rows(first, last)
            box = (0, top * scale - first, picture.width, min(bottom * scale - first, last - first))
            yield np.stack(
                [
                    np.asarray(
                        Image.fromarray(np.ascontiguousarray(window[..., channel])).resize(
                            (width, bottom - top), Image.Resampling.BICUBIC, box=box
                        )
                    )
                    for channel in range(window.shape[2])
                ],
                axis=2,
            )

    return Stream(height, width, chunks())
