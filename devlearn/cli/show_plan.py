"""``--dry-run``: what a run would do, before it does it."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from devlearn.runs.pipeline import Plans
    from devlearn.runs.plan import ArmPlan, Plan, PlannedJob, PlannedStage
    from devlearn.scenario import Scenario
    from devlearn.stages.stage import Cost


WIDE = 1000  # columns where no terminal says how many: names stay in one piece


FEW = 12  # probes that are named one by one
MANY = 100  # jobs that are not listed one by one any more
OF_TASKS = (
    "env",
    "classes",
    "view",
    "rare",
    "relabel",
    "head",
    "tasks",
    "protect",
)  # what tells stages of a kind apart


def show_plans(plans: "Plans", workers: int | None = None) -> None:
    """The trials of ``tune`` where there are any, then the scenario's own plan: on stdout.

    ``workers``: how many train at once; one for each core of this machine by default.
    """
    from rich.console import Console

    from devlearn.evidence.text.searched import how_searched

    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDE)
    scenario = plans.own.scenario
    console.print(f"[bold]{scenario.scenario}[/]  {scenario.about}")
    if scenario.searched:
        console.print(how_searched(scenario.searched), markup=False)
    if plans.trials is not None:
        console.print(f"\n[bold]first the trials of tune[/], in the run's folder tune: {_trials(scenario)}")
        _show(console, plans.trials, workers)
        console.print("\n[bold]then the scenario[/], here with its values as declared; each arm gets its best trial's")
    _show(console, plans.own, workers)


def _trials(scenario: "Scenario") -> str:
    """Which trials the plan below shows, and how the others come about."""
    tune = scenario.tune
    if tune is None or tune.sampler == "grid":
        return "every arm at every point below"
    if tune.sampler == "random":
        return f"all {tune.trials} of each arm, drawn at random"
    later = "each arm's others are proposed by what these come to, at the same cost"
    return f"trials 1 to {tune.startup} of {tune.trials}, drawn at random; {later}"


def _show(console: "Console", plan: "Plan", workers: int | None) -> None:
    """Arms with their stages and budgets, jobs with their edges, what it will cost."""
    from devlearn.evidence.text.points import brief
    from devlearn.records.job_state import span
    from devlearn.runs.executors.local import cores
    from devlearn.runs.plan.schedule import makespan
    from devlearn.runs.progress.eta import duration

    scenario, workers = plan.scenario, workers or cores()
    console.print(f"seeds {span(scenario.seeds)} ({len(scenario.seeds)}), in blocks of {scenario.block}")
    for line in _looks(scenario):
        console.print(line)
    for point in plan.points:
        console.print()
        if point.point:
            console.print(", ".join(f"{key} = {brief(value)}" for key, value in point.point.items()), style="bold")
        console.print(_arms(point.arms))
        console.print(f"one learner's network: {point.parameters:,} weights", style="dim")
    measured = [f"{name} ({kind})" for name, kind in scenario.probe_kinds.items()]
    more = f", and {len(measured) - FEW} more" if len(measured) > FEW else ""
    if measured:
        console.print(f"probes: {', '.join(measured[:FEW])}{more}", highlight=False)
    console.print()
    console.print(_jobs(plan.jobs) if len(plan.jobs) <= MANY else _branches(plan.jobs))
    took, count = (
        duration(makespan(plan.jobs, workers)),
        f"{len(plan.jobs):,} job{'s' * (len(plan.jobs) != 1)}, {plan.seconds / 3600:,.1f} core-hours",
    )
    console.print(f"{count}: roughly {took} on {workers:,} core{'s' * (workers != 1)}, probes and start-up apart")
    for line in _sizes(plan):
        console.print(line)


def _looks(scenario: "Scenario") -> list[str]:
    """When the run may stop early."""
    looks = (scenario.compare.looks if scenario.compare else None) or ()
    if not looks:
        return []
    if scenario.stops[-1] not in looks:
        return [f"{len(scenario.seeds)} seeds are none of the planned looks {_list(looks)}: verdicts are exploratory"]
    rest = f" of the planned {_list(looks)}" if scenario.stops != looks else ""
    early = "; it stops early where every pair is decided" if len(scenario.stops) > 1 else ""
    return [f"looks at {_list(scenario.stops)} seeds{rest}{early}"]


def _list(numbers: "Sequence[int]") -> str:
    return ", ".join(map(str, numbers))


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _arms(arms: "tuple[ArmPlan, ...]") -> "Table":
    table = _table("arm", "stages", "consumes, a learner")
    for arm in arms:
        table.add_row(arm.name, "\n".join(_stage(stage) for stage in arm.stages), _ledger(arm.ledger))
    return table


def _stage(planned: "PlannedStage") -> str:
    budget = planned.stage.budget()
    size = "acts once" if budget is None else f"{budget[1]:,} {budget[0]}"
    kind = "" if planned.kind == planned.name else f"{planned.kind}, "
    again = f" (visit {planned.visit + 1})" if planned.visit else ""
    keys = planned.keys
    told = [f"{key} {_brief(keys[key])}" for key in OF_TASKS if keys.get(key) not in (None, "", [])]
    return ", ".join([f"{planned.name}{again}: {kind}{size}", *told])


def _brief(value: object) -> str:
    """A key's value in few letters; of a map that names a kind, the kind."""
    from devlearn.evidence.text.points import brief

    if isinstance(value, dict):
        known = {key: own for key, own in value.items() if own not in (None, 0)}
        return str(value["kind"]) if "kind" in value else " ".join(f"{key} {_brief(own)}" for key, own in known.items())
    return " ".join(map(brief, value)) if isinstance(value, list) else brief(value)


