"""Whether an answer to a run's question was seen: by seen.json, by comparison.json, and by the states of its jobs."""

from devlearn.records.layout import RunFolder
from devlearn.records.schema import JobState, Resolved, Seen

SOME = 0  # of a state's ``compared``: an answer was given when no arm had all its learners yet


def compared(run: RunFolder, plan: Resolved) -> frozenset[int]:
    """The numbers of seeds for which an answer was given, ``SOME`` among them, as the jobs' states remember them."""
    states = (JobState.read(run.job(job.folder).state) for job in plan.jobs)
    return frozenset(count for state in states if state is not None for count in state.compared)


def seen_at(run: RunFolder, plan: Resolved) -> frozenset[int]:
    """The numbers of seeds for which an arm's lives were all compared, whichever file still says so."""
    noted = Seen.read(run.seen)
    return frozenset(noted.seeds if noted else ()) | compared(run, plan) - {SOME}


def answered(run: RunFolder, plan: Resolved) -> bool:
    """Whether somebody may have seen an answer, for however many seeds."""
    return bool(plan.seen) or run.comparison.exists() or run.seen.exists() or bool(compared(run, plan))
