"""One arm: visits, set, budgets, needs, match and total."""

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from devlearn.runs.plan import job_specs, plan, resolved
from devlearn.runs.plan.labels import NOTHING, chosen_by
from devlearn.scenario import ScenarioError, parse
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.tasks.data import most_balanced
from tests.runs.plan.plan_fakes import arm, made, message, spec, stored


def test_visits_and_aliases_key_the_streams():
    lives = arm(made("  x: [a, {use: a, as: again}, b, a, {use: a, as: again}]"), "x").stages
    assert [(lived.name, lived.visit, lived.index) for lived in lives] == [
        ("a", 0, 0), ("again", 0, 1), ("b", 0, 2), ("a", 1, 3), ("again", 1, 4),
    ]  # fmt: skip


def test_set_changes_one_arm_and_keeps_the_stream():
    found = made("  x: [a]\n  y: [{use: a, set: {rows: 7}}]")
    x, y = arm(found, "x").stages[0], arm(found, "y").stages[0]
    assert (x.name, x.visit, x.keys["rows"]) == ("a", 0, 10) and (y.name, y.visit, y.keys["rows"]) == ("a", 0, 7)


@pytest.mark.parametrize(("gain", "size", "expected"), [(1, 30, 30), (16, 30, 2), (16, 32, 2), (16, 33, 3)])
def test_a_budget_ends_at_the_first_yield_that_reaches_it(gain, size, expected):
    found = made(f"  x: [{{use: a, set: {{gain: {gain}, updates: {size}}}}}]")
    lived = arm(found, "x").stages[0]
    assert lived.yields == expected and lived.ledger.updates == expected * gain


def test_a_stage_that_acts_once_is_one_yield():
    assert arm(made("  x: [mix, a]"), "x").stages[0].yields == 1


def test_the_ledger_pays_for_the_whole_path():
    ledger = arm(made("  x: [a, mix, c, c]"), "x").ledger
    assert (ledger.updates, ledger.images, ledger.flops, ledger.labels, ledger.label_bits) == (50, 500, 5000, 10, 10.0)


def test_a_budget_in_a_unit_that_a_stage_does_not_spend():
    with pytest.raises(ScenarioError) as error:
        made("  x: [d]", stages="  d: {kind: drill, env_steps: 3}")
    assert message(error) == "f.yaml:11:20: drill spends no env_steps here; give its budget in another unit"


def test_needs_are_united_over_all_stages_used_or_not():
    small, large = made("  x: [a]"), made("  x: [a]", stages="  d: {kind: drill, size: 5, updates: 1}")
    assert large.points[0].parameters > small.points[0].parameters
    assert [entry["name"] for entry in spec(large)["needs_stages"]] == ["a", "b", "c", "mix", "d"]


def test_a_set_that_needs_more_is_listed_too():
    found = made("  x: [a]\n  y: [{use: a, set: {size: 6}}]\n  z: [{use: a, set: {size: 6, rows: 3}}]")
    names = {entry["name"]: entry["keys"]["size"] for entry in spec(found)["needs_stages"] if entry["kind"] == "drill"}
    assert names == {"a": 3, "b": 3, "c": 3, "a/y/0": 6}


def test_needs_that_contradict_each_other():
    with pytest.raises(ScenarioError, match=r"^f.yaml:11:3: d: head 'out' is asked for as"):
        made("  x: [a]", stages="  d: {kind: picky, updates: 3}")


def test_planning_draws_from_no_global_generator():
    before = torch.random.get_rng_state()
    made("  x: [a, b]")
    assert torch.equal(before, torch.random.get_rng_state())


