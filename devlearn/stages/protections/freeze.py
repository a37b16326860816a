"""Some weights learn in the first stage alone."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.learners.guard import Guard
from devlearn.stages.protections.protection import Protecting, Protection, Surcharge, protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from devlearn.stages.stage import Stage


@protection("freeze")
@final
class Freeze(Protection):
    """Holds some weights as the first protected stage left them.

    They are those whose qualified names match a pattern, from the second protected stage on. Their gradients are
    computed and thrown away: the declared cost stays. It keeps nothing beside the weights themselves.

    Source:
        Li and Hoiem 2017, Learning without forgetting, where it is a baseline, called feature extraction.

    Deviations:
        Which weights are held is chosen; by default all but the read-outs, as there.
    """

    weights: str = Field("body.*", description="a shell pattern of qualified names, body.* or senses.*")

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        matching(brain, self.weights)
        return Surcharge()

    def guard(self, at: Protecting) -> Guard:
        return _Held(self.weights) if at.earlier else Guard()


def matching(brain: nn.Module, pattern: str) -> list[str]:
    """The weights of a learner whose names match. Raises ValueError, with all names, where none does."""
    names = [name for name, _ in brain.named_parameters()]
    found = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise ValueError(f"no weight is called {pattern!r}; there are: {', '.join(names)}")
    return found


class _Held(Guard):
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def corrected(self, weights: Mapping[str, nn.Parameter]) -> None:
        for name, weight in weights.items():
            if fnmatch.fnmatchcase(name, self.pattern):
                weight.grad = None
