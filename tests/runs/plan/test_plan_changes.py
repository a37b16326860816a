"""``change``: windows of different work, budgets over them, what is refused, and who shares what."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devlearn.registry import get
from devlearn.runs.plan.cost_model import CostModel
from devlearn.scenario import ScenarioError
from devlearn.stages.stage import Cost, Stage
from tests.runs.plan.plan_fakes import Drill, arm, made, message


def changed(text: str, budget: str = "updates: 30", keys: str = "") -> str:
    return f"  d: {{kind: drill, {budget}, change: [{text}]{keys}}}"


def test_the_ledger_counts_each_window_as_it_is():
    stages = changed("{from: 10, until: 16, set: {rows: 7, each: 3}}, {from: 20, set: {rows: 1}}")
    ledger = arm(made("  x: [d]", stages=stages), "x").ledger
    assert (ledger.updates, ledger.images, ledger.flops) == (30, 14 * 10 + 6 * 7 + 10 * 1, 24 * 100 + 6 * 3)


@pytest.mark.parametrize(
    ("budget", "planned"),
    [("images: 101", 11), ("images: 107", 11), ("images: 108", 12), ("images: 142", 16),
     ("images: 143", 17), ("flops: 1003", 11), ("flops: 1019", 17), ("flops: 1018", 16)],
)  # fmt: skip
def test_a_budget_in_another_unit_ends_at_the_first_yield_that_reaches_it(budget, planned):
    found = made("  x: [d]", stages=changed("{from: 10, until: 16, set: {rows: 7, each: 3}}", budget))
    assert arm(found, "x").stages[0].yields == planned


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    windows=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4)), max_size=3),
    gain=st.integers(1, 4), rows=st.integers(1, 5), size=st.integers(1, 200),
    unit=st.sampled_from(["updates", "images"]),
)  # fmt: skip
def test_windows_add_up_to_living_them_one_by_one(windows, gain, rows, size, unit):
    """Against a loop that asks before every yield which change covers the updates so far."""
    changes, start = [], 0
    for gap, length, new_rows, new_gain in windows:
        own = {"from": start + gap, "until": start + gap + length, "set": {"rows": new_rows, "gain": new_gain}}
        changes, start = [*changes, own], start + gap + length
    stage = Drill(gain=gain, rows=rows, change=changes)
    costs = CostModel(stage, lambda stage: Cost(stage.gain, 0, stage.rows))
    yields = updates = images = 0
    while (updates if unit == "updates" else images) < size:
        lived = next((stage.with_change(change) for change in stage.change if change.covers(updates)), stage)
        assert (costs.at(updates).cost.updates, costs.at(updates).cost.images) == (lived.gain, lived.rows)
        yields, updates, images = yields + 1, updates + lived.gain, images + lived.rows
        assert (costs.cost_of(yields).updates, costs.cost_of(yields).images) == (updates, images)
    assert costs.yields_for(unit, size) == yields


def test_a_window_that_whole_yields_leave_empty_is_none():
    """Three yields of 4 updates reach 12, where the change would end: only what comes before and after it is left."""
    stage = Drill(gain=4, change=[{"from": 10, "until": 12, "set": {"rows": 0}}])
    costs = CostModel(stage, lambda stage: Cost(stage.gain, 0, stage.rows))
    assert [(window.start, window.end) for window in costs.windows] == [(0, 12), (12, None)]
    assert costs.consumes("images")


def test_a_stage_that_acts_once_is_one_yield():
    once: Stage = get("stages", "innate.shuffle")()
    assert once.budget() is None
    assert CostModel(once, lambda stage: Cost()).planned_yields == 1


def test_match_and_total_count_windows():
    stages = changed("{from: 10, until: 20, set: {each: 40}}")
    found = made(
        "  x: [a]\n  y: {stages: [d], match: {arm: x, by: flops}}\n  z: {stages: [d], total: {flops: 1500}}",
        stages=stages,
    )
    y, z = arm(found, "y"), arm(found, "z")  # a consumes 3000: 1000, then 400, then 1600 of 100 each
    assert y.stages[0].yields == 36 and y.ledger.flops == 3000 and y.stages[0].stage.budget() == ("updates", 36)
    assert z.stages[0].yields == 21 and z.ledger.flops == 1500


@settings(max_examples=50, deadline=None, derandomize=True)
@given(cost=st.integers(1, 300), start=st.integers(0, 40), length=st.integers(1, 40))
def test_match_is_as_near_as_whole_yields_allow(cost, start, length):
    stages = changed(f"{{from: {start}, until: {start + length}, set: {{each: {cost}}}}}", "updates: 5", ", rows: 3")
    found = made("  x: [a, b]\n  y: {stages: [d], match: {arm: x, by: flops}}", stages=stages)
    last, goal = arm(found, "y").stages[0], arm(found, "x").ledger.flops
    gaps = [abs(last.costs.cost_of(last.yields + step).flops - goal) for step in (-1, 0, 1)]
    assert gaps[1] == min(gaps) and math.isfinite(gaps[1])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("size: 5", "size of 'd' can't change on the way: it needs something else of the brain"),
        ("slots: 2", "slots of 'd' can't change on the way: its state has another shape"),
        ("gain: 0", "gain of 'd' can't change on the way: updates say when a change comes, and a yield takes none"),
    ],
)  # fmt: skip
def test_what_the_state_is_made_for_is_refused(change, why):
    stages = changed(f"{{from: 3, set: {{rows: 2}}, until: 5}}, {{from: 6, set: {{{change}}}}}")
    with pytest.raises(ScenarioError) as error:
        made("  x: [d]", stages=stages)
    column = stages.rindex("{from") + 1
    assert message(error) == f"f.yaml:11:{column}: {why}; live it as a stage of its own"


def test_a_refusal_stands_where_an_arm_sets_the_change():
    blind = "{use: a, set: {change: [{from: 3, set: {slots: 2}}]}}"
    for arms in (f"  x: [{blind}]", f"  x: {{stages: [b, {blind}]}}"):
        with pytest.raises(ScenarioError, match=rf"^f.yaml:13:{arms.index('{from') + 1}: slots of 'a' can't change"):
            made(arms)


def test_arms_share_a_stage_only_where_it_changes_alike():
    blind = "{use: a, set: {change: [{from: 3, set: {rows: 1}}]}}"
    found = made(f"  x: [a, b]\n  y: [{blind}, b]\n  z: [{blind}, c]")
    x, y, z = (arm(found, name).path[0] for name in "xyz")
    assert y == z != x
