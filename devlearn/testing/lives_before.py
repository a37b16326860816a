"""What a stage takes from lives before it or beside it, made up so that it can be tried alone."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.records.schema import COLUMNS
from devlearn.registry import get
from devlearn.scenario.artifacts import taken
from devlearn.scenario.models import Of
from devlearn.stages.context import Context, Given, GivenLearners, GivenOrder, GivenStream, State
from devlearn.stages.protections.protection import HEADS, Protecting
from devlearn.stages.stage import Stage

LED = 12  # yields of which a stream is given
ELSEWHERE = 1000  # from a learner's seed to that of one who stands for another arm's


def newborn_givers(stage: Stage, born: Callable[[Sequence[int]], Cohort], seeds: Sequence[int]) -> dict[Of, Given]:
    """What a stage takes from other arms, for trying it: learners ``born`` of other seeds, which have consumed nothing.

    Where it takes an order, they had the first lesson, then the second twice, and so on, as often as their seed says.
    Where it takes a stream, learners of the same seeds acted at random.

    Empty for a stage that takes nothing.
    """
    nothing = dict.fromkeys(COLUMNS, torch.zeros(len(seeds), dtype=torch.int64))
    elsewhere = [seed + ELSEWHERE for seed in seeds]
    rounds = torch.tensor([2 + seed % 3 for seed in seeds])
    numbers = torch.tensor([0, 1, 1]).repeat(4).expand(len(seeds), -1)
    order = GivenOrder(numbers, 3 * rounds, nothing)
    given: dict[Of, Given] = {}
    for _, of in taken(stage):
        if of.what == "learner":
            given[of] = GivenLearners(born(elsewhere).state(), nothing)
        else:
            given[of] = order if of.what == "order" else _acted_randomly(stage, of, born(seeds), nothing)
    return given


def kept_before(stage: Stage, born: Callable[[Sequence[int]], Cohort], seeds: Sequence[int]) -> dict[str, State]:
    """What the protections that a stage ``recalls`` keep of a short school before it, for trying it."""
    data = f"{getattr(stage, 'sense', 'mnist')}.train"
    kept: dict[str, State] = {}
    for kind in stage.recalls:
        school: Stage = get("stages", "supervise")(data=data, labels=20, batch=8, updates=LED, protect={"kind": kind})
        pupils, own, labelled = born(seeds), kept.setdefault(kind, {}), school.rehearsed()
        assert school.protect is not None
        assert labelled is not None
        at = Protecting(pupils, school, Context(pupils.seeds, "before", 0, pupils.device, planned=LED), own)
        school.protect.begin(at)
        pupils.guard = school.protect.guard(at)
        with torch.enable_grad():
            segment = school.segment(pupils, school.begin(pupils, at.context), at.context)
            for _ in range(LED):
                next(iter(segment))
            school.protect.end(at)
        own[HEADS] = [labelled.task.read_out]
    return kept


def _acted_randomly(stage: Stage, of: Of, cohort: Cohort, ledger: Mapping[str, Tensor]) -> GivenStream:
    """What learners without another's stream do in a stage where they act at random."""
    keys = stage.model_dump(mode="json", by_alias=True)
    giver = type(stage).model_validate({**keys, "of": None, "random": True})
    context = Context(cohort.seeds, of.stage, 0, torch.device("cpu"), planned=LED)
    state = giver.begin(cohort, context)
    segment = giver.segment(cohort, state, context)
    for _ in range(LED):
        next(segment)
    segment.close()  # type: ignore[attr-defined]
    gives = giver.gives(state)
    return GivenStream(gives["actions"], gives["marks"], 0, ledger)
