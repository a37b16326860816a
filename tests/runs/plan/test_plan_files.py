"""resolved.json, job.json, estimates, and extending a run."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devlearn import registry
from devlearn.runs.plan import job_specs, same_run
from devlearn.runs.plan.schedule import makespan
from devlearn.runs.plan.tree import block_name, blocks
from devlearn.streams import PINNED
from tests.runs.plan.plan_fakes import Drill, arm, branches, made, paths, spec, stored


def test_resolved_and_jobs_have_the_agreed_keys():
    found = made("  x: [a, b]\n  y: [a, c]", "compare: {probe: valid, smallest_effect: 0.1, pairs: [[x, y]]}")
    content = stored(found)
    assert list(content) == [
        "format", "scenario", "digest", "about", "seeds", "brain", "probes", "compare", "pin", "points", "jobs",
    ]  # fmt: skip
    assert content["compare"] == {
        "probe": "valid", "metric": "score", "better": "higher", "at": "end",
        "smallest_effect": 0.1, "pairs": [["x", "y"]], "looks": None, "levels": [], "select": None, "fit": None,
    }  # fmt: skip
    assert content["probes"]["valid"] == {
        "kind": "score", "every": 10, "worst": None,
        "metrics": {"score": {"better": "higher", "worst": 0.0, "unit": "number"}},
    }  # fmt: skip
    x = content["points"][0]["arms"]["x"]
    assert [stage["branch"] for stage in x["stages"]] == x["path"]
    assert {k: x["stages"][1][k] for k in ("name", "visit", "kind", "budget", "index")} == {
        "name": "b", "visit": 0, "kind": "drill", "budget": ["updates", 20], "index": 1,
    }  # fmt: skip
    specs = job_specs(found, device="cuda", path=("/here",))
    assert list(specs) == [job["folder"] for job in content["jobs"]]
    for entry, job in zip(specs.values(), content["jobs"], strict=True):
        assert (entry["branch"], entry["seeds"], entry["parent"]) == (job["branch"], job["seeds"], job["parent"])
        assert (entry["device"], entry["path"], entry["format"]) == ("cuda", ["/here"], 1)
        assert all(list(stage) == ["name", "visit", "kind", "index", "keys"] for stage in entry["stages"])
    last = list(specs.values())[-1]
    assert last["stages"][0]["index"] == 1 and last["arms"] == ["y"] and last["brain"]["kind"] == "mlp"


def test_units_of_metrics_are_written_and_make_no_other_question():
    before = stored(made("  x: [a]"))
    kind = registry.get("probes", "score")
    plain = kind.metrics
    kind.metrics = {"score": plain["score"]._replace(unit="share")}
    try:
        after = stored(made("  x: [a]"))
    finally:
        kind.metrics = plain
    assert after["probes"]["valid"]["metrics"]["score"] == {"better": "higher", "worst": 0.0, "unit": "share"}
    assert after["digest"] == before["digest"]
    assert [job["folder"] for job in after["jobs"]] == [job["folder"] for job in before["jobs"]]


def test_how_settings_were_searched_is_written_and_makes_no_other_question():
    before, after = stored(made("  x: [a]")), stored(made("  x: [a]", "searched: 'by hand: lr'"))
    assert after.pop("searched") == "by hand: lr"
    assert after == before


def test_stages_are_rebuilt_from_a_job_as_they_were():
    found = made("  x: [a]\n  y: {stages: [b], match: {arm: x, by: flops}}")
    for job, entry in zip(found.jobs, job_specs(found).values(), strict=True):
        (lived,), (stage,) = job.branch.stages, json.loads(json.dumps(entry["stages"]))
        assert registry.get("stages", stage["kind"])(**stage["keys"]) == lived.stage


def test_estimates_add_up():
    found = made("  x: [e, b]\n  y: [e, c]", stages="  e: {kind: drill, updates: 5, steps: 100, env: CartPole-v1}")
    flops = 500 + 1400 + 500 + 1000
    updates = {name: arm(found, name).ledger.updates for name in "xy"}
    once = updates["x"] + updates["y"] - 5
    assert math.isclose(found.seconds, 4 * ((flops - 500) / 60e9 + 500 * 40e-6) + once * 2.5e-3, rel_tol=1e-12)
    longest = 4 * ((500 + 1400) / 60e9 + 500 * 40e-6) + updates["x"] * 2.5e-3
    assert math.isclose(makespan(found.jobs, len(found.jobs)), longest, rel_tol=1e-12)
    assert max(job.memory for job in found.jobs) == 4 * found.points[0].parameters * 4 * 4


def test_the_largest_state_of_a_life_is_part_of_the_memory():
    found = made("  x: [d, b]", stages="  d: {kind: drill, updates: 5, kept: 1000}")
    assert max(job.memory for job in found.jobs) == 4 * (found.points[0].parameters * 4 * 4 + 1000)


def test_the_same_scenario_is_the_same_run():
    arms = "  x: [a, b]\n  y: [a, c]"
    old = stored(made(arms))
    assert stored(made(arms, old=old)) == old and same_run(old, stored(made(arms, old=old))) == []


def test_more_seeds_make_new_blocks_beside_the_old():
    arms = "  x: [a, b]\n  y: [a, c]"
    old = stored(made(arms, head="seeds: 3\nblock: 4"))
    new = stored(made(arms, head="seeds: 9\nblock: 4", old=old))
    assert same_run(old, new) == []
    assert {tuple(job["seeds"]) for job in new["jobs"]} == {(0, 1, 2), (3, 4, 5, 6), (7, 8)}
    assert {job["folder"] for job in old["jobs"]} <= {job["folder"] for job in new["jobs"]}


def test_fewer_seeds_keep_the_blocks_that_hold_them():
    old = stored(made("  x: [a]", head="seeds: 8\nblock: 4"))
    new = stored(made("  x: [a]", head="seeds: 2\nblock: 4", old=old))
    assert new["seeds"] == [0, 1] and [job["seeds"] for job in new["jobs"]] == [[0, 1, 2, 3]]


def test_a_new_arm_leaves_lived_branches_whole():
    old = stored(made("  x: [a, b, c]\n  y: [b]"))
    added = made("  x: [a, b, c]\n  y: [b]\n  z: [a, b, mix]\n  w: [a, b, c, mix]", old=old)
    assert same_run(old, stored(added)) == []
    assert {job["folder"] for job in old["jobs"]} <= {job.folder for job in added.jobs}
    assert paths(added) == {"x": ["a+b+c"], "y": ["b"], "z": ["a+b+mix"], "w": ["a+b+c", "mix"]}
    assert paths(made("  x: [a, b, c]\n  z: [a, b, mix]")) == {"x": ["a+b", "c"], "z": ["a+b", "mix"]}
    again = stored(added)
    assert stored(made("  x: [a, b, c]\n  y: [b]\n  z: [a, b, mix]\n  w: [a, b, c, mix]", old=again)) == again


@pytest.mark.parametrize(
    ("arms", "more", "reason"),
    [
        ("  x: [a, c]", "", "arm 'x': its stages were a, b and are a, c"),
        ("  x: [a, {use: b, set: {rows: 3}}]", "", "arm 'x': stage 'b': rows was 10 and is 3"),
        (
            "  x: {stages: [a, b], total: {updates: 50}}",
            "",
            "arm 'x': stage 'b': total was null and is [\"updates\", 50]",
        ),
        ("  x: [a, b]", "  more: {kind: score}", "its probes are others"),
    ],
)
def test_another_run_is_refused_with_the_reason(arms, more, reason):
    old = stored(made("  x: [a, b]"))
    assert reason in same_run(old, stored(made(arms, more, old=old)))


def test_another_scenario_or_brain_is_refused():
    old = stored(made("  x: [a]"))
    other = {**old, "scenario": "other", "brain": {**old["brain"], "width": [9]}}
    assert same_run(old, other) == ["it holds scenario 'fake', and this is 'other'", "its brain is another"]
    assert same_run(old, {**old, "format": 2}) == ["it was written in format 1, and this is 2"]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    wanted=st.lists(st.lists(st.integers(0, 30), unique=True, min_size=1), min_size=1, max_size=4),
    size=st.integers(1, 9),
)
def test_blocks_are_disjoint_cover_all_seeds_and_are_named_apart(wanted, size):
    found = blocks(wanted, size)
    seeds = [seed for block in found for seed in block]
    assert len(seeds) == len(set(seeds)) and set(seeds) == {seed for one in wanted for seed in one}
    assert all(0 < len(block) <= size for block in found)
    assert len({block_name(block) for block in found}) == len(found)
    assert blocks(wanted, size + 1, found) == found


def test_block_names():
    assert [block_name(block) for block in ((0, 1, 2), (5,))] == ["seeds-0-2", "seeds-5"]
    assert block_name((3, 7)).startswith("seeds-3-7-")


def test_what_decides_a_life_is_in_its_digest_and_in_its_jobs():
    arms, question = "  x: [a, b]\n  y: [a]", "compare: {probe: valid, smallest_effect: 0.1, pairs: [[x, y]]"
    plain, pinned = made(arms, question + "}"), made(arms, question + "}\npin: [init]")
    selected = made(arms, question + ", select: valid}")
    assert paths(plain) == {"x": ["a", "b"], "y": ["a"]} and not {*branches(plain)} & {*branches(pinned)}
    assert paths(selected) == {"x": ["a+b"], "y": ["a"]}  # the last stage of one is on the way of the other
    assert stored(pinned)["pin_seed"] == PINNED and "pin_seed" not in stored(plain)
    assert stored(pinned)["pin"] == ["init"] and spec(pinned)["pin"] == ["init"] and spec(plain)["select"] is None
    for number, marks in ((0, [None, True]), (1, [True])):
        assert [stage.get("select") for stage in spec(selected, number)["stages"]] == marks
        assert spec(selected, number)["select"] == {"probe": "valid", "metric": "score", "better": "higher"}
    assert [stage.get("select") for stage in stored(selected)["points"][0]["arms"]["x"]["stages"]] == [None, True]
    assert "it pins [], and this pins" in "\n".join(same_run(stored(plain), stored(pinned)))
    assert "compare.select was null" in "\n".join(same_run(stored(plain), stored(selected)))


def test_a_run_that_was_stored_before_a_key_of_the_question_existed_is_the_same():
    now = stored(made("  x: [a]", "compare: {probe: valid}"))
    before = {key: value for key, value in now.items() if key != "pin"}
    before["compare"] = {key: now["compare"][key] for key in ("probe", "metric", "better", "at", "pairs")}
    assert same_run(before, now) == []


def test_a_point_says_how_large_its_network_is_and_an_arm_what_it_equals():
    vary = "vary: {brain.width: [[4, 4], [8, 8]]}"
    first, second = stored(made("  x: [a]\n  y: {stages: [b], match: {arm: x, by: flops}}", vary))["points"]
    assert (first["parameters"], second["parameters"]) == (3 * 4 + 4 + 20 + 10, 3 * 8 + 8 + 72 + 18)
    assert first["arms"]["y"]["match"] == {"arm": "x", "by": "flops"} and "match" not in first["arms"]["x"]


def test_learners_that_share_something_are_one_lineage(monkeypatch):
    found = made("  x: [a, b]\n  y: [b]")
    assert "lineages" not in stored(found)["points"][0]["arms"]["x"]
    shares = {"updates": 30}, {1: "genome 1", 2: "genome 1", 3: "genome 2"}
    also = {"updates": 20}, {0: "teacher", 3: "teacher"}

    def lineage(stage, seed):
        return next((names.get(seed) for keys, names in (shares, also) if stage.updates == keys["updates"]), None)

    monkeypatch.setattr(Drill, "lineage", lineage)
    arms = stored(found)["points"][0]["arms"]
    assert arms["x"]["lineages"] == {"0": "teacher", "1": "genome 1", "2": "genome 1", "3": "teacher"}
    assert arms["y"]["lineages"] == {"0": "teacher", "1": "seed 1", "2": "seed 2", "3": "teacher"}


def test_a_folder_from_before_units_were_declared_can_be_gone_on_with():
    content = stored(made("  x: [a, b]\n  y: [a, c]"))
    old = json.loads(json.dumps(content))
    for probe in old["probes"].values():
        for metric in probe["metrics"].values():
            metric.pop("unit")
    assert same_run(old, content) == []
    old["probes"]["valid"]["metrics"]["score"]["better"] = "lower"
    assert same_run(old, content) == ["its probes are others"]
