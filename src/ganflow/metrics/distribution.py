"""Measures of a set of generated digits against a set of real ones, from a classifier's features.

They follow the formulas of FID, KID and Inception Score with the project's own digit classifier in Inception's place,
and so are comparable only among models measured with the same classifier: never quote one as "FID".
"""

import numpy as np

RESAMPLES = 100  # fewer than of images: each costs a covariance, or a pass over all pairs
CHUNK = 1024  # rows of a kernel matrix held at a time


def frechet_distance(a: np.ndarray, b: np.ndarray, weights: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
    """Frechet distance between normal distributions fitted to features a [N, D] and b [M, D]; >= 0, 0 if they agree.

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). Heusel et al. 2017 (arXiv:1706.08500), eq. 6.

    Fewer samples give a larger distance for the same generator: compare at equal N and M only. With `weights` [R, N]
    and [R, M] (bootstrap.multiplicities), of each of R resamples: [R]. Without, of all: [1].
    """
    a, b = _pair(a, b)
    found = []
    for weights_a, weights_b in zip(*_weights(a, b, weights), strict=True):
        (mean_a, spread_a), (mean_b, spread_b) = _moments(a, weights_a), _moments(b, weights_b)
        traces = np.square(spread_a).sum() + np.square(spread_b).sum()
        found.append(np.square(mean_a - mean_b).sum() + traces - 2 * _trace_of_root(spread_a, spread_b))
    return np.array(found).clip(0)


def kernel_distance(a: np.ndarray, b: np.ndarray, weights: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
    """Squared maximum mean discrepancy between features a [N, D] and b [M, D], kernel (x.y / D + 1)^3; unbiased.

    Binkowski et al. 2018 (arXiv:1801.01401), sec. 4, over all pairs instead of random subsets: it is
    deterministic. Its expectation is 0 for equal distributions whatever N and M, so a value may be just below 0.
    `weights` and result as for frechet_distance. Pairs of a sample with itself are left out, also where a resample
    contains that sample several times.
    """
    a, b = _pair(a, b)
    of_a, of_b = _weights(a, b, weights)
    within = [
        (_kernel_sum(x, w, x, w) - w**2 @ _kernel_with_itself(x)) / (w.sum(1) ** 2 - (w**2).sum(1))
        for x, w in ((a, of_a), (b, of_b))
    ]
    return within[0] + within[1] - 2 * _kernel_sum(a, of_a, b, of_b) / (of_a.sum(1) * of_b.sum(1))


def classifier_score(probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """exp(E KL(p(y|x) || p(y))) of probabilities [N, K]: from 1 (all alike) to K (confident and balanced).

    The Inception Score's formula, Salimans et al. 2016 (arXiv:1606.03498), over one set of all N. With `weights`
    [R, N], of each of R resamples: [R]; without: [1].
    """
    p = probabilities.astype(np.float64)
    if weights is None:
        weights = np.ones((1, len(p)))
    shares = weights.astype(np.float64) / weights.sum(1, keepdims=True)
    return np.exp(shares @ _negative_entropy(p) - _negative_entropy(shares @ p))


def class_histogram(predictions: np.ndarray, weights: np.ndarray | None = None, classes: int = 10) -> np.ndarray:
    """Share of each class among int predictions [N] in 0..classes - 1: float [R, classes], as for classifier_score."""
    is_class = predictions[:, None] == np.arange(classes)
    if weights is None:
        weights = np.ones((1, len(predictions)))
    return weights.astype(np.float64) @ is_class / weights.sum(1, keepdims=True)


def divergence_from_uniform(histogram: np.ndarray) -> np.ndarray:
    """KL(histogram || uniform) in nats, of [..., K]: from 0 (balanced) to log K (one class only, mode collapse)."""
    return _negative_entropy(histogram) + np.log(histogram.shape[-1])


def _negative_entropy(p: np.ndarray) -> np.ndarray:
    return (p * np.log(np.where(p > 0, p, 1))).sum(-1)


def _pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 [N, D], after checking that there is something to compare."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"expected [N, D] and [M, D] with N, M >= 2, got {a.shape} and {b.shape}")
    return a.astype(np.float64), b.astype(np.float64)


def _weights(
    a: np.ndarray, b: np.ndarray, weights: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    if weights is None:
        return np.ones((1, len(a))), np.ones((1, len(b)))
    return weights[0].astype(np.float64), weights[1].astype(np.float64)


def _moments(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D] of samples that count `weights` times, and S [N, D] with S^T S their covariance."""
    total = weights.sum()
    mean = weights @ x / total
    return mean, (x - mean) * np.sqrt(weights / (total - 1))[:, None]


def _trace_of_root(s_a: np.ndarray, s_b: np.ndarray) -> float:
    """tr (C_a C_b)^(1/2) for C = S^T S, in whichever form is smaller; both stay real for singular covariances."""
    if min(len(s_a), len(s_b)) < s_a.shape[1]:  # the singular values of S_a S_b^T
        return float(np.linalg.svd(s_a @ s_b.T, compute_uv=False).sum())
    values, vectors = np.linalg.eigh(s_a.T @ s_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return float(np.sqrt(np.linalg.eigvalsh(root @ (s_b.T @ s_b) @ root).clip(0)).sum())


def _kernel_sum(a: np.ndarray, weights_a: np.ndarray, b: np.ndarray, weights_b: np.ndarray) -> np.ndarray:
    """Weighted sums [R] of the kernel over all pairs, a block at a time: all of 10,000 x 10,000 would be 800 MB."""
    total = np.zeros(len(weights_a))
    for i in range(0, len(a), CHUNK):
        kernel = _cube(a[i : i + CHUNK] @ b.T / a.shape[1] + 1)
        total += (weights_a[:, i : i + CHUNK] * (weights_b @ kernel.T)).sum(1)
    return total


def _kernel_with_itself(a: np.ndarray) -> np.ndarray:
    """Kernel of each row with itself, [N]: the diagonal that the unbiased estimate leaves out."""
    return _cube(np.square(a).sum(1) / a.shape[1] + 1)


def _cube(x: np.ndarray) -> np.ndarray:
    return x * x * x  # a power goes through pow(), ten times slower
