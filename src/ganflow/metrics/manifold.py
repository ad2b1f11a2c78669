"""Whether generated samples lie among the real ones, and cover them: nearest neighbours in a feature space."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

K_PRECISION = 3  # neighbours, as in Kynkaanniemi et al. 2019
K_DENSITY = 5  # as in Naeem et al. 2020
CHUNK = 1000  # rows of a distance matrix held at a time
LISTED = 32  # neighbours known of each sample: in half a set, the fifth is among them but for one sample in 100,000


@dataclass(frozen=True)
class Neighbours:
    """Samples [N, D] with their `LISTED` nearest other samples, the nearest first (fewer where N is small).

    nearest, squared_distances: [N, L].
    """

    samples: np.ndarray
    nearest: np.ndarray
    squared_distances: np.ndarray

    def reach(self, kept: np.ndarray) -> dict[int, np.ndarray]:
        """Squared distances [N] to the third and to the fifth nearest of the other samples that are `kept` [N]."""
        rank = kept[self.nearest].cumsum(1, dtype=np.int8)
        found = {}
        for k in (K_PRECISION, K_DENSITY):
            column = np.where(rank[:, -1] >= k, (rank >= k).argmax(1), -1)  # the last one listed if too few are kept
            found[k] = np.take_along_axis(self.squared_distances, column[:, None], axis=1)[:, 0]
        return found


def neighbours(samples: np.ndarray) -> Neighbours:
    """Of features [N, D], N > 5. A sample is not its own neighbour."""
    samples = samples.astype(np.float64)
    search = NearestNeighbors(n_neighbors=min(LISTED, len(samples) - 1), algorithm="brute", metric="sqeuclidean")
    squared_distances, nearest = search.fit(samples).kneighbors()
    return Neighbours(samples, nearest, squared_distances)


def manifold(
    generated: Neighbours, real: Neighbours, kept: tuple[np.ndarray, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Measures of N generated and M real samples; of each of R parts of them, with `kept` bool [R, N] and [R, M]: [R].

    Without `kept`, of all samples: [1]. The balls of a part reach to the third or fifth neighbour within that part.

    precision: share of the generated samples that lie within the ball of any real one, which reaches to its third
        nearest real neighbour. Kynkaanniemi et al. 2019 (arXiv:1904.06991), eq. 1-3.
    recall: the same for real samples and balls around generated ones.
    density: in how many balls of real samples (to the fifth neighbour) a generated one lies, over 5, on average;
        expected 1 for equal distributions, and not bounded by it. Naeem et al. 2020 (arXiv:2002.09797), eq. 2. A real
        outlier with its huge ball raises precision for everyone, and density hardly.
    coverage: share of the real samples whose ball (to the fifth neighbour) holds a generated one, eq. 4.
    """
    if kept is None:
        kept = np.ones((1, len(generated.samples)), bool), np.ones((1, len(real.samples)), bool)
    kept_generated, kept_real = kept
    reach_generated = np.stack([generated.reach(part)[K_PRECISION] for part in kept_generated])
    reaches_real = [real.reach(part) for part in kept_real]
    reach_real = {k: np.stack([reaches[k] for reaches in reaches_real]) for k in (K_PRECISION, K_DENSITY)}
    farthest_generated, farthest_real = reach_generated.max(0), reach_real[K_DENSITY].max(0)

    precise, recalled = np.zeros(kept_generated.shape, bool), np.zeros(kept_real.shape, bool)
    covered, balls = np.zeros(kept_real.shape, bool), np.zeros(len(kept_real))
    for start in range(0, len(generated.samples), CHUNK):
        distances = _squared_distances(generated.samples[start : start + CHUNK], real.samples)
        # Only pairs near enough to lie in a ball of any part: a small share of all of them.
        near = (distances <= farthest_real) | (distances <= farthest_generated[start : start + CHUNK, None])
        ours, theirs = np.nonzero(near)
        distance = distances[ours, theirs]
        ours += start
        for part in range(len(kept_real)):
            both = np.flatnonzero(kept_generated[part, ours] & kept_real[part, theirs])
            i, j, apart = ours[both], theirs[both], distance[both]
            precise[part, i[apart <= reach_real[K_PRECISION][part, j]]] = True
            recalled[part, j[apart <= reach_generated[part, i]]] = True
            within = apart <= reach_real[K_DENSITY][part, j]
            covered[part, j[within]] = True
            balls[part] += within.sum()
    of_generated, of_real = kept_generated.sum(1), kept_real.sum(1)
    return {
        "precision": precise.sum(1) / of_generated,
        "recall": recalled.sum(1) / of_real,
        "density": balls / (K_DENSITY * of_generated),
        "coverage": covered.sum(1) / of_real,
    }


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)
