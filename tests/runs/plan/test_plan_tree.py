"""Shared lives, vary, and what is part of an identity."""

import pytest

from devlearn.runs.plan import job_specs, resolved, same_run
from tests.runs.plan.plan_fakes import Drill, arm, branches, made, paths, stored


def test_shared_beginnings_are_lived_once():
    found = made("  x: [c]\n  y: [a, b, c]\n  z: [a, b, mix, c]\n  w: [a]\n  v: [a, b, c]")
    assert paths(found) == {
        "x": ["c"], "y": ["a", "b", "c"], "z": ["a", "b", "mix+c"], "w": ["a"], "v": ["a", "b", "c"],
    }  # fmt: skip
    assert arm(found, "y").path == arm(found, "v").path and arm(found, "y").path[:2] == arm(found, "z").path[:2]
    assert len(found.jobs) == 5
    shared = next(job for job in found.jobs if job.branch.name == arm(found, "w").path[0])
    assert shared.branch.arms == ("y", "z", "w", "v") and shared.parent is None
    assert arm(found, "x").path[0] != arm(found, "y").path[-1]


@pytest.mark.parametrize("change", ["set: {rows: 9}", "as: other", "set: {updates: 31}"])
def test_another_key_name_or_budget_is_another_life(change):
    found = made(f"  x: [a, c]\n  y: [{{use: a, {change}}}, c]")
    assert not set(arm(found, "x").path) & set(arm(found, "y").path)


def test_a_second_visit_is_another_stage():
    found = made("  x: [a, a]\n  y: [a, b]")
    assert paths(found) == {"x": ["a", "a"], "y": ["a", "b"]}


def test_parents_come_first_and_hold_the_seeds_of_their_children():
    found = made("  x: [a, b, c]\n  y: [a, b, mix]\n  z: [a, c]", head="seeds: 7\nblock: 3")
    seen: dict[str, tuple[int, ...]] = {}
    for job in found.jobs:
        assert job.parent is None or seen[job.parent] == job.seeds
        seen[job.folder] = job.seeds
    assert sorted(seen.values())[-1] == (6,) and len(seen) == 5 * 3


def test_long_names_are_shortened():
    stages = "".join(f"  a_stage_with_a_long_name_{i}: {{kind: drill, updates: 1}}\n" for i in range(5))
    names = ", ".join(f"a_stage_with_a_long_name_{i}" for i in range(5))
    (job,) = made(f"  x: [{names}]", stages=stages).jobs
    assert job.branch.name.rsplit("-", 1)[0] == "a_stage_with_a_l+3-more+a_stage_with_a_l"


def test_vary_shares_what_does_not_depend_on_it():
    found = made("  x: [a, c]\n  y: [c]", "vary: {stages.c.labels: [1, 2]}", head="seeds: 4\nblock: 2")
    assert [dict(point.point) for point in found.points] == [{"stages.c.labels": labels} for labels in (1, 2)]
    roots = {arm(found, "x", point).path[0] for point in range(2)}
    assert len(roots) == 1 and len({arm(found, "x", point).path[1] for point in range(2)}) == 2
    assert len(found.jobs) == (1 + 2 + 2) * 2


def test_vary_of_the_brain_shares_nothing():
    found = made("  x: [a]", "vary: {brain.width: [[3], [4, 4]]}")
    entries = stored(found)["points"]
    assert len(found.jobs) == 2 and found.points[0].parameters != found.points[1].parameters
    assert entries[0]["brain"]["width"] == [3] and "brain" not in entries[1]
    assert [entry["brain"]["width"] for entry in job_specs(found).values()] == [[3], [4, 4]]


def test_seeds_and_blocks_are_no_part_of_an_identity():
    arms = "  x: [a, b]\n  y: [a, c]"
    first, second = made(arms), made(arms, head="seeds: [0, 5, 9]\nblock: 2")
    assert branches(first) == branches(second) and resolved(first).digest == resolved(second).digest


@pytest.mark.parametrize(
    "other",
    [
        {"arms": "  x: [{use: a, set: {rows: 9}}]"},
        {"arms": "  x: [a]", "stages": "  d: {kind: drill, size: 5, updates: 1}"},
        {"arms": "  x: [a]", "more": "  another: {kind: score}"},
    ],
)
def test_stages_needs_and_probes_are_part_of_it(other):
    assert not set(branches(made("  x: [a]"))) & set(branches(made(**other)))


def test_a_stages_version_is_part_of_it(monkeypatch):
    before = made("  x: [a]")
    monkeypatch.setattr(Drill, "version", 2)
    after = made("  x: [a]")
    assert branches(before) != branches(after)
    assert same_run(stored(before), stored(after)) == [
        "arm 'x': a stage's version, the probes, compare.select or what the stages need of the brain has changed"
    ]
