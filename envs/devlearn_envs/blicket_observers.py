"""Who knows the rules of Blickets: the ideal observer, whoever acts to learn most, and how right both can be.

A controller has no way to know which of the environment's arguments it is asked under, so there is one for each kind of
machine: ``disjunctive``, ``one``, ``conjunctive`` and ``either`` are who puts on what tells most, any number of things
being blickets but for ``one``. They are ideal observers too where sets are put on at random.
"""

from functools import cache

import numpy as np

from devlearn_envs.batch import Array
from devlearn_envs.blickets import Worlds, worlds

LEAST = 1e-30  # a probability, so that its logarithm is a number


def posterior(observation: Array, machine: Worlds) -> Array:
    """How likely each world is, (K, H), after what observations (K, 2 S + 2) say; all alike where nothing fits."""
    lit, dark = observation[:, :-2].reshape(len(observation), -1, 2).transpose(2, 0, 1) > 0  # (K, S) each
    wrong = lit[:, None] & ~machine.lights | dark[:, None] & machine.lights  # (K, H, S)
    weights = machine.prior * ~wrong.any(2)
    weights = np.where(weights.any(1, keepdims=True), weights, machine.prior)
    shares: Array = weights / weights.sum(1, keepdims=True)
    return shares


def of_sets(likely: Array, machine: Worlds) -> Array:
    """How likely each set is the blickets, (K, S), where worlds are ``likely`` (K, H)."""
    found = np.zeros((len(likely), machine.lights.shape[1]))
    np.add.at(found.T, machine.blickets, likely.T)
    return found


def _entropy(shares: Array) -> Array:
    """Of the last axis, in nats."""
    found: Array = -(shares * np.log(np.maximum(shares, LEAST))).sum(-1)
    return found


def explorer(observation: Array, blickets: str, rule: str) -> Array:
    """Logits (K, 2 S): in hundreds, minus the entropy of the blickets expected after each set; the answers' logarithms.

    What tells as much of the blickets is chosen by what it tells of the rule.
    """
    sets = (observation.shape[1] - 2) // 2
    machine = worlds(sets.bit_length() - 1, blickets, rule)
    now = posterior(observation, machine)
    worth = np.zeros((len(now), sets))
    for lights in (machine.lights, ~machine.lights):  # (H, S)
        joint = now[:, None] * lights.T  # (K, S, H)
        total = joint.sum(2)
        after = (joint / np.maximum(total, LEAST)[..., None]).reshape(-1, len(machine.prior))
        doubt = _entropy(of_sets(after, machine)) + 1e-3 * _entropy(after)
        worth -= total * doubt.reshape(total.shape)
    return np.concatenate([100 * worth, np.log(np.maximum(of_sets(now, machine), LEAST))], 1)


def disjunctive(observation: Array, memory: Array) -> tuple[Array, Array]:
    """One blicket is enough, any number of things are blickets: observations (K, 2 S + 2), logits (K, 2 S)."""
    return explorer(observation, "any", "disjunctive"), memory


def one(observation: Array, memory: Array) -> tuple[Array, Array]:
    """One thing is a blicket, and enough."""
    return explorer(observation, "one", "disjunctive"), memory


def conjunctive(observation: Array, memory: Array) -> tuple[Array, Array]:
    """It takes two blickets."""
    return explorer(observation, "any", "conjunctive"), memory


def either(observation: Array, memory: Array) -> tuple[Array, Array]:
    """It takes one or two, nobody knows."""
    return explorer(observation, "any", "either"), memory


def named_right(objects: int, blickets: str, rule: str, trials: int, acts: str = "choose") -> float:
    """How often the ideal observer is right, exactly: who chooses best, or with sets put on at ``random``."""
    machine = worlds(objects, blickets, rule)
    sets = machine.lights.shape[1]

    @cache
    def worth(possible: int, left: int) -> float:
        """Of the worlds that are still possible, as bits, weighted by how likely they were."""
        alive = np.array([possible >> h & 1 for h in range(len(machine.prior))], bool)
        if not left or not possible:
            return float(of_sets((machine.prior * alive)[None], machine).max())
        each = []
        for put in range(sets):
            lit = sum(1 << h for h in np.flatnonzero(alive & machine.lights[:, put]).tolist())
            each.append(worth(lit, left - 1) + worth(possible & ~lit, left - 1))
        return max(each) if acts == "choose" else float(np.mean(each))

    return worth((1 << len(machine.prior)) - 1, trials)
