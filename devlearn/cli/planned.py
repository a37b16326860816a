"""``--dry-run``: what a run would do, before it does it."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from devlearn.plan import ArmPlan, Job, Lived, Plan
    from devlearn.stage import Work


def show_plan(plan: "Plan") -> None:
    """Arms with their stages and budgets, jobs with their edges, what it will cost: on stdout."""
    from rich.console import Console

    from devlearn.execute.jobs import span
    from devlearn.execute.local import cores
    from devlearn.execute.rates import duration

    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=140)
    scenario, workers = plan.scenario, cores()
    console.print(f"[bold]{scenario.scenario}[/]  {scenario.about}")
    console.print(f"seeds {span(scenario.seeds)} ({len(scenario.seeds)}), in blocks of {scenario.block}")
    for point in plan.points:
        console.print()
        if point.point:
            console.print(", ".join(f"{key} = {value}" for key, value in point.point.items()), style="bold")
        console.print(_arms(point.arms))
        console.print(f"one learner's network: {point.parameters:,} weights", style="dim")
    console.print()
    console.print(_jobs(plan.jobs))
    rough = duration(max(plan.longest, plan.seconds / workers))
    memory = f"{plan.memory / 2**20:,.0f} MiB for the largest job's learners"
    console.print(f"roughly {rough} on {workers} cores, probes and start-up apart; {memory}")


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _arms(arms: "tuple[ArmPlan, ...]") -> "Table":
    table = _table("arm", "stages", "consumes, a learner")
    for arm in arms:
        table.add_row(arm.name, "\n".join(_stage(lived) for lived in arm.stages), _ledger(arm.ledger))
    return table


def _stage(lived: "Lived") -> str:
    budget = lived.stage.budget()
    size = "acts once" if budget is None else f"{budget[1]:,} {budget[0]}"
    kind = "" if lived.kind == lived.name else f"{lived.kind}, "
    again = f" (visit {lived.visit + 1})" if lived.visit else ""
    return f"{lived.name}{again}: {kind}{size}"


def _ledger(work: "Work") -> str:
    parts = [f"{getattr(work, unit):,} {unit}" for unit in ("labels", "images", "env_steps", "updates")]
    used = [part for part in parts if not part.startswith("0 ")]
    return ", ".join([*used, f"{work.flops:.3g} FLOPs"])


def _jobs(jobs: "tuple[Job, ...]") -> "Table":
    from devlearn.execute.rates import duration

    table = _table("job", "begins after", "stages", "arms", "about")
    for job in jobs:
        stages, arms = (", ".join(names) for names in ([lived.name for lived in job.branch.stages], job.branch.arms))
        table.add_row(job.folder, job.parent or "", stages, arms, duration(job.seconds))
    return table
