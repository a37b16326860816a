"""The contract of a stage: one phase of life with one way of learning.

A stage is a frozen model whose fields are its YAML keys. It says what it ``needs`` of a brain and what one of its
yields will ``cost``; ``begin`` makes its state and ``segment`` lives. Everything else (budgets, gates, records, probes,
checkpoints, stopping) belongs to the engine.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from devlearn.registry import named
from devlearn.scenario.controls import Control
from devlearn.scenario.keys import UNITS, Role, Unit
from devlearn.stages.fields import Change, Count, Gate
from devlearn.stages.old_names import OldNames
from devlearn.stages.protections.protection import ProtectKey
from devlearn.stages.written import brief, read_old_keys
from devlearn.tasks.data import is_split
from devlearn.tasks.envs.spec import EnvSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.labelled import LabelledBatches

Metrics: TypeAlias = "Mapping[str, Tensor]"
Happening: TypeAlias = "tuple[str, str, Tensor]"  # what happened, the details in words, and to whom: (N,) bool


@dataclass(frozen=True)
class Cost:
    """What one learner consumes: labels and their bits once, when the stage begins, the rest at every yield.

    ``images`` counts every image that a network is shown, each view and each copy of a population by itself; steps of
    an environment are counted as such. ``labels_validation`` are labels that are read to choose by, not to learn from.
    ``feedback_events`` are guesses, or pictures, of which a caregiver says something, ``feedback_bits`` what that
    tells, in one yield; at most, where ``told`` knows better.
    ``source`` says which the labels are, so that none is paid for twice in a life; without it every visit pays for all.
    ``first`` is what the first yield of a visit costs where that differs: it fills a replay, and takes no updates.
    ``memory`` is, in bytes, what the state holds beside weights, gradients and moments. A protection adds
    ``closing_flops``, once, when the stage ends, and what it keeps from then on, of all stages: ``kept_bytes`` and
    ``kept_images``.
    """

    updates: int = 0
    env_steps: int = 0
    images: int = 0
    flops: int = 0
    labels: int = 0
    label_bits: float = 0.0
    labels_validation: int = 0
    feedback_events: int = 0
    feedback_bits: float = 0.0
    source: LabelledBatches | None = None
    first: Cost | None = None
    memory: int = 0
    closing_flops: int = 0
    kept_bytes: int = 0
    kept_images: int = 0


class Stage(OldNames):
    """One phase of life. Subclass it, name it with ``@stage``, and give every field a description.

    Four methods make a stage (``needs``, ``cost``, ``begin``, ``segment``), a fifth, ``evaluate``, gives it a held-out
    objective. The others have answers that are right for nearly all.

    Attributes:
        kind: set by ``@stage``.
        version: set by ``@stage``; raise it when results change.
        role: what the phase is in a life. Declare it, as reports and warnings go by it; undeclared, ``pretrain``.
        units: the budgets that make sense; empty for a stage that acts once.
        metrics: the columns that it yields.
        stream_names: the first names of the streams that it draws from, which ``pin`` can name; ``episode`` where it
            opens an environment.
        immutable_keys: keys that its state or what it bought is made for, so ``change`` may not touch them. Those that
            it does not have do no harm.
        controls: what a claim about it has to rule out (``scenario/controls.py``).
        control: which of these it is, where it is one.
        sham_key: where the key is that makes it its own sham: itself, or inside a map.
        recalls: the protections, by kind, whose memory it reads (``context.kept``).
        renamed: keys by their names of the version before: {old: new}.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, protected_namespaces=())

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    role: ClassVar[Role] = "pretrain"
    units: ClassVar[tuple[Unit, ...]] = ("updates", "images", "flops")
    metrics: ClassVar[tuple[str, ...]] = ()
    stream_names: ClassVar[tuple[str, ...]] = ()
    immutable_keys: ClassVar[tuple[str, ...]] = (
        "data", "labels", "optimiser", "env", "env_kwargs", "wrappers", "num_envs", "protect",
    )  # fmt: skip
    recalls: ClassVar[tuple[str, ...]] = ()
    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})
    controls: ClassVar[tuple[Control, ...]] = ()
    control: ClassVar[Control | None] = None
    sham_key: ClassVar[tuple[str, ...]] = ("sham",)

    updates: Count | None = Field(None, description="budget: gradient steps of each learner")
    env_steps: Count | None = Field(None, description="budget: environment steps of each learner")
    images: Count | None = Field(None, description="budget: images shown to each learner, repeats counted")
    flops: Count | None = Field(None, description="budget: floating-point operations of each learner")
    until: Gate | None = Field(None, description="a mastery gate: learners that pass it move on early")
    change: tuple[Change, ...] = Field(
        (), description="other values for some keys from one update to another; the optimiser is not restarted"
    )
    protect: ProtectKey = None

    @property
    def continues(self) -> bool:
        """Whether it asks the context for the optimiser moments of the stage before; who doesn't say so has none."""
        return getattr(self, "optimiser", None) == "continue"

    def needs(self) -> Needs:
        """The senses and heads that this stage uses."""
        raise NotImplementedError

    def cost(self, brain: nn.Module) -> Cost:
        """What one learner consumes. ``brain`` is one learner's network on the meta device, for counting FLOPs.

        Raises ValueError, with the mend, for a brain that can't live this stage.
        """
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

    # ---- what has an answer for nearly all ----------------------------------------------------------------------

    def columns(self) -> tuple[str, ...]:
        """What of its ``metrics`` it yields with these keys."""
        return self.metrics

    def needed_controls(self) -> tuple[Control, ...]:
        """What of its ``controls`` a claim about it has to rule out with these keys."""
        return self.controls

    def is_sham(self) -> bool:
        """Whether its keys make it a sham, which has nothing of what it is claimed to give."""
        value: Any = self
        for key in self.sham_key:
            value = getattr(value, key, None)
        return value not in (None, False, "none")

    def evaluates_on(self) -> tuple[str, ...]:
        """The data splits that ``evaluate`` reads."""
        return ()

    def trains_on(self) -> tuple[str, ...]:
        """The data splits that learners have trained on in this stage, or in the lives that they descend from."""
        keys = self.model_dump(mode="json")
        values = [*keys.values(), *(value for change in keys["change"] for value in change["set"].values())]
        return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and is_split(value)))

    def happened(self, state: State) -> Iterable[Happening]:
        """What the last yield brought that is no number: rows of events.csv. Asked once after every yield."""
        return ()

    def told(self, state: State) -> Metrics:
        """What a caregiver said in the last yield: ``feedback_events`` and ``feedback_bits``, (N,) each.

        Empty where it said what ``cost`` declares. Asked once after every yield.
        """
        return {}

    def doubts(self) -> Iterable[tuple[str, str]]:
        """What of its keys is no mistake and hardly meant: the key, and what is odd about it, with the mend."""
        return ()

    def uses_labels(self) -> bool:
        """Whether it reads labels, or passes on what was made by reading them."""
        return bool(getattr(self, "labels", None))

    def labels_bought(self, source: LabelledBatches, context: Context) -> Tensor:
        """Which images of its cost's ``source`` have labels for each learner, as places in the split: (N, labels)."""
        return source.indices(context)

    def follows_budget(self) -> bool:
        """Whether a yield depends on how many are planned (``context.planned``), as under a schedule.

        Such a stage can't end a life of a given ``total`` after a gate, as each learner has another number of yields
        left. One that says no has to give the same bits whatever is planned.
        """
        return getattr(self, "schedule", "constant") != "constant"

    def not_inherited(self, brain: nn.Module) -> tuple[str, ...]:
        """Weights of a brain that it may be thought to make, and does not; reported before training starts."""
        return ()

    def lineage(self, seed: int) -> str | None:
        """The name of what this seed's learner shares with other seeds' (a genome, a demonstrator); None: nothing.

        Learners that share something are one lineage, and evidence counts lineages.
        """
        return None

    def origin_ids(self, seed: int) -> tuple[str, ...]:
        """The names of the life that this seed's learner descends from, the same in every scenario; (): of none.

        A life may go by several names; learners that share one of them are one lineage.
        """
        return ()

    def environments(self) -> tuple[EnvSpec, ...]:
        """The environments that it opens: that of its keys ``env``, ``env_kwargs`` and ``wrappers``, if it has them."""
        spec = EnvSpec.of_keys(dict(self))
        return () if spec is None else (spec,)

    def reflexes(self) -> tuple[str, ...]:
        """The slots of a brain that hold a reflex from it on; FLOPs of later stages count what acts."""
        return ()

    def rehearsed(self) -> LabelledBatches | None:
        """Its labelled images, where the cross-entropy on them is all that it learns by; None where it is not.

        Protections that keep images, or ask what answers depend on, need them.
        """
        return None

    def shown(self) -> LabelledBatches | None:
        """The same, also where tasks within the stage change how images look or what is answered."""
        return self.rehearsed()

    def unprepared(self, before: Sequence[Stage]) -> str:
        """Why it can't be lived after the stages ``before`` it in a life, with the mend; empty where it can."""
        return ""

    def gives(self, state: State) -> dict[str, Tensor]:
        """What it has for other arms when it ends (``of``), beside the learner: {name: (N, ..)}; nothing, as a rule."""
        return {}

    def unable_to_follow(self, giver: Any) -> str:
        """Why it can't be led through what a stage of another arm went through (``of``, ``what: stream``).

        In words, with the mend; empty where it can.
        """
        return f"{self.kind} follows no stream; take the learner, or leave 'of' out"

    # ---- the engine's side --------------------------------------------------------------------------------------

    @model_serializer(mode="wrap")
    def _brief(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return brief(self, handler(self))

    def with_change(self, change: Change) -> Stage:
        """This stage with a change applied. Raises pydantic's ValidationError where a value is wrong."""
        own = self.model_dump(mode="json", by_alias=True, exclude={"change"})
        return type(self).model_validate(
            {**own, **{self.renamed.get(key, key): value for key, value in change.set.items()}}
        )

    def budget(self) -> tuple[Unit, int] | None:
        """The unit and size of the budget, or None where no unit is given."""
        for unit in UNITS:
            size = getattr(self, unit)
            if unit in self.units and size is not None:
                return unit, size
        return None

    @classmethod
    def __pydantic_init_subclass__(cls, **keywords: Any) -> None:
        super().__pydantic_init_subclass__(**keywords)
        read_old_keys(cls, cls.renamed)

    @field_validator("change")
    @classmethod
    def _windows_apart(cls, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Raises ValueError where two windows overlap."""
        for first, second in pairwise(sorted(changes, key=lambda change: change.from_)):
            if first.covers(second.from_):
                until = "its end" if first.until is None else f"update {first.until}"
                raise ValueError(
                    f"two windows overlap: one lasts until {until}, the next begins at update {second.from_}"
                )
        return changes


S = TypeVar("S", bound=type[Stage])


def stage(kind: str, version: int = 1) -> Callable[[S], S]:
    """Class decorator: name a stage and enter it into the registry."""
    return named("stages", kind, version)


def __getattr__(name: str) -> Any:
    if name == "Work":
        warnings.warn("Work is called Cost since 0.2; the old name works until 0.3", DeprecationWarning, stacklevel=2)
        return Cost
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
