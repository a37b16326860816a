"""How far back a learner's answers reach."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe
from devlearn.probes.returns import Return, named
from devlearn.stages.fields import EnvKwargs, StepTimeout, Wrappers
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.optimum import optimum

if TYPE_CHECKING:
    from devlearn.learners.cohort import Cohort


def _ascending(lags: tuple[int, ...]) -> tuple[int, ...]:
    if any(later <= lag for lag, later in pairwise(lags)):
        raise ValueError(f"lags must ascend, from what was a moment ago to what was long ago, not {list(lags)}")
    return lags


Lags = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1), AfterValidator(_ascending)]


@probe("recall")
class Recall(Probe):
    """How far back a learner remembers: the share of right answers at each lag, judged by its actions.

    The environment's returns are such shares, and one of its keyword arguments says how many steps lie between what is
    shown and what is asked: ``length`` of devlearn/TMaze-v0, ``k`` of devlearn/RepeatBack-v0. ``r_g`` is the mean
    return of greedy episodes with ``lag = g``, as the probe ``return`` measures it, for each g of L ``lags``. Each is a
    metric of its own too, ``recall_g``, as ``recall_8``.

    Metrics:
        recall: mean over lags, ``(1/L) sum_g r_g``
        span: the largest lag up to which ``r_g >= level`` at every lag of the list, in steps; 0 where at none

    Source:
        Bakker (2001), Reinforcement learning with long short-term memory, for success over the length of a corridor.

    Deviations:
        Bakker trains new networks for each length; here one learner is asked at every lag, whatever it was trained on.
    """

    metrics: ClassVar = {
        "recall": Metric("higher", 0.0, unit="share"),
        "span": Metric("higher", 0.0, unit="steps"),
    }

    env: str = Field("devlearn/TMaze-v0", description="a Gymnasium id; its return is the share of right answers")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    lag: str = Field("length", description="the keyword argument that says how far back is asked")
    lags: Lags = Field((1, 2, 4, 8), description="its values, ascending")
    level: float = Field(0.75, gt=0, le=1, description="share of right answers from which a lag counts as reached")
    episodes: int = Field(64, ge=1, description="episodes of each learner at each lag, each in a copy of its own")
    limit: int = Field(
        10_000, ge=1, description="steps after which an episode that does not end is counted as it stands"
    )

    def _returns(self, lags: tuple[int, ...], **first: int) -> Return:
        """The probe that measures ``lags`` beside the environment as it is, made with ``first``."""
        keys = ("env", "wrappers", "step_timeout", "episodes", "limit")
        asked: dict[str, Any] = {key: getattr(self, key) for key in keys}
        return Return(**asked, env_kwargs={**self.env_kwargs, **first}, lessons=tuple({self.lag: lag} for lag in lags))

    @property
    def names(self) -> dict[int, str]:
        """The metric of each lag."""
        return {lag: f"recall_{lag}" for lag in self.lags}

    def needs(self) -> Needs:
        return self._returns(self.lags).needs()

    def environments(self) -> tuple[EnvSpec, ...]:
        return self._returns(self.lags).environments()[1:]

    def named_metrics(self) -> Mapping[str, Metric]:
        return {**self.metrics, **{name: self.metrics["recall"] for name in self.names.values()}}

    def metrics_here(self) -> Mapping[str, Metric]:
        best = dict(zip(self.names.values(), map(optimum, self.environments()), strict=True))
        known = [value for value in best.values() if value is not None]
        best["recall"] = sum(known) / len(known) if len(known) == len(best) else None
        declared = self.named_metrics()
        return {name: metric._replace(optimum=best.get(name)) for name, metric in declared.items()}

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        first, *more = self.lags
        found = self._returns(tuple(more), **{self.lag: first}).measure(cohort, probing, full)
        each = {first: found.values["return"]}
        each |= {lag: found.values[f"return_{named({self.lag: lag})}"] for lag in more}
        answered = torch.stack(list(each.values()))  # (L, N)
        reached = (answered >= self.level).to(answered.dtype).cumprod(0)
        steps = torch.tensor([0, *self.lags], dtype=answered.dtype, device=answered.device)
        span = (reached * steps.diff().unsqueeze(-1)).sum(0).where(answered.isfinite().all(0), torch.nan)
        values = {"recall": answered.mean(0), "span": span, **{self.names[lag]: each[lag] for lag in self.lags}}
        return Measurement(values, pictures=found.pictures)