def test_match_scales_the_last_stage_in_its_own_unit():
    found = made("  x: [a, b]\n  y: {stages: [c], match: {arm: x, by: flops}}")
    last = arm(found, "y").stages[-1]
    assert last.yields == 44 and last.stage.budget() == ("updates", 44)  # 3000 + 1400 flops, 100 a yield
    assert arm(found, "x").ledger.flops == arm(found, "y").ledger.flops == 4400


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    first=st.integers(1, 400), own=st.integers(1, 50), cost=st.integers(1, 90), gain=st.integers(1, 9),
    unit=st.sampled_from(["flops", "images", "updates"]),
)  # fmt: skip
def test_match_is_as_near_as_whole_yields_allow(first, own, cost, gain, unit):
    stages = f"  d: {{kind: drill, flops: {own}, each: {cost}, gain: {gain}, rows: {gain}}}"
    arms = f"""\
  x: [{{use: b, set: {{updates: {first + 60}, rows: 9}}}}]
  y: {{stages: [a, d], match: {{arm: x, by: {unit}}}}}"""
    found = made(arms, stages=stages)
    goal, reached = (getattr(arm(found, name).ledger, unit) for name in ("x", "y"))
    last = arm(found, "y").stages[-1]
    assert abs(goal - reached) * 2 <= getattr(last.costs.windows[0].cost, unit) and last.yields >= 1
    assert last.stage.budget() == ("flops", last.yields * cost)


def test_match_by_labels_gives_the_last_stage_as_many_and_leaves_its_budget():
    found = made(
        "  x: [c, e]\n  y: {stages: [e], match: {arm: x, by: labels}}\n"
        "  z: {stages: [c, a, e], match: {arm: y, by: labels}}",
        stages="  e: {kind: drill, updates: 8, labels: 7}",
    )
    assert [arm(found, name).ledger.labels for name in "xyz"] == [12, 12, 12]
    assert [arm(found, name).stages[-1].stage.labels for name in "xyz"] == [7, 12, 7]
    assert [arm(found, name).stages[-1].yields for name in "xyz"] == [8, 8, 8]


@pytest.mark.parametrize("by", ["[labels, flops]", "[flops, labels]"])
def test_match_by_labels_and_another_unit_meets_both(by):
    found = made(
        f"  x: [c, a, e]\n  y: {{stages: [e], match: {{arm: x, by: {by}}}}}",
        stages="  e: {kind: drill, updates: 8, labels: 7}",
    )
    assert [arm(found, name).ledger.labels for name in "xy"] == [12, 12]
    assert arm(found, "x").ledger.flops == arm(found, "y").ledger.flops
    last = arm(found, "y").stages[-1]
    assert last.stage.labels == 12 and last.yields > 8
    assert resolved(found).content()["points"][0]["arms"]["y"]["match"] == {"arm": "x", "by": yaml.safe_load(by)}


def matched_by_labels(*paid: int | str) -> str:
    """x pays for labels of mnist.valid (5,000 images) stage by stage, y has to know as many in one stage."""
    school = "{kind: supervise, data: mnist.valid, updates: 3, labels: %s}"
    bought = ", ".join(f"s{i}: {school % labels}" for i, labels in enumerate(paid))
    return f"""\
devlearn: 1
scenario: x
brain: {{kind: mlp, width: [4]}}
stages: {{{bought}, few: {school % 20}}}
arms:
  x: [{", ".join(f"s{i}" for i in range(len(paid)))}]
  y: {{stages: [few], match: {{arm: x, by: labels}}}}
"""


def test_match_by_labels_that_no_balanced_draw_has():
    most = most_balanced("mnist.valid")
    assert most + 20 < 5_000
    with pytest.raises(ScenarioError, match=rf"f:7:22: arm 'y' .* 'few' can't have {most + 20:,} labels: a class-bal"):
        plan(parse(matched_by_labels(most, 20), "f"))


def test_match_by_more_labels_than_there_are_and_by_updates():
    text = matched_by_labels("all", 20).replace("by: labels", "by: [labels, updates]")
    last = arm(plan(parse(text, "f")), "y").stages[-1]
    assert (last.stage.labels, last.ledger.labels, last.yields) == ("all", 5_000, 6)


