"""What the borders of tiles leave in a large photo's translation, beside the same network given the whole at once.

    python benchmarks/seams.py models/pix2pix/best

The photo is made of one test photo and its mirror images, with no border in it but the photo's own, moved so that no
mirror lies where tiles meet. Steps: the mean absolute difference of neighbouring pixels, in levels of 255, across the
lines where tiles begin or end, and across all others.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import ganflow
from ganflow.data import prepared
from ganflow.inference import translation
from ganflow.inference.model import TranslationModel
from ganflow.inference.rows import of_array

CPU = torch.device("cpu")
MOVED = 100  # pixels


def mirrored(photo: np.ndarray, size: int) -> np.ndarray:
    """[size, size, C]: `photo` and its mirror images, beside one another without a step."""
    padding = size + MOVED - len(photo)
    return np.pad(photo, ((0, padding), (0, padding), (0, 0)), mode="symmetric")[MOVED:, MOVED:]


def steps(image: np.ndarray, places: list[int]) -> tuple[float, float]:
    """The mean step across `places` (rows and columns that something begins with), and across all others."""
    at = np.zeros(len(image) - 1, bool)
    at[np.array(places) - 1] = True
    across = [np.abs(np.diff(image.astype(np.float32), axis=axis)).mean((1 - axis, 2)) for axis in (0, 1)]
    there, elsewhere = (float(np.mean([step[where].mean() for step in across])) for where in (at, ~at))
    return there, elsewhere


def lines(size: int, tile: int, step: int) -> list[int]:
    """Where a tile begins or ends, without the picture's own borders."""
    starts = translation._starts(size, tile, step)
    return sorted({at for start in starts for at in (start, start + tile)} - {0, size})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--size", type=int, default=2048, help="of the photo, in pixels")
    asked = parser.parse_args()
    model = ganflow.load(asked.model)
    assert isinstance(model, TranslationModel)
    photo = mirrored(np.array(prepared.pairs("test", model.config["direction"])[0][0]), asked.size)
    tile = model.config["eval_size"]

    blended = translation.translated(model.network, of_array(photo), tile, CPU).rows(0, asked.size)
    (whole,) = translation.translate(model.network, photo[None], 1, CPU)
    places = lines(asked.size, tile, tile - tile // translation.OVERLAP)
    touching = lines(asked.size, tile, tile)
    bands = [
        [translation.translate(model.network, one[None], 1, CPU)[0] for one in np.split(band, touching, axis=1)]
        for band in np.split(photo, touching)
    ]
    apart = np.concatenate([np.concatenate(band, axis=1) for band in bands])
    print(f"{asked.model}, {asked.size} px, tiles of {tile} px")
    print("| | steps where tiles meet | elsewhere |\n|---|---:|---:|")
    for name, image, where in (
        ("tiles, overlapping and blended", blended, places),
        ("the whole at once, on the same lines", whole, places),
        ("tiles that only touch", apart, touching),
    ):
        print("| {} | {:.2f} | {:.2f} |".format(name, *steps(image, where)))
    print(f"blended tiles and the whole: {np.abs(blended.astype(float) - whole).mean():.2f} levels apart")


if __name__ == "__main__":
    main()
