"""Whether generated samples lie among the real ones, and cover them: nearest neighbours in a feature space."""

from dataclasses import dataclass

import numpy as np

K_PRECISION = 3  # neighbours, as in Kynkaanniemi et al. 2019
K_DENSITY = 5  # as in Naeem et al. 2020
CHUNK = 1000  # rows of a distance matrix held at a time


@dataclass(frozen=True)
class Manifold:
    """What each sample adds: the measures are the means.

    precision [N]: whether a generated sample lies within the ball of any real one, which reaches to its third nearest
        real neighbour. Kynkaanniemi et al. 2019 (arXiv:1904.06991), eq. 1-3.
    recall [M]: the same for real samples and balls around generated ones.
    density [N]: in how many balls of real samples (to the fifth neighbour) a generated one lies, over 5; expected 1 for
        equal distributions, and not bounded by it. Naeem et al. 2020 (arXiv:2002.09797), eq. 2. A real outlier with
        its huge ball raises precision for everyone, and density hardly.
    coverage [M]: whether the ball of a real sample (to the fifth neighbour) holds a generated one, eq. 4.
    """

    precision: np.ndarray
    recall: np.ndarray
    density: np.ndarray
    coverage: np.ndarray


def manifold(generated: np.ndarray, real: np.ndarray) -> Manifold:
    """Of features [N, D] and [M, D], with N, M > 5. A sample is not its own neighbour."""
    generated, real = generated.astype(np.float64), real.astype(np.float64)
    reach_generated, reach_real = _reach(generated), _reach(real)
    precision, density, recall, nearest = [], [], np.zeros(len(real), bool), np.full(len(real), np.inf)
    for start in range(0, len(generated), CHUNK):
        rows = slice(start, start + CHUNK)
        distances = _squared_distances(generated[rows], real)
        precision.append((distances <= reach_real[K_PRECISION]).any(1))
        density.append((distances <= reach_real[K_DENSITY]).sum(1) / K_DENSITY)
        recall |= (distances <= reach_generated[K_PRECISION][rows, None]).any(0)
        nearest = np.minimum(nearest, distances.min(0))
    return Manifold(
        np.concatenate(precision).astype(np.float64),
        recall.astype(np.float64),
        np.concatenate(density),
        (nearest <= reach_real[K_DENSITY]).astype(np.float64),
    )


def _reach(samples: np.ndarray) -> dict[int, np.ndarray]:
    """Squared distances [N] to the third and the fifth nearest other sample."""
    wanted = (K_PRECISION, K_DENSITY)
    found = []
    for start in range(0, len(samples), CHUNK):
        distances = _squared_distances(samples[start : start + CHUNK], samples)
        distances[np.arange(len(distances)), np.arange(len(distances)) + start] = -1  # itself comes first: the 0th
        found.append(np.partition(distances, wanted, axis=1)[:, wanted])
    return dict(zip(wanted, np.concatenate(found).T, strict=True))


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)
