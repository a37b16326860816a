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
        after = updates + lived.costs.at(updates).cost.updates
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
    assert asked("fit: {over: updates}", "  x: [g]", "vary: {stages.g.updates: [20, 30]}", GATED) is None


def wrong(arms: str, stages: str = "") -> str | None:
    """What is wrong with a scenario, with its place; None where nothing is."""
    try:
        made(arms, stages=stages)
    except ScenarioError as error:
        return str(error)
    return None


def gated(budget: str, gate: str = "", keys: str = "") -> str:
    return f"  d: {{kind: drill, {budget}{keys}, until: {{probe: valid, at_least: 0.5{gate}}}}}"


@pytest.mark.parametrize(
    ("budget", "gate", "keys"),
    [
        ("updates: 11", "", ""),  # measured at 10, before the end at 11
        ("updates: 31", ", min_updates: 30", ""),
        ("images: 110", "", ""),  # 10 images an update
        ("updates: 13", "", ", gain: 4"),  # yields end at 4, 8, 12, 16: measured at 12
    ],
)
def test_a_gate_that_can_open_is_accepted(budget: str, gate: str, keys: str) -> None:
    assert wrong("  x: [d]", gated(budget, gate, keys)) is None


NEVER = "updates of 'd': 'valid' has 'every: 10' and is never measured on the way; measure it more often"


@pytest.mark.parametrize(
    ("budget", "gate", "keys", "why"),
    [
        ("updates: 10", "", "", f"which lives 10 {NEVER}"),
        ("images: 100", "", "", f"which lives 10 {NEVER}"),
        ("updates: 12", "", ", gain: 4", f"which lives 12 {NEVER}"),
        ("updates: 31", ", min_updates: 31", "", "waits for update 31, and 'valid' is last measured on the way at 30"),
        ("updates: 30", ", min_updates: 30", "", "waits for update 30, and 'valid' is last measured on the way at 20"),
    ],
)  # fmt: skip
def test_a_gate_that_never_opens_is_refused_where_it_stands(budget: str, gate: str, keys: str, why: str) -> None:
    found = str(wrong("  x: [d]", gated(budget, gate, keys)))
    assert found.startswith("f.yaml:11:") and "this gate never opens in arm 'x'" in found and why in found


def test_a_gate_of_an_arms_own_is_refused_at_the_arm() -> None:
    own = "{use: b, set: {until: {probe: valid, at_least: 0.5, min_updates: 20}}}"
    assert str(wrong(f"  x: [b]\n  y: [{own}]")).startswith("f.yaml:14:22: this gate never opens in arm 'y'")
    shorter = "{use: d, set: {updates: 10}}"
    assert str(wrong(f"  x: [d]\n  y: [{shorter}]", gated("updates: 30"))).startswith("f.yaml:11:")


def test_what_fills_up_a_total_after_a_gate_may_open_one_later_than_planned() -> None:
    late = "  late: {kind: drill, updates: 5, until: {probe: valid, at_least: 0.5, min_updates: 40}}"
    assert wrong("  x: {stages: [g, late], total: {updates: 50}}", f"{GATED}\n{late}") is None


FADES = "  f: {kind: fades, updates: 20}\n  even: {kind: fades, updates: 20, schedule: constant}"
TURNS = "  turns: {kind: fades, updates: 20, schedule: constant, change: [{from: 2, set: {schedule: linear}}]}"


@pytest.mark.parametrize("last", ["f", "turns"])
def test_a_schedule_over_what_a_gate_leaves_of_a_total_is_refused(last: str) -> None:
    """Who passes early has more yields than are planned: the schedule would be at its end before the learner is."""
    stages = f"{GATED}\n{FADES}\n{TURNS}"
    found = str(wrong(f"  x: {{stages: [g, {last}], total: {{updates: 50}}}}", stages))
    assert f"'{last}' follows its planned budget" in found and "the gate of 'g' before it" in found
    assert found.startswith("f.yaml:16:")
    assert wrong(f"  x: {{stages: [a, {last}], total: {{updates: 50}}}}", stages) is None  # no gate
    assert wrong(f"  x: [g, {last}]", stages) is None  # no total


def test_a_constant_rate_may_fill_up_a_total_after_a_gate() -> None:
    assert wrong("  x: {stages: [g, even], total: {updates: 50}}", f"{GATED}\n{FADES}") is None
