"""The whole plan: points resolved, the tree of lives, jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from devlearn.records.layout import job_name
from devlearn.runs.plan import checks
from devlearn.runs.plan.gifts import end_of
from devlearn.runs.plan.model import Branch, Plan, PlannedJob, PlannedStage, PointPlan
from devlearn.runs.plan.resolve import resolve
from devlearn.runs.plan.tree import Block, Tree, block_name, blocks, tree
from devlearn.scenario import Of, Scenario, points

FLOPS_A_SECOND = 60e9  # rough: float32 matmuls on one core
SECONDS_AN_UPDATE = 2.5e-3  # rough: what an update of a whole block costs, however little it computes
SECONDS_A_STEP = {True: 2e-6, False: 40e-6}  # rough: our batch-native environments, any other
COPIES = 4  # weights, gradients, two moments
BEST = 2  # weights at their best, and the last ones while these are measured
BYTES = 4


def plan(scenario: Scenario, old: Mapping[str, Any] | None = None) -> Plan:
    """What a scenario comes to.

    ``old`` is the ``resolved.json`` of the run folder that it is meant for, if there is one: its branches and blocks
    are kept whole, so that seeds and arms are added beside what has been lived.

    Raises:
        ScenarioError: what can't be planned, at its place in the file.
    """
    resolved = [resolve(point, at) for point, at in points(scenario)]
    checks.fits(scenario, resolved)
    grown = tree(resolved, _kept(old))
    lived = [tuple(job["seeds"]) for job in old["jobs"]] if old else []
    cover = blocks([point.scenario.seeds for point in resolved], scenario.block, lived)
    return Plan(
        scenario=scenario,
        points=tuple(_with_paths(index, point, grown) for index, point in enumerate(resolved)),
        jobs=tuple(_jobs(grown, cover, resolved)),
    )


def _kept(old: Mapping[str, Any] | None) -> set[tuple[str | None, str]]:
    """(parent, branch) of every branch that an earlier plan lives."""
    paths = [arm["path"] for point in (old or {"points": []})["points"] for arm in point["arms"].values()]
    return {(parent, branch) for path in paths for parent, branch in zip([None, *path], path, strict=False)}


def _with_paths(index: int, point: PointPlan, grown: Tree) -> PointPlan:
    arms = (replace(arm, branches=tuple(grown.paths[index, arm.name, len(arm.stages)])) for arm in point.arms)
    return replace(point, arms=tuple(arms))


def _jobs(grown: Tree, cover: list[Block], resolved: list[PointPlan]) -> list[PlannedJob]:
    """Every branch for every block that has one of its seeds, those first that others wait for."""
    givers = {branch.name: _givers(branch, resolved[branch.point], grown) for branch in grown.branches}
    return [
        _job(branch, givers[branch.name], block, resolved[branch.point].parameters)
        for branch in _in_order(grown.branches, givers)
        for block in cover
        if not branch.seeds.isdisjoint(block)
    ]


def _givers(branch: Branch, point: PointPlan, grown: Tree) -> dict[Of, str]:
    """What the stages of a branch take from other arms, each with the branch at whose end it is given."""
    stages = {arm.name: arm.stages for arm in point.arms}
    taken = (gift.of for lived in branch.stages for gift in lived.gifts)
    return {of: grown.paths[branch.point, of.arm, end_of(stages[of.arm], of)][-1] for of in taken}


def _in_order(branches: Sequence[Branch], givers: Mapping[str, Mapping[Of, str]]) -> list[Branch]:
    """Branches after their parents and those that give them something; otherwise as they stand."""
    named, found = {branch.name: branch for branch in branches}, dict[str, Branch]()

    def add(branch: Branch) -> None:
        for before in (*([] if branch.parent is None else [branch.parent]), *givers[branch.name].values()):
            if before not in found:
                add(named[before])
        found[branch.name] = branch

    for branch in branches:
        if branch.name not in found:
            add(branch)
    return list(found.values())


def _job(branch: Branch, givers: Mapping[Of, str], block: Block, parameters: int) -> PlannedJob:
    name = block_name(block)
    kept = BEST if any(lived.select for lived in branch.stages) else 0
    states = max((lived.costs.once.memory for lived in branch.stages), default=0)
    return PlannedJob(
        folder=job_name(branch.name, name),
        branch=branch,
        seeds=block,
        parent=None if branch.parent is None else job_name(branch.parent, name),
        seconds=sum(_seconds(lived, len(block)) for lived in branch.stages),
        givers={of: job_name(giver, name) for of, giver in givers.items()},
        memory=len(block) * (parameters * (COPIES + kept) * BYTES + states),
    )


def _seconds(lived: PlannedStage, learners: int) -> float:
    """A rough estimate of a block's core-seconds in a stage."""
    ours = str(getattr(lived.stage, "env", "")).startswith("devlearn/")
    spent = lived.ledger
    own = spent.flops / FLOPS_A_SECOND + spent.env_steps * SECONDS_A_STEP[ours]
    return learners * own + spent.updates * SECONDS_AN_UPDATE
