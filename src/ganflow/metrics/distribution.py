"""Measures of a set of generated digits against a set of real ones, through a classifier's eyes.

They follow the formulas of FID and Inception Score with the project's own digit classifier in Inception's place, and
so are comparable only among models seen through the same classifier: never quote one as "FID".
"""

import numpy as np


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance between normal distributions fitted to features a [N, D] and b [M, D]; >= 0, 0 if they agree.

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). Heusel et al. 2017 (arXiv:1706.08500), eq. 6. The trace of the
    root is the sum of the singular values of C_a^(1/2) C_b^(1/2), which stays real for singular covariances.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    cov_a, cov_b = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root_trace = np.linalg.svd(_root(cov_a) @ _root(cov_b), compute_uv=False).sum()
    distance = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * root_trace
    return max(0.0, float(distance))


def classifier_score(probabilities: np.ndarray) -> float:
    """exp(E KL(p(y|x) || p(y))) of class probabilities [N, K]: 1 (says nothing) to K (sure, and all classes alike).

    The Inception Score's formula, Salimans et al. 2016 (arXiv:1606.03498), over one set of all N.
    """
    p = probabilities.astype(np.float64)
    marginal = p.mean(0)
    ratio = np.divide(p, marginal, out=np.ones_like(p), where=p > 0)
    return float(np.exp((p * np.log(ratio)).sum(1).mean()))


def class_histogram(predictions: np.ndarray, classes: int = 10) -> np.ndarray:
    """Share of each class among int predictions [N], float [classes]."""
    return np.bincount(predictions, minlength=classes) / len(predictions)


def divergence_from_uniform(histogram: np.ndarray) -> float:
    """KL(histogram || uniform) in nats: 0 (all classes alike) to log K (one class only, full mode collapse)."""
    present = histogram[histogram > 0]
    return float((present * np.log(present * len(histogram))).sum())


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T