def _ledger(work: "Cost") -> str:
    units = ("labels", "labels_validation", "images", "env_steps", "updates", "feedback_events")
    parts = [f"{getattr(work, unit):,} {unit}" for unit in units]
    used = [part for part in parts if not part.startswith("0 ")]
    return ", ".join([*used, f"{work.flops:.3g} FLOPs"])


def _sizes(plan: "Plan") -> list[str]:
    """Memory of a job and of a learner, and what the run leaves on the disk."""
    from devlearn.runs.plan.disk import disk

    largest = max(plan.jobs, key=lambda job: job.memory)
    learner, left = largest.memory / len(largest.seeds), disk(plan)
    thin, kept = left.between, f"{_mib(left.records)} records"
    between = f", {_mib(thin)} learners that others go on from" if thin else ""
    return [
        f"memory: {_mib(largest.memory)} for the largest job's learners, {_mib(learner)} each, beside the worker's own",
        f"disk: roughly {_mib(left.total)}: {_mib(left.ends)} learners at their arms' ends{between}, {kept}",
    ]


def _mib(size: float) -> str:
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"


def _branches(jobs: "tuple[PlannedJob, ...]") -> "Table":
    """Many jobs: a row for each branch, with the number of its blocks of seeds and the time of the longest."""
    from devlearn.runs.progress.eta import duration

    table, blocks = _table("jobs", "blocks", "begin after", "stages", "about, each"), dict[str, list["PlannedJob"]]()
    for job in jobs:
        blocks.setdefault(job.branch.name, []).append(job)
    for name, own in blocks.items():
        before = ", ".join(f"{folder.rpartition('/')[0]}/*" for folder in own[0].before)
        stages = ", ".join(stage.name for stage in own[0].branch.stages)
        table.add_row(f"jobs/{name}/*", str(len(own)), before, stages, duration(max(job.seconds for job in own)))
    return table


def _jobs(jobs: "tuple[PlannedJob, ...]") -> "Table":
    from devlearn.runs.progress.eta import duration

    table = _table("job", "begins after", "stages", "arms", "about")
    for job in jobs:
        stages, arms = (", ".join(names) for names in ([stage.name for stage in job.branch.stages], job.branch.arms))
        table.add_row(job.folder, ", ".join(job.before), stages, arms, duration(job.seconds))
    return table
