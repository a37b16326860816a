"""What the scenario asks must come to pass: moments, windows of a change, points of a power law."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devlearn.runs.plan.checks import _moment
from devlearn.runs.plan.cost_model import CostModel
from devlearn.runs.plan.model import PlannedStage
from devlearn.scenario import ScenarioError
from devlearn.stages.stage import Cost
from tests.runs.plan.plan_fakes import Drill, made, message

ARMS = "  x: [a, b]\n  y: [b]"  # b lives 20 updates, and 'valid' is measured every 10
GATED = "  g: {kind: drill, updates: 30, until: {probe: valid, at_least: 0.5}}"


def asked(compare: str, arms: str = ARMS, vary: str = "", stages: str = "") -> str | None:
    """What is wrong with a question, without its place; None where nothing is."""
    try:
        made(arms, f"compare: {{probe: valid, {compare}}}\n{vary}", stages=stages)
    except ScenarioError as error:
        assert str(error).startswith("f.yaml:") and len(error.problems) == 1
        return error.problems[0].message
    return None


@pytest.mark.parametrize("at", ["10", "20", "end", "birth", "area"])
def test_a_moment_that_is_measured_can_be_asked_for(at):
    assert asked(f"at: {at}") is None


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (5, "'valid' is not measured at update 5 of stage 'b' of arm 'x'; the nearest is 10"),
        (0, "'valid' is not measured at update 0 of stage 'b' of arm 'x'; the nearest is 10"),
        (13, "'valid' is not measured at update 13 of stage 'b' of arm 'x'; the nearest is 10"),
        (100000, "update 100,000 is never reached: stage 'b' of arm 'x' is over at update 20"),
    ],
)
def test_an_update_that_is_never_measured_is_refused(at, why):
    assert asked(f"at: {at}") == why


def test_the_shortest_arm_counts_as_it_is_matched():
    short = "  x: [b]\n  y: {stages: [c, b], match: {arm: x, by: updates}}"  # 10 updates of b are left in y
    assert asked("at: 20", short) == "update 20 is never reached: stage 'b' of arm 'y' is over at update 10"
    assert asked("at: 10", short) is None


def test_yields_of_several_updates_are_measured_where_they_end():
    rolling = "  r: {kind: drill, updates: 40, gain: 4}"
    assert asked("at: 12", "  x: [r]", stages=rolling) is None
    assert "the nearest is 12" in str(asked("at: 10", "  x: [r]", stages=rolling))


def test_what_a_gate_leaves_of_a_total_may_be_reached():
    gated = "  x: {stages: [g, b], total: {updates: 50}}"
    assert asked("at: 40", gated, stages=GATED) is None
    assert asked("at: 40", gated.replace("g, b", "a, b")) is not None


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    gains=st.lists(st.integers(1, 5), min_size=3, max_size=3), window=st.tuples(st.integers(0, 9), st.integers(1, 9)),
    every=st.integers(1, 12),
)  # fmt: skip
def test_moments_are_those_of_living_yield_by_yield(gains, window, every):
    change = {"from": window[0], "until": sum(window), "set": {"gain": gains[1]}}
    stage = Drill(gain=gains[0], updates=40, change=[change])
    lived = PlannedStage("d", 0, 0, "drill", stage, CostModel(stage, lambda stage: Cost(stage.gain)), 0)
    updates, found = 0, []
    while updates < 40:
        after = updates + lived.rates.at(updates).work.updates
        found += [after] * (updates // every < after // every)
        updates = after
    assert found == sorted({_moment(lived, due) for due in range(every, updates + 1, every)})


@pytest.mark.parametrize(
    ("compare", "arms"),
    [("at: area", "  x: [c]"), ("levels: [0.5]", "  x: [b]\n  y: [c]"), ("select: valid", "  x: [b, c]")],
)
def test_what_is_never_measured_on_the_way_is_refused(compare, arms):
    why = str(asked(compare, arms))  # c lives 10 updates, and at the tenth the stage is over
    assert why.startswith("'valid' has 'every: 10' and is never measured on the way in stage 'c' of arm ")
    assert "which lives 10 updates; measure it more often" in why
    assert asked(compare, "  x: [b]\n  y: [b, mix]") is None  # what acts once has no way


def test_a_change_that_never_comes_is_refused():
    def stage(begin: int) -> str:
        return f"  d: {{kind: drill, updates: 30, change: [{{from: {begin}, set: {{rows: 3}}}}]}}"

    made("  x: [d]", stages=stage(29))
    with pytest.raises(ScenarioError) as error:
        made("  x: [d]", stages=stage(30))
    assert message(error) == (
        "f.yaml:11:42: this change of 'd' never comes: it begins at update 30, and arm 'x' lives 30 of them; "
        "begin it earlier, or give the arm a change of its own with set"
    )
    with pytest.raises(ScenarioError, match=r"f.yaml:14:44: this change of 'd' never comes: .* arm 'y' lives 10"):
        own = "{use: d, set: {updates: 10, change: [{from: 12, set: {rows: 3}}]}}"
        made(f"  x: [d]\n  y: [{own}]", stages=stage(5))
    made("  x: [d]\n  y: [{use: d, set: {updates: 10, change: []}}]", stages=stage(29))


LABELS = "vary: {stages.c.labels: [5, 20, 30, 40]}"


@pytest.mark.parametrize(
    ("fit", "arms", "vary", "why"),
    [
        ("{over: labels, from: 20, to: 30}", "  x: [c]", LABELS,
         "a power law takes 3 points of different labels from 20 to 30; x has 20, 30"),
        ("{over: labels, from: 25}", "  x: [c]\n  y: [a]", LABELS,
         "a power law takes 3 points of different labels from 25; x has 30, 40; y has none"),
        ("{over: updates}", "  x: [a, c]", "vary: {stages.c.updates: [10, 20]}",
         "a power law takes 3 points of different updates; x has 40, 50"),
        ("{over: parameters}", "  x: [c]", LABELS, None),
        ("{over: labels, from: 20}", "  x: [c]\n  y: [a]", LABELS, ""),
        ("{over: labels, to: 30}", "  x: [c]", LABELS, ""),
    ],
)  # fmt: skip
def test_a_power_law_takes_three_points(fit, arms, vary, why):
    found = asked(f"fit: {fit}", arms, vary)
    if why is None:
        assert found is not None and found.startswith("a power law takes 3 points of different parameters; x has ")
    else:
        assert found == (why or None)


def test_what_gates_leave_open_is_left_to_the_records():
    assert asked("fit: {over: updates}", "  x: [g]", "vary: {stages.g.updates: [10, 20]}", GATED) is None
