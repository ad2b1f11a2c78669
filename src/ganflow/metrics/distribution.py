"""Measures of a set of generated digits against a set of real ones, through a classifier's eyes.

They follow the formulas of FID, KID and Inception Score with the project's own digit classifier in Inception's place,
and so are comparable only among models seen through the same classifier: never quote one as "FID".
"""

import numpy as np

CHUNK = 1024  # rows of a kernel matrix held at a time


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance between normal distributions fitted to features a [N, D] and b [M, D]; >= 0, 0 if they agree.

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). Heusel et al. 2017 (arXiv:1706.08500), eq. 6. The trace of the
    root is the sum of the singular values of C_a^(1/2) C_b^(1/2), which stays real for singular covariances.

    Fewer samples give a larger distance for the same generator: compare at equal N and M only.
    """
    a, b = _pair(a, b)
    cov_a, cov_b = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root_trace = np.linalg.svd(_root(cov_a) @ _root(cov_b), compute_uv=False).sum()
    distance = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * root_trace
    return max(0.0, float(distance))


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy between features a [N, D] and b [M, D], kernel (x.y / D + 1)^3; unbiased.

    Binkowski et al. 2018 (arXiv:1801.01401), sec. 4, over all pairs instead of random subsets: no draw, the same
    answer each time. Its expectation is 0 for equal distributions whatever N and M, so a value may be just below 0.
    """
    a, b = _pair(a, b)
    within_a = (_kernel_sum(a, a) - _kernel_of_itself(a)) / (len(a) * (len(a) - 1))
    within_b = (_kernel_sum(b, b) - _kernel_of_itself(b)) / (len(b) * (len(b) - 1))
    return within_a + within_b - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def classifier_score(probabilities: np.ndarray) -> float:
    """exp(E KL(p(y|x) || p(y))) of class probabilities [N, K]: 1 (says nothing) to K (sure, and all classes alike).

    The Inception Score's formula, Salimans et al. 2016 (arXiv:1606.03498), over one set of all N.
    """
    p = probabilities.astype(np.float64)
    marginal = p.mean(0)
    ratio = np.divide(p, marginal, out=np.ones_like(p), where=p > 0)
    return float(np.exp((p * np.log(ratio)).sum(1).mean()))


def class_histogram(predictions: np.ndarray, classes: int = 10) -> np.ndarray:
    """Share of each class among int predictions [N] in 0..classes - 1, float [classes]."""
    return np.bincount(predictions, minlength=classes) / len(predictions)


def divergence_from_uniform(histogram: np.ndarray) -> float:
    """KL(histogram || uniform) in nats: 0 (all classes alike) to log K (one class only, full mode collapse)."""
    present = histogram[histogram > 0]
    return float((present * np.log(present * len(histogram))).sum())


def _pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 [N, D], after checking that there is something to compare."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"expected [N, D] and [M, D] with N, M >= 2, got {a.shape} and {b.shape}")
    return a.astype(np.float64), b.astype(np.float64)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of the kernel over all pairs of rows, a block at a time: a full 10,000 x 10,000 matrix would be 800 MB."""
    width = a.shape[1]
    return float(sum(_cube(a[i : i + CHUNK] @ b.T / width + 1).sum() for i in range(0, len(a), CHUNK)))


def _kernel_of_itself(a: np.ndarray) -> float:
    """Sum of the kernel of each row with itself, the diagonal that the unbiased estimate leaves out."""
    return float(_cube(np.square(a).sum(1) / a.shape[1] + 1).sum())


def _cube(x: np.ndarray) -> np.ndarray:
    return x * x * x  # a power goes through pow(), ten times slower
