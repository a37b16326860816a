"""Who knows the rules of ThreeStories: the ideal observer, whoever acts to learn most, and how right both can be.

``observe`` and ``explore`` are controllers, ``controller(observation, memory) -> (logits, memory)`` over rows, of the
environment's observations with ``show: counts``. Behind the last trial both say the logarithm of each graph's posterior
probability; in trials ``explore`` says, in hundreds, minus the entropy that it expects of that posterior after each
action, and ``observe`` does not care.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from math import comb

import numpy as np

from devlearn_envs.batch import Array
from devlearn_envs.three_stories import ANSWER, EPS, LAST, LOOK, ONE, SET_A, SET_B, UNKNOWN

GRAPHS = 3
LEAST = 1e-30  # a probability, so that its logarithm is a number


def alike(eps: float) -> Array:
    """How likely both lamps are alike where nothing, A, B is set (rows), under each graph (columns): (3, 3)."""
    found = np.full((3, GRAPHS), 0.5)
    found[LOOK] = found[SET_A, 0] = found[SET_B, 1] = 1 - eps
    return found


@lru_cache(maxsize=64)
def _blind(k: int, eps: float) -> Array:
    """How likely n trials of an unknown kind show j alike ones, (2 k + 1, 2 k + 1, 3): n, j, graph.

    Of the 2 k trials each lamp is set in k, in random order.
    """
    likely = alike(eps)
    found = np.zeros((2 * k + 1, 2 * k + 1, GRAPHS))
    for n in range(2 * k + 1):
        for of_a in range(max(0, n - k), min(n, k) + 1):
            order = comb(k, of_a) * comb(k, n - of_a) / comb(2 * k, n)
            for graph in range(GRAPHS):
                both = np.convolve(_binomial(of_a, likely[1, graph]), _binomial(n - of_a, likely[2, graph]))
                found[n, : n + 1, graph] += order * both
    return found


def _binomial(n: int, p: float) -> Array:
    return np.array([comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)])


def _by_rules(observation: Array) -> Iterator[tuple[tuple[float, float], Array]]:
    """The share of one trial and ``eps``, with the rows (K,) bool where these are the rules."""
    rules = np.round(observation[:, [ONE, EPS]].astype(np.float64), 6)  # as they were before they were float32
    for one, eps in np.unique(rules, axis=0).tolist():
        yield (one, eps), (rules == (one, eps)).all(1)


def posterior(observation: Array) -> Array:
    """How likely each graph is, (K, 3), after what observations (K, 18) with ``show: counts`` say."""
    counts = np.rint(observation[:, :LAST] / observation[:, ONE : ONE + 1]).astype(np.int64).reshape(-1, 4, 2)
    weights = np.ones((len(observation), GRAPHS))
    for (one, eps), own in _by_rules(observation):
        likely, seen = alike(eps), counts[own]
        told = likely ** seen[:, :UNKNOWN, :1] * (1 - likely) ** seen[:, :UNKNOWN, 1:]  # (K', 3, 3)
        untold = seen[:, UNKNOWN]
        weights[own] = told.prod(1) * _blind(round(1 / (2 * one)), eps)[untold.sum(1), untold[:, 0]]
    shares: Array = weights / weights.sum(1, keepdims=True)
    return shares


def observe(observation: Array, memory: Array) -> tuple[Array, Array]:
    """The ideal observer: observations (K, 18), logits (K, 6)."""
    likely = np.log(np.maximum(posterior(observation), LEAST))
    return np.concatenate([np.zeros((len(likely), ANSWER)), likely], 1), memory


def explore(observation: Array, memory: Array) -> tuple[Array, Array]:
    """The ideal observer who acts to learn most from the next trial: observations (K, 18), logits (K, 6)."""
    now = posterior(observation)
    worth = np.zeros((len(now), ANSWER))
    for (_, eps), own in _by_rules(observation):
        for after in (alike(eps), 1 - alike(eps)):  # (3, 3): what is set, graph
            joint = now[own, None] * after
            total = np.maximum(joint.sum(2, keepdims=True), LEAST)
            worth[own] += (joint * np.log(np.maximum(joint / total, LEAST))).sum(2)
    said = np.log(np.maximum(now, LEAST))
    return np.concatenate([100 * worth, said], 1), memory


def named_right(k: int, eps: float = 0.0, efference: bool = True) -> float:
    """How often the ideal observer is right after each lamp was set k times, exactly.

    At ``eps = 0`` with efference copy ``1 - q + q^2 / 3``, ``q = 2^-k``; without it, towards 2/3.
    """
    if not efference:
        return float(_blind(k, eps)[2 * k].max(1).sum()) / GRAPHS
    likely = alike(eps)
    a, b = ([_binomial(k, likely[kind, graph]) for graph in range(GRAPHS)] for kind in (SET_A, SET_B))
    return float(np.max([np.outer(a[graph], b[graph]) for graph in range(GRAPHS)], 0).sum()) / GRAPHS


def named_right_freely(k: int, eps: float = 0.0, greedy: bool = False) -> float:
    """How often who may set any lamp in each of 2 k trials is right, at best, exactly.

    ``greedy``: of who acts as ``explore`` does.
    """
    likely = alike(eps)

    @cache
    def worth(a_alike: int, a_not: int, b_alike: int, b_not: int) -> float:
        counts = ((SET_A, a_alike, a_not), (SET_B, b_alike, b_not))
        weights = np.full(GRAPHS, 1 / GRAPHS)
        for kind, same, other in counts:
            weights = weights * likely[kind] ** same * (1 - likely[kind]) ** other
        if a_alike + a_not + b_alike + b_not == 2 * k or not weights.any():
            return float(weights.max())
        set_a = worth(a_alike + 1, a_not, b_alike, b_not) + worth(a_alike, a_not + 1, b_alike, b_not)
        set_b = worth(a_alike, a_not, b_alike + 1, b_not) + worth(a_alike, a_not, b_alike, b_not + 1)
        if not greedy:
            return max(set_a, set_b)
        gain = [sum(_neg_entropy(weights * after[kind]) for after in (likely, 1 - likely)) for kind in (SET_A, SET_B)]
        return set_a if gain[0] >= gain[1] - 1e-12 else set_b

    # A sequence of outcomes is one path here, so sums over both outcomes of a trial are sums over all sequences.
    return worth(0, 0, 0, 0)


def _neg_entropy(joint: Array) -> float:
    """``sum_g p(g, y) log p(g | y)`` of one outcome."""
    total = max(float(joint.sum()), LEAST)
    return float((joint * np.log(np.maximum(joint / total, LEAST))).sum())
