"""Edges of the plan between arms: what one takes from another."""

from typing import Any

from devlearn.records.schema import Resolved
from devlearn.runs.plan import job_specs, same_run
from devlearn.runs.plan.schedule import makespan
from tests.runs.plan.plan_fakes import arm, made, paths, stored

TAKE = "  take: {kind: taker, updates: 10, of: {arm: giver, stage: a}}\n  more: {kind: drill, updates: 5}"


def edges(found: Any) -> dict[str, list[str]]:
    """By job, the jobs that it waits for, all by their stages' names and first seed."""
    names = {job.folder: f"{job.branch.name.rsplit('-', 1)[0]}/{job.seeds[0]}" for job in found.jobs}
    return {names[job.folder]: [names[before] for before in job.before] for job in found.jobs}


def test_a_life_ends_a_branch_where_it_gives_and_the_heir_waits_for_it_block_by_block():
    found = made("  heir: [take, b]\n  giver: [a, b]", stages=TAKE, head="seeds: 4\nblock: 2")
    assert paths(found) == {"heir": ["take+b"], "giver": ["a", "b"]}
    assert edges(found) == {
        "a/0": [], "a/2": [], "take+b/0": ["a/0"], "take+b/2": ["a/2"], "b/0": ["a/0"], "b/2": ["a/2"],
    }  # fmt: skip
    specs = job_specs(found)
    entry = next(spec for folder, spec in specs.items() if "take" in folder and spec["seeds"] == [2, 3])
    (giver,) = entry["givers"]
    assert giver == {"arm": "giver", "stage": "a", "what": "learner", "folder": giver["folder"]}
    assert specs[giver["folder"]]["seeds"] == [2, 3] and "givers" not in specs[giver["folder"]]
    (job,) = [job for job in stored(found)["jobs"] if job["folder"].startswith("jobs/take") and 0 in job["seeds"]]
    assert job["givers"] == [next(job["folder"] for job in stored(found)["jobs"] if 0 in job["seeds"])]
    assert Resolved.of(stored(found)).jobs[2].givers == tuple(job["givers"])


def test_whoever_gives_at_its_end_is_no_other_life():
    with_heir, without = (made(f"  giver: [a]\n{heir}", stages=TAKE) for heir in ("  heir: [take]", "  other: [b]"))
    assert arm(with_heir, "giver").path == arm(without, "giver").path


def test_another_life_of_the_giver_is_another_life_of_the_heir():
    first, other, renamed = (
        made(f"  giver: [{stage}]\n  heir: [take, b]\n  apart: [b]", stages=TAKE)
        for stage in ("a", "{use: a, set: {rows: 9}}", "a, mix")
    )
    assert arm(first, "heir").path != arm(other, "heir").path
    assert arm(first, "heir").path == arm(renamed, "heir").path, "what the giver does afterwards is of no account"
    assert arm(first, "apart").path == arm(other, "apart").path


def test_an_heir_of_an_heir_waits_for_both_and_depends_on_both():
    third = TAKE + "\n  third: {kind: taker, updates: 10, of: {arm: heir, stage: take}}"
    first, other = (
        made(f"  last: [third]\n  heir: [take]\n  giver: [{stage}]", stages=third, head="seeds: 1")
        for stage in ("a", "{use: a, set: {rows: 9}}")
    )
    assert list(edges(first).items()) == [("a/0", []), ("take/0", ["a/0"]), ("third/0", ["take/0"])]
    assert arm(first, "last").path != arm(other, "last").path
    assert makespan(first.jobs, len(first.jobs)) == sum(job.seconds for job in first.jobs)


def test_seeds_and_heirs_are_added_beside_what_has_been_lived():
    arms = "  giver: [a, b]"
    old = made(arms, head="seeds: 2\nblock: 2", stages=TAKE)
    assert paths(old) == {"giver": ["a+b"]}
    more = made(f"{arms}\n  heir: [take]", old=stored(old), head="seeds: 4\nblock: 2", stages=TAKE)
    assert same_run(stored(old), stored(more)) == []
    assert arm(more, "giver").path == arm(old, "giver").path, "what has been lived stays"
    assert sorted(edges(more)) == ["a+b/0", "a+b/2", "a/0", "a/2", "take/0", "take/2"]
    assert edges(more)["take/2"] == ["a/2"] and edges(more)["a/2"] == []
    last = made(f"{arms}\n  heir: [take]", old=stored(more), head="seeds: 6\nblock: 2", stages=TAKE)
    assert same_run(stored(more), stored(last)) == [] and edges(last)["take/4"] == ["a/4"]


def test_at_every_point_the_heir_takes_from_that_points_giver():
    found = made("  giver: [a]\n  heir: [take]", "vary: {stages.a.rows: [1, 2]}", stages=TAKE, head="seeds: 1")
    givers = {arm(found, "giver", point).path[0] for point in (0, 1)}
    heirs = {arm(found, "heir", point).path[0] for point in (0, 1)}
    assert len(givers) == len(heirs) == 2
    for job in found.jobs:
        if job.branch.name in heirs:
            (before,) = job.before
            assert before == f"jobs/{arm(found, 'giver', job.branch.point).path[0]}/seeds-0"


def test_a_match_beside_it_makes_no_circle():
    stages = TAKE + "\n  last: {kind: drill, updates: 1}"
    arms = "  giver: {stages: [a], match: {arm: heir, by: updates}}\n  heir: [take, b]"
    assert arm(made(arms, stages=stages), "giver").ledger.updates == 30


def test_lineages_pass_on_and_are_not_made():
    """The learner of the same seed makes no lineage; a genome that it shares with others does."""
    stages = TAKE + "\n  kin: {kind: kin}"
    own, shared = (
        stored(made(f"  giver: [{first}a]\n  heir: [take, b]", stages=stages, head="seeds: 4"))
        for first in ("", "kin, ")
    )
    assert "lineages" not in own["points"][0]["arms"]["heir"]
    assert shared["points"][0]["arms"]["heir"]["lineages"] == {"0": "even", "1": "odd", "2": "even", "3": "odd"}
    take, b = shared["points"][0]["arms"]["heir"]["stages"]
    assert set(take["kin"]) == {"0", "1", "2", "3"} and "kin" not in b
    assert take["kin"]["0"] == shared["points"][0]["arms"]["giver"]["stages"][0]["kin"]["0"]


def test_what_the_giver_draws_is_drawn_for_the_heir_too():
    found = stored(
        made(
            "  giver: [waves]\n  heir: [take]",
            stages=TAKE.replace("stage: a", "stage: waves") + "\n  waves: {kind: innate.waves, updates: 2}",
        )
    )
    assert set(found["points"][0]["arms"]["giver"]["draws"]) <= set(found["points"][0]["arms"]["heir"]["draws"])
