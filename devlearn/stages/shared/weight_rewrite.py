"""What stages share that make a learner's weights anew, once."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context, State
from devlearn.stages.stage import Metrics, Stage, Work

OTHERS = "birth"  # the stream of seeds for other learners, whose weights are taken


class Remake(Stage):
    """A stage that acts once on weights and biases. What becomes of them, it says. Buffers are left alone."""

    units: ClassVar = ()

    @abstractmethod
    def remade(self, cohort: Cohort, context: Context) -> Mapping[str, Tensor]:
        """New values by qualified name, (N, *shape) each; parameters that are not named are left alone."""

    def needs(self) -> Needs:
        return Needs()

    def work(self, brain: nn.Module) -> Work:
        return Work()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        parameters = cohort.parameters()
        for name, values in self.remade(cohort, context).items():
            parameters[name].copy_(values)
        yield {}


class RemakeEach(Remake):
    """A stage that makes every weight and bias tensor anew from what it was. How, it says."""

    @abstractmethod
    def anew(self, name: str, weights: Tensor, context: Context) -> Tensor:
        """The new values of a tensor (N, *shape), by its qualified name."""

    def remade(self, cohort: Cohort, context: Context) -> dict[str, Tensor]:
        return {name: self.anew(name, weights, context) for name, weights in cohort.parameters().items()}


def normal(context: Context, stream: str, name: str, like: Tensor, *shape: int) -> Tensor:
    """Standard normal draws of a stream, one block for each tensor: (N, *shape), float64 on the weights' device."""
    drawn = torch.from_numpy(context.streams(stream, name).normal(*shape))
    return drawn.to(like.device, torch.float64)


def reborn(cohort: Cohort, context: Context) -> dict[str, Tensor]:
    """The parameters of as many other learners of this architecture as they are born, drawn from ``birth``."""
    seeds = context.streams(OTHERS).integers(2**62)
    return cohort.newborn([int(seed) for seed in seeds]).parameters()