@pytest.mark.parametrize("paid", [("all",), ("all", 20), ("all", "all")])
def test_match_by_as_many_labels_as_there_are_or_more(paid: tuple[int | str, ...]):
    last = arm(plan(parse(matched_by_labels(*paid), "f")), "y").stages[-1]
    assert (last.stage.labels, last.ledger.labels, last.yields) == ("all", 5_000, 3)


def test_match_by_labels_that_a_class_does_not_declare_is_refused():
    """Its labels would be set, and its ledger would say that it had none."""
    with pytest.raises(ScenarioError, match="'e', reads labels and its class declares none in 'cost'") as caught:
        made(
            "  x: [c]\n  y: {stages: [e], match: {arm: x, by: labels}}",
            stages="  e: {kind: silent, updates: 8, labels: 7}",
        )
    assert str(caught.value).startswith("f.yaml:14:20: ")
    assert str(caught.value).endswith("see: devlearn check stage silent")


def test_match_of_a_match():
    found = made(
        "  z: {stages: [b], match: {arm: y, by: updates}}\n  y: {stages: [c], match: {arm: x, by: updates}}\n  x: [a]"
    )
    assert [arm(found, name).ledger.updates for name in "xyz"] == [30, 30, 30]


@pytest.mark.parametrize(
    ("arms", "text"),
    [
        ("  x: [a]\n  y: {stages: [a, a, b], match: {arm: x, by: updates}}",
         "f.yaml:14:26: arm 'y' can't be matched to 'x' by updates: its earlier stages consume 60 of the 30 already"),
        ("  x: [a]\n  y: {stages: [b], match: {arm: x, by: env_steps}}",
         "f.yaml:14:20: arm 'y' can't be matched to 'x' by env_steps: "
         "neither consumes any; match by what both consume"),
        ("  x: [c]\n  y: {stages: [b], match: {arm: x, by: labels}}",
         "f.yaml:14:20: arm 'y' can't be matched to 'x' by labels: "
         "its last stage, 'b', does not consume labels yield by yield"),
        ("  x: [{use: a, set: {steps: 2}}]\n  y: {stages: [b], match: {arm: x, by: env_steps}}",
         "f.yaml:14:20: arm 'y' can't be matched to 'x' by env_steps: "
         "its last stage, 'b', does not consume env_steps yield by yield"),
        ("  x: [c]\n  y: {stages: [a, c], match: {arm: x, by: labels}}", None),
        ("  y: {stages: [a, b], total: {updates: 30}}",
         "f.yaml:13:23: the earlier stages of 'y' consume 30 updates, so nothing of 30 is left"),
        ("  y: {stages: [a, b], total: {env_steps: 30}}",
         "f.yaml:13:23: the last stage of 'y', 'b', consumes no env_steps"),
    ],
)  # fmt: skip
def test_match_and_total_that_can_not_be_met(arms, text):
    if text is None:  # both arms consume the same already
        assert arm(made(arms), "y").stages[-1].yields in (10, 20)
        return
    with pytest.raises(ScenarioError) as error:
        made(arms)
    assert message(error) == text


def test_total_leaves_the_rest_to_the_last_stage():
    found = made("  y: {stages: [a, b], total: {updates: 100}}\n  x: [a, b]")
    last = arm(found, "y").stages[-1]
    assert last.stage.budget() == ("updates", 70) and last.total == ("updates", 100)
    totals = [[stage.get("total") for stage in entry["stages"]] for entry in job_specs(found).values()]
    assert sorted(totals, key=str) == [[None], [None], [["updates", 100]]]
    assert stored(found)["points"][0]["arms"]["y"]["stages"][-1]["total"] == ["updates", 100]


