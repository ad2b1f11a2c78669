"""Precision, recall, density and coverage: nearest neighbours of samples in a feature space."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

K_PRECISION = 3  # neighbours, as in Kynkaanniemi et al. 2019
K_DENSITY = 5  # as in Naeem et al. 2020
CHUNK = 1000  # rows of a distance matrix held at a time
LISTED = 32  # neighbours stored of each sample: in a random half, they miss the fifth for one sample in 100,000


@dataclass(frozen=True)
class Neighbours:
    """Samples [N, D] with their `LISTED` nearest other samples, the nearest first (fewer where N is small).

    nearest, squared_distances: [N, L].
    """

    samples: np.ndarray
    nearest: np.ndarray
    squared_distances: np.ndarray

    def squared_radii(self, subset: np.ndarray) -> dict[int, np.ndarray]:
        """By k (3 and 5): squared distances [N] to the k-th nearest of the other samples in `subset`, bool [N]."""
        rank = subset[self.nearest].cumsum(1, dtype=np.int8)
        found = {}
        for k in (K_PRECISION, K_DENSITY):
            column = np.where(rank[:, -1] >= k, (rank >= k).argmax(1), -1)  # the last one stored if too few are in it
            found[k] = np.take_along_axis(self.squared_distances, column[:, None], axis=1)[:, 0]
        return found


def neighbours(samples: np.ndarray) -> Neighbours:
    """Nearest neighbours within features [N, D], N > 5. A sample is not its own neighbour."""
    samples = samples.astype(np.float64)
    search = NearestNeighbors(n_neighbors=min(LISTED, len(samples) - 1), algorithm="brute", metric="sqeuclidean")
    squared_distances, nearest = search.fit(samples).kneighbors()
    return Neighbours(samples, nearest, squared_distances)


def manifold(
    generated: Neighbours, real: Neighbours, subsets: tuple[np.ndarray, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Measures of N generated and M real samples, or of each of R `subsets` of them, bool [R, N] and [R, M]: [R].

    Without `subsets`, of all samples: [1]. The radii are distances to the third or fifth neighbour within the subset.

    precision: share of the generated samples that lie in the ball around any real sample, whose radius is the distance
        to its third nearest real neighbour. Kynkaanniemi et al. 2019 (arXiv:1904.06991), eq. 1-3.
    recall: the same for real samples and balls around generated ones.
    density: mean number of balls of real samples (to the fifth neighbour) that contain a generated one, over 5;
        expected 1 for equal distributions, and not bounded by it. Naeem et al. 2020 (arXiv:2002.09797), eq. 2. A real
        outlier has a huge ball: it raises precision for every generator, and density hardly.
    coverage: share of the real samples whose ball (to the fifth neighbour) holds a generated one, eq. 4.
    """
    if subsets is None:
        subsets = np.ones((1, len(generated.samples)), bool), np.ones((1, len(real.samples)), bool)
    in_generated, in_real = subsets
    radii_generated = np.stack([generated.squared_radii(subset)[K_PRECISION] for subset in in_generated])
    by_subset = [real.squared_radii(subset) for subset in in_real]
    radii_real = {k: np.stack([radii[k] for radii in by_subset]) for k in (K_PRECISION, K_DENSITY)}
    largest_generated, largest_real = radii_generated.max(0), radii_real[K_DENSITY].max(0)

    precise, recalled = np.zeros(in_generated.shape, bool), np.zeros(in_real.shape, bool)
    covered, balls = np.zeros(in_real.shape, bool), np.zeros(len(in_real))
    for start in range(0, len(generated.samples), CHUNK):
        distances = _squared_distances(generated.samples[start : start + CHUNK], real.samples)
        # Only pairs near enough to lie in a ball of any subset: a small share of all pairs.
        near = (distances <= largest_real) | (distances <= largest_generated[start : start + CHUNK, None])
        rows, columns = np.nonzero(near)
        near_distances = distances[rows, columns]
        rows += start
        for subset in range(len(in_real)):
            both = np.flatnonzero(in_generated[subset, rows] & in_real[subset, columns])
            i, j, distance = rows[both], columns[both], near_distances[both]
            precise[subset, i[distance <= radii_real[K_PRECISION][subset, j]]] = True
            recalled[subset, j[distance <= radii_generated[subset, i]]] = True
            within = distance <= radii_real[K_DENSITY][subset, j]
            covered[subset, j[within]] = True
            balls[subset] += within.sum()
    n_generated, n_real = in_generated.sum(1), in_real.sum(1)
    return {
        "precision": precise.sum(1) / n_generated,
        "recall": recalled.sum(1) / n_real,
        "density": balls / (K_DENSITY * n_generated),
        "coverage": covered.sum(1) / n_real,
    }


def coverage(generated: np.ndarray, real: np.ndarray) -> float:
    """Share of the real samples [M, D] whose ball holds one of the generated [N, D], as in `manifold`; 0 where N is 0.

    M > 5. For a class of digits it tells whether the class varies: a thousand copies of one good 3 cover few real ones.
    """
    if not len(generated):
        return 0.0
    known = neighbours(real)
    radii = known.squared_radii(np.ones(len(real), bool))[K_DENSITY]
    search = NearestNeighbors(n_neighbors=1, algorithm="brute", metric="sqeuclidean")
    nearest = search.fit(generated.astype(np.float64)).kneighbors(known.samples)[0][:, 0]
    return float((nearest <= radii).mean())


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)
