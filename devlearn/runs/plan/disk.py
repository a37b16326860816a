"""How many bytes a run will leave on the disk, roughly: learners at the ends of jobs, and records."""

from dataclasses import dataclass

from devlearn.runs.plan.model import Branch, Plan

ROW, TRAIN_ROW = 50, 82  # bytes of a row of probes.csv, of train.csv
EVERY = 10  # updates between rows of train.csv
ARRAYS = 1300  # a learner's right and wrong answers to 10,000 images, at a stage's end
BYTES = 4
MOMENTS = 2  # copies of the weights that are optimiser moments


@dataclass(frozen=True)
class Disk:
    """Bytes of a whole run: ``between``: learners that other jobs go on from; ``ends``: those at their arms' ends."""

    between: int
    ends: int
    records: int

    @property
    def total(self) -> int:
        return self.between + self.ends + self.records


def disk(plan: Plan) -> Disk:
    """What a plan leaves; pictures, replay memories and what protections keep are not counted."""
    last = {arm.branches[-1] for point in plan.points for arm in point.arms}
    continued = {job.parent for job in plan.jobs if job.branch.stages[0].stage.continues}
    sizes = {True: 0, False: 0}
    for job in plan.jobs:
        copies = 1 + MOMENTS * (job.folder in continued)
        sizes[job.branch.name in last] += len(job.seeds) * plan.points[job.branch.point].parameters * BYTES * copies
    branches = {job.branch.name: job.branch for job in plan.jobs}
    each = {name: _records(plan, branch) for name, branch in branches.items()}
    return Disk(sizes[False], sizes[True], sum(len(job.seeds) * each[job.branch.name] for job in plan.jobs))


def _records(plan: Plan, branch: Branch) -> int:
    """Bytes of one learner's."""
    probes = plan.points[branch.point].scenario.probes.values()
    total = 0
    for lived in branch.stages:
        updates = lived.ledger.updates
        rows = sum((1 + updates // (probe.every or updates + 1)) * len(probe.metrics_here()) for probe in probes)
        total += updates // EVERY * TRAIN_ROW + rows * ROW + ARRAYS * len(probes)
    return total