BOUGHT = """\
devlearn: 1
scenario: x
brain: {kind: mlp, width: [4]}
stages:
  all: {kind: supervise, data: mnist.valid, labels: all, updates: 3}
  wide: {kind: supervise, data: mnist.train+valid, labels: all, updates: 3}
  some: {kind: supervise, data: mnist.valid, labels: 30, updates: 3}
  more: {kind: supervise, data: mnist.valid, labels: 50, updates: 3}
  few: {kind: supervise, data: mnist.train+valid, labels: 20, updates: 3}
  told: {kind: supervise.reinforce, data: mnist.valid, labels: all, updates: 1, batch: 10}
arms:
  x: [STAGES]
"""
CHOSEN = """\
devlearn: 1
scenario: x
brain: {kind: mlp, width: [4]}
stages:
  school: {kind: supervise, data: mnist.train, labels: 30, updates: 3}
  gated: {kind: supervise, data: mnist.train, labels: 30, updates: 3, until: {probe: held, at_least: 0.5}}
arms:
  x: [gated, gated, school]
probes:
  held: {kind: accuracy, data: mnist.valid, every: 1, quick: 40}
  other: {kind: accuracy, data: mnist.valid, every: 1, quick: 60}
  test: {kind: accuracy, data: mnist.test}
compare: {probe: test, select: other, smallest_effect: 0.01, pairs: []}
"""


@pytest.mark.parametrize(
    ("stages", "paid"),
    [
        ("all, all", [5_000, 0]),
        ("some, all, more", [30, 4_970, 0]),
        ("some, some, more", [30, 30, 50]),  # draws of their own: how far they overlap is known afterwards
        ("all, wide", [5_000, 55_000]),
        ("wide, all, some", [60_000, 0, 0]),
        ("some, wide, all", [30, 59_970, 0]),
        ("told, all", [5_000, 0]),
    ],
)
def test_a_label_is_paid_for_once_in_a_life(stages: str, paid: list[int]) -> None:
    lives = arm(plan(parse(BOUGHT.replace("STAGES", stages), "f")), "x")
    assert [lived.ledger.labels for lived in lives.stages] == paid
    assert lives.ledger.labels == sum(paid)


def test_what_is_new_of_a_split_is_less_what_was_drawn_of_its_own_parts() -> None:
    few, part = LabelledBatches("mnist.train", 20, 8), LabelledBatches("mnist.valid", 30, 8)
    train, valid, both = (LabelledBatches(f"mnist.{split}", "all", 8) for split in ("train", "valid", "train+valid"))
    drawn = NOTHING.with_(few)
    assert [drawn.new(one) for one in (train, valid, both, few)] == [54_980, 5_000, 59_980, 20]
    assert drawn.with_(part).new(both) == 59_950
    assert drawn.with_(part).with_(valid).new(both) == 54_980  # the 30 are among the 5,000
    assert drawn.with_(train).new(both) == 5_000


def test_the_labels_that_choices_read_are_those_of_the_data() -> None:
    found = chosen_by([("mnist.valid", np.array([0, 2])), ("mnist.train+valid", np.array([55_000, 1]))])
    assert found == {("mnist train", place) for place in (55_000, 55_002, 1)}


def test_labels_that_choices_read_are_planned_once_and_apart() -> None:
    """The gate reads 0, 125, 250, ... of 5,000, 40 in all; ``select`` 0, 83, 166, 250, ..: 40 of 60 are new."""
    lives = arm(plan(parse(CHOSEN, "f")), "x")
    assert [lived.ledger.labels_validation for lived in lives.stages] == [40, 0, 40]
    assert lives.ledger.labels_validation == 80


def test_a_match_by_labels_goes_by_what_is_new() -> None:
    """x has 60,000 in the end: y, which has 5,000 of them before, gets the other 55,000 by the whole of its split."""
    both = "wide, all]\n  y: {stages: [all, LAST], match: {arm: x, by: labels}}\n  z: [some"
    text = BOUGHT.replace("STAGES", both)
    found = plan(parse(text.replace("LAST", "few"), "f"))
    assert [arm(found, name).ledger.labels for name in "xy"] == [60_000, 60_000]
    assert arm(found, "y").stages[-1].stage.labels == "all"
    with pytest.raises(ScenarioError, match="before 'some' have bought all labels of its split"):
        plan(parse(text.replace("LAST", "some"), "f"))
