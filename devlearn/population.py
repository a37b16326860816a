"""Evolution strategies: which way is uphill, from the scores of perturbed copies of a learner. No gradient anywhere.

Directions are standard normal, drawn in pairs: weights + sigma * d and weights - sigma * d (antithetic, or mirrored).
Scores become centred ranks, and the estimate of the slope of the expected score is the rank-weighted mean of the
directions over sigma. Source: Salimans, Ho, Chen, Sidor, Sutskever (2017), arXiv:1703.03864, Algorithm 1 with its
mirrored sampling and fitness shaping. Deviation: copies with equal scores share their mean rank (theirs are ordered by
place), as accuracy on a minibatch has many ties.

A learner is judged at a time, its copies in chunks of bounded memory that depend on shapes alone: what a learner finds
is bit-equal in any company.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from devlearn.cohort import Cohort, Objective
from devlearn.streams import Streams

BYTES = 16 * 2**20  # of perturbed weights that exist at a time
Directions = Mapping[str, Tensor]  # by parameter: (P / 2, *shape)
Scores = dict[str, Tensor]  # by metric: (2, P / 2), the copies at + and at - each direction


def draw(streams: Mapping[str, Streams], learner: int, pairs: int, cohort: Cohort) -> dict[str, Tensor]:
    """Standard normal directions of one learner for the parameters that ``streams`` names: {name: (pairs, *shape)}."""
    found = {}
    for name, source in streams.items():
        weights = cohort.parameters()[name]
        drawn = source.generators[learner].standard_normal((pairs, *weights.shape[1:]), dtype="float32")
        found[name] = torch.from_numpy(drawn).to(weights)
    return found


def scores(
    cohort: Cohort,
    learner: int,
    directions: Directions,
    sigma: float,
    objective: Objective,
    batch: Mapping[str, Tensor],
) -> Scores:
    """The objective's loss and metrics for one learner's copies on one batch (B, ...): {name: (2, P / 2)}."""
    weights = {name: cohort.parameters()[name][learner] for name in directions}
    found: dict[str, list[Tensor]] = {}
    for start, stop in _chunks(directions):
        copies = {name: _mirrored(weights[name], directions[name][start:stop], sigma) for name in directions}
        loss, metrics = cohort.judge(learner, copies, objective, batch)
        for name, value in {"loss": loss, **metrics}.items():
            found.setdefault(name, []).append(value.view(2, stop - start))
    return {name: torch.cat(parts, 1) for name, parts in found.items()}


def _chunks(directions: Directions) -> list[tuple[int, int]]:
    pairs = len(next(iter(directions.values())))
    size = 2 * sum(direction[0].numel() * direction.element_size() for direction in directions.values())
    step = max(1, BYTES // size)
    return [(start, min(start + step, pairs)) for start in range(0, pairs, step)]


def _mirrored(weights: Tensor, directions: Tensor, sigma: float) -> Tensor:
    """Copies on either side of the weights: (2 * pairs, *shape)."""
    copies = torch.empty((2, *directions.shape), dtype=weights.dtype, device=weights.device)
    torch.add(weights, directions, alpha=sigma, out=copies[0])
    torch.add(weights, directions, alpha=-sigma, out=copies[1])
    return copies.flatten(0, 1)


def centred_ranks(fitness: Tensor) -> Tensor:
    """Ranks of all entries scaled to [-1/2, 1/2]; equal ones share their mean rank, what is not a number is last."""
    flat = fitness.flatten()
    below = (flat.unsqueeze(1) > flat).sum(1) + (flat.isnan().sum() * ~flat.isnan())
    equal = (flat.unsqueeze(1) == flat).sum(1) + (flat.isnan().sum() * flat.isnan())
    ranks = below + (equal - 1) / 2
    return (ranks / (len(flat) - 1) - 0.5).to(fitness.dtype).view_as(fitness)


def slope(directions: Directions, fitness: Tensor, sigma: float) -> dict[str, Tensor]:
    """The estimated slope of expected fitness (2, P / 2), by parameter: sum over copies of fitness * d / (P sigma)."""
    weight = (fitness[0] - fitness[1]) / (fitness.numel() * sigma)  # (P / 2,)
    return {name: torch.tensordot(weight, direction, 1) for name, direction in directions.items()}


def climb(
    cohort: Cohort,
    streams: Mapping[str, Streams],
    pairs: int,
    sigma: float,
    objective: Objective,
    batch: Mapping[str, Tensor],
    fitness: Callable[[Scores], Tensor],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """One generation of every learner: uphill by parameter (N, *shape), and each score's mean over the copies (N,).

    Args:
        streams: one for each parameter that is perturbed, by qualified name.
        pairs: half of the population.
        objective: gives the loss and metrics of ONE copy.
        batch: (N, B, ...) each; a learner's copies share its row.
        fitness: what is climbed, (2, P / 2), of one learner's scores.
    """
    uphill: dict[str, list[Tensor]] = {name: [] for name in streams}
    means: dict[str, list[Tensor]] = {}
    for learner in range(cohort.n):
        directions = draw(streams, learner, pairs, cohort)
        found = scores(
            cohort, learner, directions, sigma, objective, {name: row[learner] for name, row in batch.items()}
        )
        for name, value in slope(directions, centred_ranks(fitness(found)), sigma).items():
            uphill[name].append(value)
        for name, value in found.items():
            means.setdefault(name, []).append(value.mean())
    return _rows(uphill), _rows(means)


def _rows(found: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack(rows) for name, rows in found.items()}
