"""The contract of a stage: one phase of life with one way of learning.

A stage is a frozen model whose fields are its YAML keys. It declares what it needs of a brain and what one of its
yields consumes, and it has two verbs: ``begin`` makes the state, ``segment`` lives. Everything else (budgets, gates,
records, probes, checkpoints, stopping) belongs to the engine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from torch import Tensor, nn

from devlearn.brains.needs import Needs
from devlearn.cohort import Cohort
from devlearn.controls import Control
from devlearn.data import SIZES, Dataset, load, load_altered
from devlearn.registry import named
from devlearn.streams import PINNED, Streams, streams
from devlearn.worlds import World

Unit = Literal["updates", "env_steps", "images", "flops"]
UNITS: tuple[Unit, ...] = ("updates", "env_steps", "images", "flops")
EPISODE = "episode"  # the stream of a world
Metrics = Mapping[str, Tensor]
State = dict[str, Any]
Count = Annotated[int, Field(gt=0)]


@dataclass(frozen=True)
class Work:
    """What one learner consumes: ``labels`` and ``label_bits`` once when the stage begins, the rest at every yield."""

    updates: int = 0
    env_steps: int = 0
    images: int = 0
    flops: int = 0
    labels: int = 0
    label_bits: float = 0.0


class Gate(BaseModel):
    """``until``: a learner moves on when a probe reaches a level. Exactly one of at_least and at_most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probe: str = Field(description="NAME of a probe, or NAME.METRIC; its first metric is the default")
    at_least: float | None = Field(None, description="the level that a rising metric has to reach")
    at_most: float | None = Field(None, description="the level that a falling metric has to reach")
    min_updates: int = Field(0, ge=0, description="updates that every learner lives before the gate may open")

    @model_validator(mode="after")
    def _one_level(self) -> "Gate":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self


class Change(BaseModel):
    """One item of ``change``: other values for some keys while the updates of a visit are in [from, until)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: int = Field(alias="from", ge=0, description="updates of the visit after which the change begins")
    until: int | None = Field(None, gt=0, description="updates after which it is over; empty: it lasts to the end")
    set: Annotated[Mapping[str, Any], Field(min_length=1)] = Field(description="keys of the stage and their new values")

    @model_validator(mode="after")
    def _forward(self) -> "Change":
        if self.until is not None and self.until <= self.from_:
            raise ValueError(f"until ({self.until}) must be after from ({self.from_})")
        return self

    def covers(self, updates: int) -> bool:
        """Whether it holds after that many updates."""
        return self.from_ <= updates and (self.until is None or updates < self.until)


@dataclass(frozen=True)
class Context:
    """What a stage may see. Nothing in it can be written to.

    ``planned`` is the number of yields that the declared budget comes to, for schedules. ``inherited`` are the
    optimiser moments that the stage before left behind, for ``optimiser: continue``; None where there are none.
    ``artifacts`` are the states of other branches that the scenario asked for, by name. ``measuring`` is true for
    probes, which alone may read a test split. ``pin`` are the names of streams that are the same for all learners.
    """

    seeds: tuple[int, ...]
    name: str
    visit: int
    device: torch.device
    planned: int
    inherited: State | None = None
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    measuring: bool = False
    pin: frozenset[str] = frozenset()

    def streams(self, *names: str, counter: int = 0) -> Streams:
        """This stage's randomness called ``names``, at block ``counter`` (an epoch, a rollout)."""
        return streams(self.drawn_by(names[0]), self.name, self.visit, *names, counter=counter)

    def drawn_by(self, stream: str) -> tuple[int, ...]:
        """The seeds that key a stream of this stage: the learners' own, or one for all where it is pinned."""
        return (PINNED,) * len(self.seeds) if stream in self.pin else self.seeds

    def minibatches(self, pool: int, batch: int, done: int, stream: str = "order") -> Iterator[Tensor]:
        """Positions in range(pool), (N, min(batch, pool)) each, endlessly: every epoch in a new order.

        ``done`` is the number of minibatches already taken, ``stream`` the name of the stream that orders them. What is
        left over at an epoch's end is dropped.
        """
        size = min(batch, pool)
        while True:
            epoch, start = divmod(done, pool // size)
            order = torch.from_numpy(self.streams(stream, counter=epoch).permutation(pool)).to(self.device)
            for column in range(start * size, pool - size + 1, size):
                yield order[:, column : column + size]
                done += 1

    def inherit(self) -> State:
        """The moments that the stage before left behind. Raises ValueError where there are none."""
        if not self.inherited:
            raise ValueError("'optimiser: continue' needs a stage before it that leaves optimiser moments behind")
        return dict(self.inherited)

    def data(self, split: str, blur: float = 0.0, sham: bool = False, shift: int = 0) -> Dataset:
        """A data set on the device, e.g. ``mnist.train``, perhaps out of focus (``blur``: pixels, one sd).

        ``sham``: as many images without structure, see ``devlearn.data.sham``. ``shift``: each image is moved by up to
        so many pixels, always by the same. Raises ValueError where a stage asks for a test split.
        """
        if split.endswith(".test") and not self.measuring:
            raise ValueError(f"a stage may not read {split}; only probes may")
        if not (blur or sham or shift):
            return load(split, self.device)
        return load_altered(split, self.device, sham, shift, blur)

    def world(
        self,
        env: str,
        copies: int,
        state: State | None = None,
        purpose: str = "",
        keys: Mapping[str, Any] | None = None,
    ) -> World:
        """``copies`` environments for each learner, fresh or resumed from ``state``. Close it in a ``finally``.

        ``keys`` are the keyword arguments of the environment; ``purpose`` names its stream (``""`` for training).
        Episodes are drawn from the stream ``episode``.
        """
        names, episodes = (self.name, self.visit, purpose), self.drawn_by(EPISODE)
        return World(env, dict(keys or {}), self.seeds, copies, names, state, episodes=episodes)


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
