"""Scenario -> plan: resolved arms, the tree of lives, jobs with their edges, and what it all will consume.

Arms that begin with the same resolved stages live them once. A branch is a run of stages that the same arms share, a
job is one branch for one block of seeds. A branch's identity is the digest of its path's resolved stages with their
versions, the brain, the probes and the needs; seeds are no part of it, so seeds and arms can be added to a run.
"""

from devlearn.records.compatibility import same_run
from devlearn.runs.plan.model import ArmPlan, Branch, Plan, PlannedJob, PlannedStage, PointPlan
from devlearn.runs.plan.planner import plan
from devlearn.runs.plan.sketch import sketch
from devlearn.runs.plan.to_records import job_specs, resolved

__all__ = [
    "ArmPlan",
    "Branch",
    "Plan",
    "PlannedJob",
    "PlannedStage",
    "PointPlan",
    "job_specs",
    "plan",
    "resolved",
    "same_run",
    "sketch",
]
