"""What arms take from each other: whose life a stage has something from, and where that life has to end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from devlearn.runs.plan.digest import digest
from devlearn.runs.plan.model import ArmPlan, Gift, PlannedStage
from devlearn.scenario import Of
from devlearn.scenario.artifacts import gives_at, taken


def with_gifts(arms: Sequence[ArmPlan]) -> tuple[ArmPlan, ...]:
    """Arms whose stages know the lives that they take something from; these are part of what a stage is."""
    own = {arm.name: arm.stages for arm in arms}

    @cache
    def known(name: str, place: int) -> PlannedStage:
        lived = own[name][place]
        gifts = (Gift(of, life(of.arm, end_of(own[of.arm], of))) for _, of in taken(lived.stage))
        return replace(lived, gifts=tuple(gifts))

    def life(name: str, end: int) -> str:
        return digest([known(name, place).identity for place in range(end)])

    return tuple(replace(arm, stages=tuple(known(arm.name, place) for place in range(len(arm.stages)))) for arm in arms)


def end_of(stages: Sequence[PlannedStage], of: Of) -> int:
    """How many of an arm's stages have been lived where it gives."""
    place = gives_at([lived.name for lived in stages], of)
    assert place is not None  # the scenario was checked
    return place + 1


def giving(arms: Sequence[ArmPlan]) -> Iterator[tuple[ArmPlan, int]]:
    """Every arm that gives before its last stage is over, with the number of stages lived by then; each once."""
    named = {arm.name: arm for arm in arms}
    given = dict.fromkeys(gift.of for arm in arms for lived in arm.stages for gift in lived.gifts)
    ends = dict.fromkeys((of.arm, end_of(named[of.arm].stages, of)) for of in given)
    yield from ((named[name], end) for name, end in ends if end < len(named[name].stages))
