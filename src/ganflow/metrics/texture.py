"""How far the texture of generated pictures is from the real ones: a measure for photos that a blurred picture fails.

Per pixel, the safest guess between two possible textures is their blurred mean, so MAE and SSIM prefer it.
"""

from collections.abc import Iterator

import numpy as np

from ganflow.metrics.bootstrap import plus_minus, widening

LEVELS, PATCH, PATCHES, DIRECTIONS = 3, 7, 400, 64
MOST_IMAGES, RESAMPLES = 50, 40  # of each set, for the distance of two sets with its interval


def texture_distances(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Sliced Wasserstein distance of the Laplacian pyramids' patches, of each pair of pictures: float64 [N].

    Karras et al. 2018 (arXiv:1710.10196, section 5): 7 x 7 patches of each of three levels (twice as coarse each, the
    last with what is left), projected on random directions and sorted. Theirs compares two sets, this one each picture
    with its own. Differences are divided by the standard deviation of the real patches of their level, so all levels
    weigh the same; 0 for equal pictures. `generated`, `real`: [N, H, W, C], levels 0 to 255, at least 28 px.
    """
    total = np.zeros(len(real))
    for of_generated, of_real, spread in _projections(generated, real):
        total += np.abs(np.sort(of_generated, axis=1) - np.sort(of_real, axis=1)).mean((1, 2)) / spread
    return total / LEVELS


def texture_distance_of_sets(generated: np.ndarray, real: np.ndarray) -> float:
    """The same distance of all patches of one set to all of the other, as in Karras et al. 2018. It needs no pairs.

    `generated`: [N, H, W, C], `real`: [M, H, W, C]. Of the larger set, as many quantiles are taken as the smaller one
    has patches.
    """
    total = 0.0
    for *projected, spread in _projections(generated, real):
        both = [np.sort(values.reshape(-1, DIRECTIONS), axis=0) for values in projected]
        middles = (np.arange(min(map(len, both))) + 0.5) / min(map(len, both))
        of_generated, of_real = (values[(middles * len(values)).astype(int)] for values in both)
        total += float(np.abs(of_generated - of_real).mean() / spread)
    return total / LEVELS


def texture_of_sets(
    generated: np.ndarray, real: np.ndarray, pictures: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[float, float]:
    """The distance of a set of N images to one of M, and half the width of its 95 % interval over pictures.

    `pictures`: the numbers of the pictures, [N] and [M], that the images are tiles of. Tiles of one picture resemble
    each other: the interval comes from resamples of whole pictures, of each set apart, and is nan of a single picture.
    """
    (generated, of_generated), (real, of_real) = (
        (images[chosen], np.unique(numbers[chosen], return_inverse=True)[1])
        for images, numbers in zip((generated, real), pictures, strict=True)
        for chosen in [np.linspace(0, len(images) - 1, min(MOST_IMAGES, len(images))).round().astype(int)]
    )
    rng = np.random.default_rng(seed)

    def resample(of_images: np.ndarray) -> np.ndarray:
        """Indices of the images of as many pictures as there are, drawn with replacement."""
        drawn = rng.integers(0, of_images.max() + 1, of_images.max() + 1)
        return np.concatenate([np.flatnonzero(of_images == picture) for picture in drawn])

    draws = [(resample(of_generated), resample(of_real)) for _ in range(RESAMPLES)]
    resampled = np.array([texture_distance_of_sets(generated[a], real[b]) for a, b in draws])
    fewest = 1 + min(int(of_generated.max()), int(of_real.max()))
    return texture_distance_of_sets(generated, real), plus_minus(resampled) * widening(fewest)


def _projections(generated: np.ndarray, real: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Of each level: both sets' patches on random directions, [N, patches, directions], and the real ones' spread."""
    rng = np.random.default_rng(0)  # the same patches and directions for all that is compared
    directions = rng.normal(size=(PATCH * PATCH * real.shape[-1], DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    for bands in zip(_pyramid(generated), _pyramid(real), strict=True):
        height, width = (length - PATCH + 1 for length in bands[1].shape[1:3])
        places = rng.permutation(height * width)[:PATCHES]
        top, left = np.divmod(places, width)
        of_generated, of_real = (_patches(band, top, left) @ directions for band in bands)
        yield of_generated, of_real, bands[1].std() + 1e-6


def _patches(band: np.ndarray, top: np.ndarray, left: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(band, (PATCH, PATCH), axis=(1, 2))
    chosen = windows[:, top, left]  # [N, patches, C, 7, 7]
    return chosen.reshape(*chosen.shape[:2], -1)


def _pyramid(images: np.ndarray) -> list[np.ndarray]:
    """float32 [N, H / 2^k, W / 2^k, C]: what the next, coarser level lacks; the last is whole."""
    bands, current = [], np.asarray(images, np.float32)
    for _ in range(LEVELS - 1):
        height, width = (length // 2 * 2 for length in current.shape[1:3])
        current = current[:, :height, :width]
        coarse = current.reshape(len(current), height // 2, 2, width // 2, 2, -1).mean((2, 4))
        bands.append(current - coarse.repeat(2, 1).repeat(2, 2))
        current = coarse
    return [*bands, current]
