"""Evolution strategies: which way is uphill, from the scores of perturbed copies of a learner. No gradient anywhere.

Directions are standard normal and come in pairs: weights + sigma * d and weights - sigma * d (antithetic, or mirrored).
As drawing them would cost as much as judging the copies, they are cut at random places from a table of noise. Scores
become centred ranks, and the estimate of the slope of the expected score is the rank-weighted mean of the directions
over sigma. Source: Salimans, Ho, Chen, Sidor, Sutskever (2017), arXiv:1703.03864, Algorithm 1 with its mirrored
sampling, fitness shaping and table. Deviation: copies with equal scores share their mean rank (theirs are ordered by
place), as accuracy on a minibatch has many ties.

A learner is judged at a time, its copies in chunks of bounded memory that depend on shapes alone: what a learner finds
is bit-equal in any company.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort, Objective
from devlearn.streams import Streams

BYTES = 16 * 2**20  # of perturbed weights that exist at a time
TABLE = 2**20  # numbers in a table of noise
Judge = Callable[[int, Mapping[str, Tensor], Mapping[str, Tensor]], tuple[Tensor, dict[str, Tensor]]]
Scores = dict[str, Tensor]  # by metric: (2, P / 2), the copies at + and at - each direction


@dataclass(frozen=True)
class Directions:
    """One learner's directions: ``rows`` (P / 2, D), whose columns are the parameters of ``shapes`` in turn."""

    rows: Tensor
    shapes: Mapping[str, torch.Size]

    def __len__(self) -> int:
        return len(self.rows)

    def parts(self, flat: Tensor) -> dict[str, Tensor]:
        """Columns (..., D) by parameter: views (..., *shape)."""
        pieces = flat.split([shape.numel() for shape in self.shapes.values()], -1)
        return {
            name: piece.unflatten(-1, shape) for piece, (name, shape) in zip(pieces, self.shapes.items(), strict=True)
        }


@dataclass(frozen=True)
class Noise:
    """Where the directions of some generations come from: ``table`` (N, T), ``places`` (N, generations, P / 2)."""

    table: Tensor
    places: Tensor
    shapes: Mapping[str, torch.Size]

    @classmethod
    def draw(cls, streams: Streams, cohort: Cohort, names: Sequence[str], generations: int, pairs: int) -> "Noise":
        """Noise for the parameters called ``names``."""
        shapes = {name: cohort.weights[name].shape[1:] for name in names}
        length = sum(shape.numel() for shape in shapes.values())
        size = max(TABLE, 2 * length)
        table = torch.from_numpy(streams.normal(size)).to(cohort.device, cohort.dtype)
        return cls(table, torch.from_numpy(streams.integers(size - length + 1, generations, pairs)), shapes)

    def directions(self, learner: int, generation: int) -> Directions:
        """What one learner tries in one generation."""
        length, table = sum(shape.numel() for shape in self.shapes.values()), self.table[learner]
        places = self.places[learner, generation].tolist()
        return Directions(torch.stack([table[place : place + length] for place in places]), self.shapes)


def scores(
    cohort: Cohort,
    learner: int,
    directions: Directions,
    sigma: float,
    objective: Objective,
    batch: Mapping[str, Tensor],
    judge: Judge | None = None,
) -> Scores:
    """The objective's loss and metrics for one learner's copies on one batch (B, ...): {name: (2, P / 2)}.

    ``judge(learner, copies, batch)`` gives both, (P,), otherwise than ``Cohort.judge`` does.
    """
    own = torch.cat([cohort.parameters()[name][learner].flatten() for name in directions.shapes])  # (D,)
    step = max(1, BYTES // (2 * own.nbytes))
    found: dict[str, list[Tensor]] = {}
    for rows in directions.rows.split(step):
        copies = torch.empty((2, *rows.shape), dtype=own.dtype, device=own.device)
        torch.add(own, rows, alpha=sigma, out=copies[0])
        torch.add(own, rows, alpha=-sigma, out=copies[1])
        parts = directions.parts(copies.flatten(0, 1))
        loss, metrics = judge(learner, parts, batch) if judge else cohort.judge(learner, parts, objective, batch)
        for name, value in {"loss": loss, **metrics}.items():
            found.setdefault(name, []).append(value.view(2, -1))
    return {name: torch.cat(parts, 1) for name, parts in found.items()}


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
    return directions.parts(weight @ directions.rows)


def climb(
    cohort: Cohort,
    directions: Callable[[int], Directions],
    sigma: float,
    objective: Objective,
    batch: Mapping[str, Tensor],
    fitness: Callable[[Scores], Tensor],
    judge: Judge | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """One generation of every learner: uphill by parameter (N, *shape), and each score's mean over the copies (N,).

    Args:
        directions: what a learner tries.
        objective: gives the loss and metrics of ONE copy.
        batch: (N, B, ...) each; a learner's copies share its row.
        fitness: what is climbed, (2, P / 2), of one learner's scores.
        judge: marks a learner's copies in place of the objective's forward passes.
    """
    uphill, means = [], []
    for learner in range(cohort.n):
        tried = directions(learner)
        row = {name: value[learner] for name, value in batch.items()}
        found = scores(cohort, learner, tried, sigma, objective, row, judge)
        uphill.append(slope(tried, centred_ranks(fitness(found)), sigma))
        means.append({name: value.mean() for name, value in found.items()})
    return _stacked(uphill), _stacked(means)


def _stacked(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
