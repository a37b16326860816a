"""What a plan is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devlearn.learners.brains.needs import Needs
from devlearn.records.schema import FEEDBACK, KEPT
from devlearn.runs.plan.cost_model import ONCE, PER_YIELD, CostModel
from devlearn.runs.plan.labels import NOTHING, PlannedLabels
from devlearn.scenario import Of, Scenario, Unit
from devlearn.stages.stage import Cost, Stage
from devlearn.stages.written import INCIDENTAL


@dataclass(frozen=True)
class Gift:
    """What a stage takes from another arm, and the digest of the life that gives it."""

    of: Of
    life: str


@dataclass(frozen=True)
class PlannedStage:
    """One stage as an arm lives it.

    ``name`` and ``visit`` key its streams, ``index`` is its place in the life. ``costs``: what its yields consume,
    ``yields`` the number of them that the budget comes to. ``total`` is an arm's [unit, size], on its last stage;
    there ``select`` says that each learner's best checkpoint is kept. ``left`` are weights that the stage may be
    thought to make, and does not. ``known`` are the labels that the life has paid for before it, ``chosen_by`` how many
    its choices read here for the first time. ``gifts`` are what it takes from other arms, ``born`` the slots that hold
    a reflex when it begins.
    """

    name: str
    visit: int
    index: int
    kind: str
    stage: Stage
    costs: CostModel
    yields: int
    total: tuple[Unit, int] | None = None
    select: bool = False
    left: tuple[str, ...] = ()
    known: PlannedLabels = NOTHING
    chosen_by: int = 0
    gifts: tuple[Gift, ...] = ()
    born: tuple[str, ...] = ()
    guarded: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, Any]:
        """The stage's fields that decide what it does, as JSON."""
        return {key: value for key, value in self.all_keys.items() if key not in INCIDENTAL}

    @property
    def all_keys(self) -> dict[str, Any]:
        """The stage's fields, as JSON."""
        return self.stage.model_dump(mode="json", by_alias=True)

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides what the stage does: two arms that agree in it live it once."""
        parts = {"name": self.name, "visit": self.visit, "kind": self.kind, "version": self.stage.version}
        given = {"gifts": [gift.life for gift in self.gifts]} if self.gifts else {}
        return {**parts, "keys": self.keys, "total": self.total, **({"select": True} if self.select else {}), **given}

    @property
    def ledger(self) -> Cost:
        """What one learner is declared to consume in this stage; no label that it has is paid for again."""
        once = self.costs.once
        labels = once.labels if once.source is None else self.known.new(once.source)
        bits = once.label_bits if labels == once.labels else once.label_bits * labels / once.labels
        read = once.labels_validation + self.chosen_by
        return replace(self.costs.cost_of(self.yields), labels=labels, label_bits=bits, labels_validation=read)

    @property
    def known_after(self) -> PlannedLabels:
        """The labels that the life has paid for when the stage is over."""
        source = self.costs.once.source
        return self.known if source is None else self.known.with_(source)


def add(first: Cost, second: Cost) -> Cost:
    """The sum of two ledgers; of what is kept, the most."""
    summed = {name: getattr(first, name) + getattr(second, name) for name in (*PER_YIELD, *ONCE, *FEEDBACK)}
    return Cost(**summed, **{name: max(getattr(first, name), getattr(second, name)) for name in KEPT})


def total_of(stages: tuple[PlannedStage, ...] | list[PlannedStage]) -> Cost:
    """What one learner is declared to consume in a whole path."""
    total = Cost()
    for lived in stages:
        total = add(total, lived.ledger)
    return total


@dataclass(frozen=True)
class Branch:
    """A run of stages shared by the same arms. ``name`` is its folder's, ``parent`` the branch it continues."""

    name: str
    digest: str
    parent: str | None
    stages: tuple[PlannedStage, ...]
    arms: tuple[str, ...]
    point: int  # the first point of ``vary`` that lives it
    seeds: frozenset[int]


@dataclass(frozen=True)
class ArmPlan:
    """One arm: its stages, for each the branch it is lived in, and the declared ledger of the whole path."""

    name: str
    stages: tuple[PlannedStage, ...]
    branches: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The branches in order."""
        return tuple(dict.fromkeys(self.branches))

    @property
    def ledger(self) -> Cost:
        return total_of(self.stages)


@dataclass(frozen=True)
class PointPlan:
    """One point of ``vary`` ({} without it).

    ``needs_stages`` are (name, kind, keys) of all stages whose ``needs`` make the brain, ``context`` is what a branch's
    identity takes from the scenario, ``parameters`` counts one learner's weights.
    """

    point: Mapping[str, Any]
    scenario: Scenario
    needs_stages: tuple[tuple[str, str, dict[str, Any]], ...]
    needs: Needs
    context: Mapping[str, Any]
    parameters: int
    arms: tuple[ArmPlan, ...]


@dataclass(frozen=True)
class PlannedJob:
    """One branch for one block of seeds. ``seconds`` and ``memory`` (bytes) are rough estimates.

    ``givers`` are the jobs, by folder, at whose end others' learners are what its stages take.
    """

    folder: str
    branch: Branch
    seeds: tuple[int, ...]
    parent: str | None
    seconds: float
    memory: int
    givers: Mapping[Of, str] = field(default_factory=dict)

    @property
    def before(self) -> tuple[str, ...]:
        """The jobs that have to be done before it begins."""
        return tuple(dict.fromkeys((*([] if self.parent is None else [self.parent]), *self.givers.values())))


@dataclass(frozen=True)
class Plan:
    """Points, and jobs with those first that others wait for."""

    scenario: Scenario
    points: tuple[PointPlan, ...]
    jobs: tuple[PlannedJob, ...] = field(default=())

    @property
    def seconds(self) -> float:
        """Rough estimate of the work of all jobs, in core-seconds; probes and start-up are not counted."""
        return sum(job.seconds for job in self.jobs)
