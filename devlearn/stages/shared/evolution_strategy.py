"""Evolution strategies: perturbed copies of a learner are scored, and its weights follow the better ones. No gradient.

Directions are standard normal and come in pairs: weights + sigma * d and weights - sigma * d (antithetic, or mirrored).
As drawing them would cost as much as scoring the copies, they are cut at random places from a table of noise. Scores
become centred ranks, and the estimated gradient of the expected score is the rank-weighted mean of the directions over
sigma. Source: Salimans, Ho, Chen, Sidor, Sutskever (2017), arXiv:1703.03864, Algorithm 1 with its mirrored
sampling, fitness shaping and table. Deviation: copies with equal scores share their mean rank (theirs are ordered by
place), as accuracy on a minibatch has many ties.

One learner is scored at a time, its copies in chunks of bounded memory that depend on shapes alone: what becomes of a
learner is bit-equal in any company.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.stages.fields import Fitness
from devlearn.stages.stage import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.objectives import Objective
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.labelled import LabelledBatches
    from devlearn.stages.shared.train import Descent
    from devlearn.stages.stage import Metrics
    from devlearn.streams import Streams

BYTES = 16 * 2**20  # of perturbed weights that exist at a time
TABLE = 2**20  # numbers in a table of noise
BLOCK = 32  # generations that share a table of noise
Scores: TypeAlias = "dict[str, Tensor]"  # by metric: (2, P / 2), the copies at + and at - each direction
Evaluate: TypeAlias = "Callable[[int, Mapping[str, Tensor], Mapping[str, Tensor]], tuple[Tensor, Mapping[str, Tensor]]]"


@dataclass(frozen=True)
class EvolutionStrategy:
    """Generations of mirrored copies, scored on labelled minibatches. Draws from the stream ``noise``.

    The fields are the stage's keys of these names.
    """

    population: int
    sigma: float
    fitness: Fitness

    def cost(self, labelled: LabelledBatches, brain: nn.Module, images: int, copy_flops: int) -> Cost:
        """Of a generation, whose copies see ``images`` and take ``copy_flops`` each.

        The estimated slope is a product of the weights of P / 2 directions with the directions, (P / 2) @ (P / 2, D):
        one multiply and one add for each of their numbers, P * D in all.
        """
        moved = sum(shape.numel() for shape in flops.reached(brain, labelled.objective, labelled.shapes).values())
        return labelled.cost(self.population * (copy_flops + moved), self.population * images)

    def better(self, scores: Scores) -> Tensor:
        """What is climbed, (2, P / 2), of one learner's scores."""
        return scores["accuracy"] if self.fitness == "accuracy" else -scores["loss"]

    def generations(
        self,
        cohort: Cohort,
        labelled: LabelledBatches,
        descent: Descent,
        state: State,
        context: Context,
        evaluate: Evaluate | None = None,
    ) -> Iterator[Metrics]:
        """Climb, endlessly, from where ``state`` (``done``, ``moments``) stands; ``evaluate`` as for ``scores``."""
        optimiser, noise = descent.make_optimiser(cohort, state["moments"]), None
        objective = labelled.objective
        for batch in labelled.minibatches(context, state["done"]):
            block, place = divmod(state["done"], BLOCK)
            if noise is None or place == 0:
                names, source = cohort.reached(objective, labelled.shapes), context.streams("noise", counter=block)
                noise = Noise.draw(source, cohort, names, BLOCK, self.population // 2)
            directions = partial(noise.directions, generation=place)
            gradients, means = es_step(cohort, directions, self.sigma, objective, batch, self.better, evaluate)
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            cohort.apply_gradients({name: -gradient for name, gradient in gradients.items()}, optimiser)
            state["done"] += 1
            yield means


def forward_flops(brain: nn.Module, labelled: LabelledBatches) -> int:
    """FLOPs of one copy's answers to a minibatch."""
    source = labelled.source
    return flops.forward(brain, flops.blank_batch(labelled.shapes)["images"], source.sense_name, source.read_out)


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
    def draw(cls, streams: Streams, cohort: Cohort, names: Sequence[str], generations: int, pairs: int) -> Noise:
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
    evaluate: Evaluate | None = None,
) -> Scores:
    """The objective's loss and metrics for one learner's copies on one batch (B, ...): {name: (2, P / 2)}.

    ``evaluate(learner, copies, batch)`` gives both, (P,), otherwise than by forward passes alone.
    """
    own = torch.cat([cohort.parameters()[name][learner].flatten() for name in directions.shapes])  # (D,)
    step = max(1, BYTES // (2 * own.nbytes))
    marks: dict[str, list[Tensor]] = {}
    for rows in directions.rows.split(step):
        copies = torch.empty((2, *rows.shape), dtype=own.dtype, device=own.device)
        torch.add(own, rows, alpha=sigma, out=copies[0])
        torch.add(own, rows, alpha=-sigma, out=copies[1])
        parts = directions.parts(copies.flatten(0, 1))
        how = evaluate or partial(_forward, cohort, objective)
        loss, metrics = how(learner, parts, batch)
        for name, value in {"loss": loss, **metrics}.items():
            marks.setdefault(name, []).append(value.view(2, -1))
    return {name: torch.cat(parts, 1) for name, parts in marks.items()}


def _forward(
    cohort: Cohort, objective: Objective, learner: int, copies: Mapping[str, Tensor], batch: Mapping[str, Tensor]
) -> tuple[Tensor, Mapping[str, Tensor]]:
    return cohort.evaluate_copies(learner, copies, objective, batch)


def centred_ranks(fitness: Tensor) -> Tensor:
    """Ranks of all entries scaled to [-1/2, 1/2]; equal ones share their mean rank, what is not a number is last."""
    flat = fitness.flatten()
    below = (flat.unsqueeze(1) > flat).sum(1) + (flat.isnan().sum() * ~flat.isnan())
    equal = (flat.unsqueeze(1) == flat).sum(1) + (flat.isnan().sum() * flat.isnan())
    ranks = below + (equal - 1) / 2
    return (ranks / (len(flat) - 1) - 0.5).to(fitness.dtype).view_as(fitness)


def estimate_gradient(directions: Directions, fitness: Tensor, sigma: float) -> dict[str, Tensor]:
    """That of the expected fitness (2, P / 2), by parameter: the sum over copies of fitness * d / (P sigma)."""
    weight = (fitness[0] - fitness[1]) / (fitness.numel() * sigma)  # (P / 2,)
    return directions.parts(weight @ directions.rows)


def es_step(
    cohort: Cohort,
    directions: Callable[[int], Directions],
    sigma: float,
    objective: Objective,
    batch: Mapping[str, Tensor],
    fitness: Callable[[Scores], Tensor],
    evaluate: Evaluate | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """One generation of every learner: gradients uphill (N, *shape) by parameter, and each score's mean (N,).

    Args:
        directions: what a learner tries.
        objective: gives the loss and metrics of ONE copy.
        batch: (N, B, ...) each; a learner's copies share its row.
        fitness: what is climbed, (2, P / 2), of one learner's scores.
        evaluate: as for ``scores``.
    """
    gradients, means = [], []
    for learner in range(cohort.n):
        tried = directions(learner)
        row = {name: value[learner] for name, value in batch.items()}
        marks = scores(cohort, learner, tried, sigma, objective, row, evaluate)
        gradients.append(estimate_gradient(tried, centred_ranks(fitness(marks)), sigma))
        means.append({name: value.mean() for name, value in marks.items()})
    return _stacked(gradients), _stacked(means)


def _stacked(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
