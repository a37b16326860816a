"""The contract of a stage: one phase of life with one way of learning.

A stage is a frozen model whose fields are its YAML keys. It declares what it needs of a brain and what one of its
yields consumes, and it has two verbs: ``begin`` makes the state, ``segment`` lives. Everything else (budgets, gates,
records, probes, checkpoints, stopping) belongs to the engine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.registry import named
from devlearn.scenario.controls import Control
from devlearn.stages.context import Context, State
from devlearn.stages.fields import Change, Count, Gate
from devlearn.tasks.data import SIZES

Unit = Literal["updates", "env_steps", "images", "flops"]
UNITS: tuple[Unit, ...] = ("updates", "env_steps", "images", "flops")
Metrics = Mapping[str, Tensor]


@dataclass(frozen=True)
class Work:
    """What one learner consumes: ``labels`` and ``label_bits`` once when the stage begins, the rest at every yield."""

    updates: int = 0
    env_steps: int = 0
    images: int = 0
    flops: int = 0
    labels: int = 0
    label_bits: float = 0.0


class Stage(BaseModel):
    """One phase of life. Subclass it, name it with ``@stage``, and give every field a description.

    Class variables: ``kind`` (set by ``@stage``), ``version`` (raise it when results change), ``units`` (the budgets
    that make sense; empty for a stage that acts once), ``metrics`` (the columns that it yields), ``draws`` (the first
    names of the streams it draws from; ``episode`` where it opens a world; what ``pin`` can name), ``fixed`` (keys that
    its state or what it bought is made for, so ``change`` may not touch them; those that it does not have do no harm),
    ``controls`` (what a claim about it has to rule out, see ``controls.py``) and ``control`` (which of them it is,
    where it is one).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    units: ClassVar[tuple[Unit, ...]] = ("updates", "images", "flops")
    metrics: ClassVar[tuple[str, ...]] = ()
    draws: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ("data", "labels", "optimiser", "env", "keys", "copies")
    controls: ClassVar[tuple[Control, ...]] = ()
    control: ClassVar[Control | None] = None

    updates: Count | None = Field(None, description="budget: gradient steps of each learner")
    env_steps: Count | None = Field(None, description="budget: environment steps of each learner")
    images: Count | None = Field(None, description="budget: images shown to each learner, repeats counted")
    flops: Count | None = Field(None, description="budget: floating-point operations of each learner")
    until: Gate | None = Field(None, description="a mastery gate: learners that pass it move on early")
    change: tuple[Change, ...] = Field(
        (), description="other values for some keys from one update to another; the optimiser is not restarted"
    )

    @field_validator("change")
    @classmethod
    def _apart(cls, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Raises ValueError where two windows overlap."""
        for first, second in pairwise(sorted(changes, key=lambda change: change.from_)):
            if first.covers(second.from_):
                until = "its end" if first.until is None else f"update {first.until}"
                raise ValueError(
                    f"two windows overlap: one lasts until {until}, the next begins at update {second.from_}"
                )
        return changes

    def under(self, change: Change) -> "Stage":
        """This stage with a change applied. Raises pydantic's ValidationError where a value is wrong."""
        own = self.model_dump(mode="json", by_alias=True, exclude={"change"})
        return type(self).model_validate({**own, **change.set})

    def needs(self) -> Needs:
        """The senses and heads that this stage uses."""
        raise NotImplementedError

    def work(self, brain: nn.Module) -> Work:
        """What one learner consumes. ``brain`` is one learner's network on the meta device, for counting FLOPs."""
        raise NotImplementedError

    def begin(self, cohort: Cohort, context: Context) -> State:
        """The stage's state: a nested dict of numbers and of tensors and numpy arrays with a leading N axis.

        It holds all that a checkpoint must hold (moments, replay, environments) beyond the cohort itself.
        """
        raise NotImplementedError

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Live on: one minibatch update, or one rollout with its updates, then one yield of {metric: (N,)}.

        It continues from ``state``, which must be complete at every yield; the engine closes the generator whenever
        it likes and calls again, and the results are the same. It never ends by itself unless the stage acts once.
        """
        raise NotImplementedError

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """What this stage learns, measured on held-out data, for the probe ``objective``: {metric: (N,)}."""
        raise NotImplementedError(f"{self.kind} has no held-out objective; write 'evaluate' to give it one")

    def evaluates_on(self) -> tuple[str, ...]:
        """The data splits that ``evaluate`` reads."""
        return ()

    def trains_on(self) -> tuple[str, ...]:
        """The data splits that learners have trained on in this stage, or in the lives that they descend from."""
        keys = self.model_dump(mode="json")
        values = [*keys.values(), *(value for change in keys["change"] for value in change["set"].values())]
        return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value in SIZES))

    def leaves(self, brain: nn.Module) -> tuple[str, ...]:
        """Weights of a brain that this stage may be thought to make, and does not; told before anything is lived."""
        return ()

    def lineage(self, seed: int) -> str | None:
        """The name of what this seed's learner shares with other seeds' (a genome, a demonstrator); None: nothing.

        Learners that share something are one lineage, and evidence counts lineages.
        """
        return None

    def kin(self, seed: int) -> tuple[str, ...]:
        """The names of the life that this seed's learner descends from, the same in every scenario; (): of none.

        A life may go by several names; learners that share one of them are one lineage.
        """
        return ()

    def budget(self) -> tuple[Unit, int] | None:
        """The unit and size of the budget, or None where no unit is given."""
        for unit in UNITS:
            size = getattr(self, unit)
            if unit in self.units and size is not None:
                return unit, size
        return None


S = TypeVar("S", bound=type[Stage])


def stage(kind: str, version: int = 1) -> Callable[[S], S]:
    """Class decorator: name a stage and enter it into the registry."""
    return named("stages", kind, version)
