"""Mixtures of Gaussians: points (M, D) in, the likeliest mixture out, by expectation and maximisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

Array: TypeAlias = "np.ndarray[Any, Any]"

ROUNDS, TOLERANCE = 100, 1e-3  # of a fit: at most so many, and until the mean log-likelihood gains less
RIDGE = 1e-6  # added to the diagonal of every covariance


@dataclass(frozen=True)
class Mixture:
    """K Gaussians: ``weights`` (K,), ``means`` (K, D), ``covariances`` (K, D, D)."""

    weights: Array
    means: Array
    covariances: Array

    def log_densities(self, points: Array) -> Array:
        """log(weight density) of points (M, D) under every Gaussian: (M, K)."""
        scales = np.linalg.cholesky(self.covariances)  # (K, D, D)
        away = np.moveaxis(points[:, None] - self.means, 0, -1)  # (K, D, M)
        squares = np.square(np.linalg.solve(scales, away)).sum(1).T  # (M, K)
        spread = np.log(np.diagonal(scales, axis1=1, axis2=2)).sum(1)
        logs: Array = np.log(self.weights) - spread - 0.5 * (points.shape[1] * math.log(2 * math.pi) + squares)
        return logs

    def log_likelihood(self, points: Array) -> float:
        """Of all points together."""
        return float(np.logaddexp.reduce(self.log_densities(points), axis=1).sum())

    def aic(self, points: Array) -> float:
        """Akaike's criterion, of which less is better: twice the free numbers, less twice the log-likelihood."""
        k, d = self.means.shape
        free: int = k - 1 + k * d + k * d * (d + 1) // 2
        return 2 * free - 2 * self.log_likelihood(points)


def best_mixture(points: Array, counts: Iterable[int], draw: np.random.Generator) -> Mixture:
    """Of the fits with so many Gaussians, the one that Akaike's criterion likes best."""
    return min((fit(points, count, draw) for count in counts), key=lambda mixture: mixture.aic(points))


def fit(points: Array, count: int, draw: np.random.Generator) -> Mixture:
    """The mixture of ``count`` Gaussians that points (M, D) make likely, M >= count.

    It begins at points that are drawn far from one another (k-means++), each point belonging to the nearest.
    """
    nearest = ((points[:, None] - _far_apart(points, count, draw)) ** 2).sum(2).argmin(1)
    belongs = np.eye(count)[nearest]  # (M, K)
    mixture, before = _likeliest(points, belongs), -math.inf
    for _ in range(ROUNDS):
        logs = mixture.log_densities(points)
        total = np.logaddexp.reduce(logs, axis=1, keepdims=True)
        now = float(total.mean())
        mixture = _likeliest(points, np.exp(logs - total))
        if now - before < TOLERANCE:
            break
        before = now
    return mixture


def _far_apart(points: Array, count: int, draw: np.random.Generator) -> Array:
    chosen = [points[draw.integers(len(points))]]
    while len(chosen) < count:
        away = ((points[:, None] - np.stack(chosen)) ** 2).sum(2).min(1)
        odds = away / away.sum() if away.any() else np.full(len(points), 1 / len(points))
        chosen.append(points[draw.choice(len(points), p=odds)])
    return np.stack(chosen)


def _likeliest(points: Array, belongs: Array) -> Mixture:
    """The mixture of Gaussians to which points (M, D) belong by shares (M, K)."""
    sizes = belongs.sum(0) + 10 * np.finfo(float).eps
    means = belongs.T @ points / sizes[:, None]
    away = points[:, None] - means  # (M, K, D)
    covariances = np.einsum("mk,mkd,mke->kde", belongs, away, away) / sizes[:, None, None]
    return Mixture(sizes / sizes.sum(), means, covariances + RIDGE * np.eye(points.shape[1]))
