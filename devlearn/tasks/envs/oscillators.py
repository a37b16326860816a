"""Rhythm without a teacher: phase oscillators of Hopf form, in closed form where there is one.

An oscillator has a phase ``theta`` and a radius ``r``, and gives ``r sin(theta)``. The radius follows
``r' = convergence * (mu - r^2) r``, so it settles at ``sqrt(mu)``; here ``mu = 1``, and amplitudes scale what is given.
The phase runs at ``swing`` (rad/s) where its sine is positive and at ``stance`` elsewhere: a period takes
``pi / swing + pi / stance`` seconds, of which stance has the share ``swing / (swing + stance)``. Coupled oscillators
also feel ``coupling * mean_j sin(theta_j - theta_i - phi_ij)``, under which two of one speed lock ``phi_ij`` apart.

Source: Raffin, Sigaud, Kober, Albu-Schaeffer, Silverio and Stulp (2024), An open-loop baseline for reinforcement
learning locomotion tasks; Righetti and Ijspeert (2006) for speeds of swing and stance, and the radius.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"


def run(theta: Array, swing: Array, stance: Array, seconds: Array) -> Array:
    """Phases (..., A) after ``seconds``, exactly: in time, phases advance evenly. Speeds and seconds broadcast."""
    period = np.pi / swing + np.pi / stance
    cycle, rest = np.divmod(theta, 2 * np.pi)
    time = np.where(rest < np.pi, rest / swing, np.pi / swing + (rest - np.pi) / stance) + seconds
    more, time = np.divmod(time, period)
    inside = np.where(time < np.pi / swing, time * swing, np.pi + (time - np.pi / swing) * stance)
    result: Array = (cycle + more) * 2 * np.pi + inside
    return result


def pull(theta: Array, phase: Array) -> Array:
    """How strongly the others pull each phase (..., A) towards the differences of ``phase`` (..., A): mean sine."""
    own = theta - phase
    result: Array = np.sin(own[..., None, :] - own[..., :, None]).mean(-1)
    return result


def settle(radius: Array, convergence: Array, seconds: Array) -> Array:
    """Radii after ``seconds`` of ``r' = convergence (1 - r^2) r``, exactly."""
    result: Array = 1 / np.sqrt(1 + (1 / radius**2 - 1) * np.exp(-2 * convergence * seconds))
    return result
