"""The contract of a probe: a read-only measurement of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.registry import named
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage

if TYPE_CHECKING:
    from torch import Tensor, nn


Quantity = Literal["share", "nats", "return", "steps", "degrees", "number"]


class Metric(NamedTuple):
    """One number of a measurement, for each learner.

    ``better`` is the direction, ``worst`` what a diverged learner counts as (None: the scenario has to say). ``unit``
    says how values are shown and bounded: a ``share`` of 1 in percent, its differences in points. ``proxy_of`` is the
    metric of the same probe that this one stands for where it is descended.
    """

    better: Literal["higher", "lower"]
    worst: float | None
    unit: Quantity = "number"
    proxy_of: str | None = None


@dataclass(frozen=True)
class Measurement:
    """``values`` {metric: (N,)}; ``correct`` (N, M) bool where there is a verdict on each of M images.

    ``pictures`` {name: tensor} show the cohort's first learner: small (some 30 kB), and only of full measurements.
    """

    values: Mapping[str, Tensor]
    correct: Tensor | None = None
    pictures: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Probing:
    """What a probe may see: a context with held-out streams, and the scenario's stages by name."""

    context: Context
    stages: Mapping[str, Stage] = field(default_factory=dict)


class Probe(BaseModel):
    """A measurement. Subclass it, name it with ``@probe``, and give every field a description.

    It draws from streams of its own (named after the probe), the same at every measurement, and the engine checks
    that it leaves the cohort untouched. ``asks`` is the method that a stage named by its key ``stage`` has to have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    metrics: ClassVar[dict[str, Metric]] = {}
    asks: ClassVar[str] = ""

    every: int | None = Field(
        None, gt=0, description="updates between measurements; birth and stage ends are always measured"
    )
    worst: float | None = Field(
        None, description="what a diverged learner counts as, instead of the metric's own worst"
    )

    def needs(self) -> Needs:
        """The senses and heads that the probe uses."""
        return Needs()

    def fits(self, brain: nn.Module) -> None:
        """Raises ValueError, with the mend, for a brain (on the meta device) that it can't measure."""

    def splits(self) -> tuple[str, ...]:
        """The data splits it reads."""
        return ()

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        """Measure every learner: on a fixed part of the data on the way, on all of it (``full``) at a stage's end."""
        raise NotImplementedError


def unless_diverged(values: Tensor, cohort: Cohort) -> Tensor:
    """Measured values (N,), nan in place of those of learners whose weights are not finite."""
    return values.where(cohort.finite().to(values.device), torch.nan)


P = TypeVar("P", bound=type[Probe])


def probe(kind: str, version: int = 1) -> Callable[[P], P]:
    """Class decorator: name a probe and enter it into the registry."""
    return named("probes", kind, version)
