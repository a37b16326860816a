"""Which seeds of one run or of several are compared: those that are asked for, and of several runs those they share."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from devlearn.evidence.analysis.question import run_names
from devlearn.records.layout import job_name
from devlearn.records.reader import ArmRecords, EvidenceError, Point, RunRecords
from devlearn.records.results import Warning_
from devlearn.records.text import ranges

FEWEST = 2  # seeds in common that make pairs


def chosen(run: RunRecords, seeds: Collection[int] | None) -> RunRecords:
    """A run with only these seeds; as it is where none are asked for.

    Raises:
        EvidenceError: it has not lived some of them.
    """
    if seeds is None:
        return run
    missing = [seed for seed in seeds if seed not in run.resolved.seeds]
    if missing:
        raise EvidenceError(f"{run.folder} has no seed {ranges(missing)}; it has {ranges(run.resolved.seeds)}")
    return replace(run, points=tuple(_only(point, seeds) for point in run.points))


def in_common(runs: Sequence[RunRecords]) -> tuple[Sequence[RunRecords], list[Warning_]]:
    """Several runs with only the seeds that all of them hold, and how many those are; as they are where too few."""
    lived = [{seed for point in run.points for arm in point.arms.values() for seed in arm.lives} for run in runs]
    common = set.intersection(*lived)
    if all(own == common for own in lived):
        return runs, []
    names = run_names(runs)
    if len(common) < FEWEST:
        return runs, [] if common else [Warning_.of("seeds_apart", runs=names)]
    counted = {name: len(own) for name, own in zip(names, lived, strict=True)}
    kept = [replace(run, points=tuple(_only(point, common) for point in run.points)) for run in runs]
    return kept, [Warning_.of("common_seeds", common=len(common), runs=counted)]


def _only(point: Point, seeds: Collection[int]) -> Point:
    return Point(point.point, {name: _lives(arm, seeds) for name, arm in point.arms.items()})


def _lives(arm: ArmRecords, seeds: Collection[int]) -> ArmRecords:
    lives = {seed: life for seed, life in arm.lives.items() if seed in seeds}
    jobs = {job_name(path.parent.name, path.name) for life in lives.values() for path in life.jobs}
    return replace(
        arm,
        lives=lives,
        unfinished=tuple(job for job in arm.unfinished if job in jobs),
        failed={seed: why for seed, why in arm.failed.items() if seed in seeds},
    )
