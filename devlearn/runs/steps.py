"""A run in steps: first the trials of ``tune``, then the seeds, look by look until every pair is decided.

Every step is planned from the run folder alone, so that a run goes on from wherever it was stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devlearn.records.atomic import locked, read_json
from devlearn.records.job_state import span
from devlearn.runs.executors.local import Local
from devlearn.runs.executors.supervisor import Outcome, Supervisor
from devlearn.runs.folder import jobs_of, plan_run, write_run
from devlearn.runs.prepare import TUNE, Steps, next_stop, stored

if TYPE_CHECKING:
    from devlearn.evidence import Comparison
    from devlearn.scenario import Scenario

OPEN = ("undecided", "incomplete")
Say = Callable[[str], None]


def live(folder: Path, workers: int | None, progress: bool, say: Say = lambda line: None) -> Outcome:
    """Live every job of a run folder that is not done yet, and whatever its scenario plans after them.

    ``say`` is told, in a line, what each step came to.

    Raises:
        FolderMismatch: the folder holds no run.
        FolderLocked: another process lives it.
        KeyboardInterrupt: after the workers were stopped.
    """
    with locked(folder, str(folder)):
        steps = stored(folder)
        if steps is None:
            return _supervise(folder, workers, progress)
        return _in_steps(folder, steps, lambda where, what: _supervise(where, workers, progress, what), say)


def _in_steps(folder: Path, steps: Steps, supervise: Callable[[Path, str], Outcome], say: Say) -> Outcome:
    own, tuning = steps.scenario, None
    outcome = Outcome((), (), ())
    if own.tune is not None:
        outcome = _tune(folder / TUNE, steps, supervise)
        if outcome.failed:
            return outcome
        from devlearn.runs.tuning import settle  # numpy, as evidence

        own, tuning = settle(folder / TUNE, own)
        for line in _chosen(tuning):
            say(line)
    start = next_stop(own, read_json(folder / "resolved.json"))
    for count in own.stops[own.stops.index(start) :]:
        write_run(folder, plan_run(folder, own.first(count), tuning), steps.text, steps.how)
        number = own.stops.index(count) + 1
        outcome = supervise(folder, f", look {number} of {len(own.stops)}" if len(own.stops) > 1 else "")
        if outcome.failed or _look(folder, own, count, say):
            break
    return outcome


def _tune(folder: Path, steps: Steps, supervise: Callable[[Path, str], Outcome]) -> Outcome:
    """Live the trials: a run of their own."""
    from devlearn.scenario import experiment

    folder.mkdir(exist_ok=True)
    with locked(folder, str(folder)):
        write_run(folder, plan_run(folder, experiment(steps.scenario)), steps.text, steps.how)
        return supervise(folder, ", trials")


def _chosen(tuning: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was chosen, a line for each arm at each point."""
    return [
        f"tuned {arm}: {', '.join(f'{path} = {value}' for path, value in record['chosen'].items())}"
        f" (the best of {len(record['trials'])} trials, {counted(len(record['seeds']))} each)"
        for point in tuning
        for arm, record in point.items()
    ]


def _look(folder: Path, scenario: "Scenario", count: int, say: Say) -> bool:
    """Compare at a planned look; True where the run ends here. ``say`` is told what was seen and what follows."""
    from devlearn import evidence

    looks = (scenario.compare.looks if scenario.compare else None) or ()
    if count not in looks:
        return True
    found = evidence.save(folder)
    still, total = open_pairs(found), sum(len(entry["comparisons"]) for entry in evidence.entries(found))
    where = f"look {looks.index(count) + 1} of {len(looks)} ({counted(count)})"
    seen = f"{where}: {total - len(still)} of {total} pairs decided"
    later = [look for look in looks if look > count]
    say("; ".join([seen + (f", not yet {', '.join(still)}" if still else ""), *_next(still, later, scenario.stops)]))
    return not still or count == scenario.stops[-1]


def counted(seeds: int) -> str:
    """``4 seeds``, ``1 seed``."""
    return f"{seeds} seed{'s' * (seeds != 1)}"


def _next(still: list[str], later: list[int], stops: tuple[int, ...]) -> list[str]:
    """What follows after a look, in words."""
    if not later:
        return ["that was the last look"] if still else []
    if not still:
        return ["no more seeds are needed"]
    return [f"on to {later[0]} seeds" if later[0] in stops else f"the next look is at {later[0]} seeds"]


def open_pairs(comparison: "Comparison") -> list[str]:
    """The pairs without a verdict, in words; an exploratory verdict is one."""
    from devlearn.evidence import entries, setting

    return [
        f"{pair['arm']} against {pair['against']}" + (f" at {setting(entry['point'])}" if entry["point"] else "")
        for entry in entries(comparison)
        for pair in entry["comparisons"]
        if pair["suggests"] in OPEN
    ]


def _supervise(folder: Path, workers: int | None, progress: bool, what: str = "") -> Outcome:
    """Live the jobs of one planned folder."""
    jobs, executor = jobs_of(folder), Local(workers)
    if not progress:
        return Supervisor(folder, jobs, executor).supervise()
    from devlearn.runs.progress.bars import watcher

    with watcher(title(folder, what, len(jobs), executor.workers)) as watch:
        return Supervisor(folder, jobs, executor, watch).supervise()


def title(folder: Path, what: str, jobs: int, workers: int) -> str:
    """One line about a run: its scenario, arms, seeds, jobs and workers."""
    resolved = read_json(folder / "resolved.json") or {}
    arms, points = len(resolved["points"][0]["arms"]), len(resolved["points"])
    parts = [f"{arms} arms", *([f"{points} points"] if points > 1 else []), f"seeds {span(resolved['seeds'])}"]
    return f"{resolved['scenario']}{what}: {', '.join([*parts, f'{jobs} jobs', f'{workers} workers'])}"


def complaints(outcome: Outcome) -> list[str]:
    """What failed and why, and what was therefore not run: one entry each."""
    failed = [f"failed: {failure.job.title}\n  " + failure.error.replace("\n", "\n  ") for failure in outcome.failed]
    return [*failed, *(f"not run: {job.title}: its parent {job.parent} failed" for job in outcome.not_run)]
