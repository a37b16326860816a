"""Simulated learners: arms and paired differences of which the truth is known."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Rng = np.random.Generator

LOOKS = (8, 16, 32)
LABELS, EXPONENT = np.array([100.0, 300.0, 1000.0, 3000.0]), -0.43
ERRORS = 1.9 * LABELS**EXPONENT  # of a power law over label counts
DIVERGE = 0.1  # share of learners that diverge, in both arms

# An arm's value of a seed is a part that all arms share plus a part of its own; arms are exchangeable.
OWN: Mapping[str, Callable[[Rng, tuple[int, ...]], Matrix]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy-tailed": lambda rng, shape: rng.standard_t(3, shape),
    "skewed arms": lambda rng, shape: rng.lognormal(size=shape),
}
DIVERGED, LOPSIDED = "with diverged", "lopsided differences"
KINDS = (*OWN, DIVERGED, LOPSIDED)
SYMMETRIC = tuple(kind for kind in KINDS if kind != LOPSIDED)


def arms(kind: str, rng: Rng, count: int, experiments: int, n: int) -> Matrix:
    """(count, X, n) values of exchangeable arms, paired by seed."""
    shape = (count, experiments, n)
    values = rng.normal(size=shape[1:]) + OWN["normal" if kind == DIVERGED else kind](rng, shape)
    return np.where(rng.random(shape) < DIVERGE, -30.0, values) if kind == DIVERGED else values


def differences(kind: str, rng: Rng, experiments: int, n: int) -> Matrix:
    """(X, n) paired differences of mean 0: of exchangeable arms, or lognormal less its mean, which none can give."""
    if kind == LOPSIDED:
        return lognormal(rng, (experiments, n))
    one, other = arms(kind, rng, 2, experiments, n)
    return one - other


def lognormal(rng: Rng, shape: tuple[int, ...]) -> Matrix:
    """Lognormal less its mean."""
    return rng.lognormal(size=shape) - math.exp(0.5)


def walks(rng: Rng, *shape: int) -> Matrix:
    """(..., moments) curves whose error persists, of standard deviation 1 at every moment."""
    return rng.normal(size=shape).cumsum(-1) / np.sqrt(np.arange(1, shape[-1] + 1))


def generator(*names: object) -> Rng:
    """One stream for every cell of the study."""
    return np.random.default_rng([ord(letter) for name in names for letter in f"{name}/"])
