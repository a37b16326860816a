"""Scripted controllers: reflexes that a body in an environment of Gymnasium can be born with.

Each is called as ``controller(observation, memory) -> (action, memory)`` with rows of as many copies as there are;
``controller.memory`` says how many numbers it remembers of each, all 0 where an episode begins.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

BENT = 0.1  # angle of a knee that carries
BRISK = 0.29  # forward speed at which the walker is quick enough
HOLD, LAND, PUSH = 0, 1, 2


def bipedal_walk(observation: Array, memory: Array) -> tuple[Array, Array]:
    """The walking reflex of BipedalWalker-v3: observations (K, 24), memory (K, 3), actions (K, 4) in [-1, 1].

    One leg swings while the other holds; once the holding leg is behind, the swinging one is put down; once it touches
    the ground, the other pushes off, and the legs change roles. Joint angles are held by PD, the hull is held level,
    and knees damp its fall. Memory: which of these phases, which leg swings, how far the carrying knee is from BENT.

    Source: the heuristic that Gymnasium ships with the environment (``BipedalWalkerHeuristics``), for many copies at
    once; actions are the same.
    """
    rows = np.arange(len(observation))
    phase, leg, bent = memory[:, 0].astype(int), memory[:, 1].astype(int), memory[:, 2] + BENT
    speed = observation[:, 2]
    legs = observation[:, 4:].reshape(len(observation), -1)[:, :10].reshape(-1, 2, 5)  # hip, its speed, knee, .., touch
    swinging, holding = legs[rows, leg], legs[rows, 1 - leg]

    hip_goals, knee_goals = np.full((2, len(observation), 2), np.nan)
    hold = phase == HOLD
    bent = np.where(hold, np.minimum(bent + 0.03 + 0.03 * (speed > BRISK), BENT), bent)
    hip_goals[rows[hold], leg[hold]] = 1.1
    knee_goals[rows[hold], leg[hold]] = -0.6
    knee_goals[rows[hold], 1 - leg[hold]] = bent[hold]
    phase = np.where(hold & (holding[:, 0] < 0.1), LAND, phase)

    land = phase == LAND
    hip_goals[rows[land], leg[land]] = 0.1
    knee_goals[rows[land], leg[land]] = BENT
    knee_goals[rows[land], 1 - leg[land]] = bent[land]
    touches = land & (swinging[:, 4] != 0)
    phase = np.where(touches, PUSH, phase)
    bent = np.where(touches, np.minimum(swinging[:, 2], BENT), bent)

    push = phase == PUSH
    knee_goals[rows[push], leg[push]] = bent[push]
    knee_goals[rows[push], 1 - leg[push]] = 1.0
    done = push & ((holding[:, 2] > 0.88) | (speed > 1.2 * BRISK))
    phase, leg = np.where(done, HOLD, phase), np.where(done, 1 - leg, leg)

    hips, knees = _held(0.9, hip_goals, legs[:, :, :2]), _held(4.0, knee_goals, legs[:, :, 2:4])
    hips += (0.9 * observation[:, 0] + 1.5 * observation[:, 1])[:, None]
    knees -= 15.0 * observation[:, 3:4]
    action = np.stack([hips, knees], -1).reshape(-1, 4)
    return np.clip(0.5 * action, -1, 1), np.stack([phase, leg, bent - BENT], 1).astype(float)


bipedal_walk.memory = 3  # type: ignore[attr-defined]


def _held(stiffness: float, goals: Array, joints: Array) -> Array:
    """Torques (K, 2) that hold joints (K, 2, [angle, speed]) at goals (K, 2); none where there is no goal."""
    torques: Array = np.where(np.isnan(goals), 0.0, stiffness * (goals - joints[..., 0]) - 0.25 * joints[..., 1])
    return torques
