"""A stage whose first yield costs otherwise: budgets, windows, the ledger and the estimate of memory."""

import pytest

from devlearn.runs.plan.cost_model import CostModel
from devlearn.stages.stage import Cost
from tests.runs.plan.plan_fakes import Drill

LATER = Cost(updates=3, env_steps=4, flops=30)
FIRST = Cost(env_steps=10, flops=5)


def model(**keys: object) -> CostModel:
    def cost(stage: Drill) -> Cost:
        return Cost(updates=3, env_steps=4, flops=30, first=FIRST)

    return CostModel(Drill(**{"updates": 30, **keys}), cost)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("yields", "expected"), [(0, (0, 0, 0)), (1, (0, 10, 5)), (2, (3, 14, 35)), (11, (30, 50, 305))]
)
def test_yields_cost_what_they_do(yields: int, expected: tuple[int, int, int]) -> None:
    found = model().cost_of(yields)
    assert (found.updates, found.env_steps, found.flops) == expected


@pytest.mark.parametrize(
    ("unit", "size", "yields"),
    [
        ("updates", 1, 2),
        ("updates", 3, 2),
        ("updates", 4, 3),
        ("env_steps", 10, 1),
        ("env_steps", 11, 2),
        ("env_steps", 14, 2),
        ("env_steps", 15, 3),
        ("flops", 4, 1),
        ("flops", 36, 3),
    ],
)
def test_a_budget_ends_at_the_first_yield_that_reaches_it(unit: str, size: int, yields: int) -> None:
    found = model()
    assert found.consumes(unit)
    assert found.yields_for(unit, size) == yields
    assert getattr(found.cost_of(yields), unit) >= size > getattr(found.cost_of(yields - 1), unit)


def test_the_first_yield_is_a_window_of_its_own_before_those_of_a_change() -> None:
    found = model(change=[{"from": 6, "set": {"rows": 3}}])
    assert [(window.start, window.end) for window in found.windows] == [(0, 0), (0, 6), (6, None)]
    assert found.at(0, 0).cost == FIRST and found.at(0, 1).cost.updates == 3 and found.at(0).cost.updates == 3
    assert found.at(6, 3).stage.rows == 3  # type: ignore[attr-defined]
    assert found.planned_yields == 11


def test_without_one_nothing_is_other() -> None:
    found = CostModel(Drill(updates=30), lambda stage: LATER)
    assert found.at(0, 0) == found.at(0) and found.planned_yields == 10
