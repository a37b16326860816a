"""Mixtures of Gaussians, against what is known of them."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from devlearn.stages.shared.gaussian_mixture import RIDGE, Mixture, best_mixture, fit

THREE = Mixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[0.0, 0.0], [4.0, 1.0], [-3.0, 5.0]]),
    np.array([np.eye(2) * 0.2, [[0.5, 0.3], [0.3, 0.4]], np.diag([0.1, 0.9])]),
)


def drawn(mixture: Mixture, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(mixture.weights), count, p=mixture.weights)
    return np.stack([rng.multivariate_normal(mixture.means[k], mixture.covariances[k]) for k in chosen])


def test_densities_are_those_of_scipy() -> None:
    points = drawn(THREE, 20, 0)
    each = [
        math.log(weight) + multivariate_normal(mean, covariance).logpdf(points)
        for weight, mean, covariance in zip(THREE.weights, THREE.means, THREE.covariances, strict=True)
    ]
    np.testing.assert_allclose(THREE.log_densities(points), np.stack(each, 1))
    assert THREE.log_likelihood(points) == pytest.approx(np.logaddexp.reduce(each).sum())
    assert THREE.aic(points) == pytest.approx(2 * (2 + 6 + 9) - 2 * THREE.log_likelihood(points))


def test_one_gaussian_is_the_mean_and_the_covariance() -> None:
    points = np.random.default_rng(1).normal(size=(50, 3)) * [1, 2, 3]
    only = fit(points, 1, np.random.default_rng(0))
    assert only.weights == pytest.approx([1])
    np.testing.assert_allclose(only.means[0], points.mean(0))
    np.testing.assert_allclose(only.covariances[0], np.cov(points.T, bias=True) + RIDGE * np.eye(3))


@pytest.mark.parametrize("seed", range(3))
def test_a_mixture_is_found_again_by_how_many_it_has_and_where(seed: int) -> None:
    points = drawn(THREE, 600, seed)
    found = best_mixture(points, range(2, 6), np.random.default_rng(seed))
    order = np.argsort(-found.weights)
    assert len(found.weights) == 3
    np.testing.assert_allclose(found.weights[order], THREE.weights, atol=0.06)
    np.testing.assert_allclose(found.means[order], THREE.means, atol=0.3)
    np.testing.assert_allclose(found.covariances[order], THREE.covariances, atol=0.3)


def test_points_that_lie_on_one_another_are_no_trouble() -> None:
    found = best_mixture(np.zeros((40, 2)), range(2, 11), np.random.default_rng(0))
    assert np.isfinite(found.means).all() and np.isfinite(found.log_likelihood(np.zeros((1, 2))))
