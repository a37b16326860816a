"""The contract of a probe: a read-only measurement of a cohort."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.probes.old_names import OldNames
from devlearn.registry import named
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage
from devlearn.stages.written import brief, read_old_keys
from devlearn.tasks.data import is_split, size
from devlearn.tasks.envs.spec import EnvSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn


Quantity = Literal["share", "nats", "return", "steps", "degrees", "number"]


class Metric(NamedTuple):
    """One number of a measurement, for each learner.

    ``better`` is the direction, ``worst`` what a diverged learner counts as (None: the scenario has to say). ``unit``
    says how values are shown and bounded: a ``share`` of 1 in percent, its differences in points. ``proxy_of`` is the
    metric of the same probe that this one stands for where it is descended. ``chance`` is what a learner that only
    guesses gets, ``optimum`` what the best agent there can be gets, where these are known.
    """

    better: Literal["higher", "lower"]
    worst: float | None
    unit: Quantity = "number"
    proxy_of: str | None = None
    chance: float | None = None
    optimum: float | None = None


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


class Probe(OldNames):
    """A measurement. Subclass it, name it with ``@probe``, and give every field a description.

    It draws from streams of its own (named after the probe), the same at every measurement, and the engine checks
    that it leaves the cohort untouched.

    Attributes:
        kind: set by ``@probe``.
        version: set by ``@probe``; raise it when results change.
        metrics: what it measures, by name; the first one is the default.
        requires: the method that a stage named by its key ``stage`` has to have; empty: none.
        renamed: keys by their names of the version before: {old: new}.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, protected_namespaces=())

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    metrics: ClassVar[dict[str, Metric]] = {}
    requires: ClassVar[str] = ""
    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})

    every: int | None = Field(
        None, gt=0, description="updates between measurements; birth and stage ends are always measured"
    )
    worst: float | None = Field(
        None, allow_inf_nan=False, description="what a diverged learner counts as, instead of the metric's own worst"
    )

    def needs(self) -> Needs:
        """The senses and heads that the probe uses."""
        return Needs()

    def check_brain(self, brain: nn.Module) -> None:
        """Raises ValueError, with the mend, for a brain (on the meta device) that it can't measure."""

    def splits(self) -> tuple[str, ...]:
        """The data splits it reads."""
        return ()

    def labels_read(self, full: bool) -> Mapping[str, NDArray[np.int64]]:
        """The images whose labels a measurement reads, by split, as places in it: (M,). For the ledger.

        All of ``splits`` unless a probe knows better.
        """
        return {split: np.arange(size(split)) for split in self.splits() if is_split(split)}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        """Measure every learner: on a fixed part of the data on the way, on all of it (``full``) at a stage's end."""
        raise NotImplementedError

    def environments(self) -> tuple[EnvSpec, ...]:
        """The environments that it opens: that of its keys ``env``, ``env_kwargs`` and ``wrappers``, if it has them."""
        spec = EnvSpec.of_keys(dict(self))
        return () if spec is None else (spec,)

    def named_metrics(self) -> Mapping[str, Metric]:
        """``metrics``, and those that the probe's own keys add; told without a look at data or environments."""
        return self.metrics

    def metrics_here(self) -> Mapping[str, Metric]:
        """``named_metrics``, with what depends on what the probe looks at, as chance on the number of classes."""
        return self.named_metrics()

    @model_serializer(mode="wrap")
    def _brief(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return brief(self, handler(self))

    @classmethod
    def __pydantic_init_subclass__(cls, **keywords: Any) -> None:
        super().__pydantic_init_subclass__(**keywords)
        read_old_keys(cls, cls.renamed)
        for name, metric in cls.metrics.items():
            if metric.worst is not None and not math.isfinite(metric.worst):
                raise ValueError(
                    f"{cls.__name__}: the worst {name} is {metric.worst}, and no mean or test can count with that; "
                    "declare a finite number, or None: then the scenario has to say"
                )


def unless_diverged(values: Tensor, cohort: Cohort) -> Tensor:
    """Measured values (N,), nan in place of those of learners whose weights are not finite."""
    return values.where(cohort.finite().to(values.device), torch.nan)


P = TypeVar("P", bound=type[Probe])


def probe(kind: str, version: int = 1) -> Callable[[P], P]:
    """Class decorator: name a probe and enter it into the registry."""
    return named("probes", kind, version)
