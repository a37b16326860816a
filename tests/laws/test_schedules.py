"""Every stage with a schedule follows it: an update under it is one with that learning rate."""

from collections.abc import Iterator
from typing import Any

import pytest
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.learners.schedule import Schedule, factor
from devlearn.stages.stage import Stage
from devlearn.testing.laws import same as alike
from tests.laws.rows import ACT_RANDOMLY, STAGES, cohort_for, go_on, live, make

PLANNED = 4
SCHEDULED = [
    row
    for row in STAGES
    if row not in {"inherit", *ACT_RANDOMLY} and {"lr", "schedule"} <= set(type(make(row)).model_fields)
]


def test_schedules_by_hand() -> None:
    assert [factor("constant", done, 4) for done in range(6)] == [1] * 6
    assert [factor("linear", done, 4) for done in range(6)] == [1, 0.75, 0.5, 0.25, 0, 0]
    assert [factor("cosine", done, 4) for done in (0, 2, 4, 9)] == pytest.approx([1, 0.5, 0, 0])
    assert factor("cosine", 1, 4) == pytest.approx(0.5 + 0.5**1.5)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("row", SCHEDULED)
def test_the_second_update_has_the_learning_rate_that_the_schedule_says(row: str, schedule: Schedule) -> None:
    stage = make(row).model_copy(update={"schedule": schedule})
    lr = stage.lr  # type: ignore[attr-defined]
    constant = stage.model_copy(update={"schedule": "constant", "lr": lr * factor(schedule, 1, PLANNED)})
    unscheduled = stage.model_copy(update={"schedule": "constant"})
    found, same, other = (after_two(row, stage, second) for second in (stage, constant, unscheduled))
    assert all(alike(found[name], same[name]) for name in found)
    assert any(not alike(found[name], other[name]) for name in found)


def after_two(row: str, first: Stage, second: Stage) -> dict[str, Tensor]:
    """All that a life is after one yield of each."""
    cohort: Cohort = cohort_for(row, (0, 1))
    state, _ = live(first, cohort, 1, PLANNED)
    go_on(second, cohort, state, 1, PLANNED)
    return {**cohort.state(), **dict(tensors(state))}


def tensors(state: dict[str, Any], path: str = "state") -> Iterator[tuple[str, Tensor]]:
    for name, value in state.items():
        if isinstance(value, dict):
            yield from tensors(value, f"{path}.{name}")
        elif isinstance(value, Tensor):
            yield f"{path}.{name}", value
