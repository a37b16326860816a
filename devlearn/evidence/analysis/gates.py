"""Gates that nobody passed: the stage was lived as if it had none, which its name in an arm does not say."""

from dataclasses import dataclass
from typing import Any

from devlearn.records.reader import ArmRecords


@dataclass(frozen=True)
class UnpassedGate:
    """A gate that none of an arm's learners passed.

    Attributes:
        arm: its name.
        stage: the gated stage's name.
        visit: which visit of the arm to it, from 0.
        position: the stage's index in the life.
        gate: its level in a few words, e.g. ``held >= 0.9``.
        learners: how many lived the stage, each for its whole budget or until it diverged.
    """

    arm: str
    stage: str
    visit: int
    position: int
    gate: str
    learners: int


def gates_nobody_passed(arm: ArmRecords) -> tuple[UnpassedGate, ...]:
    """The gates of an arm that none of its learners passed, in the order of life; none before all are done."""
    lives = arm.lives.values()
    if not lives or not all(life.done for life in lives):
        return ()
    found = []
    for position, stage in enumerate(arm.stages):
        gate: Any = stage.keys.get("until")
        if gate is None or any(position in life.passed for life in lives):
            continue
        level = f"<= {gate['at_most']:g}" if gate.get("at_least") is None else f">= {gate['at_least']:g}"
        what = f"{gate['probe']} {level}"
        found.append(UnpassedGate(arm.name, stage.name, stage.visit, position, what, len(lives)))
    return tuple(found)
