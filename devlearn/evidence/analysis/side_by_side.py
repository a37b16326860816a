"""Several runs as one, for a page that shows them side by side."""

from collections.abc import Collection, Mapping, Sequence

from devlearn.evidence.analysis.common_seeds import chosen, in_common
from devlearn.evidence.analysis.question import across, merged, run_names, same_probe
from devlearn.records.reader import RunRecords
from devlearn.records.schema import CompareEntry


def side_by_side(runs: Sequence[RunRecords], seeds: Collection[int] | None = None) -> RunRecords:
    """The records of several runs with their arms under ``run/arm``, of the seeds that ``compare`` takes.

    What was planned and where it lies is that of the first; ``about`` is their question, each with its run where they
    ask different ones.

    Raises:
        EvidenceError: the runs vary different things, or one has not lived some of the seeds.
    """
    kept: Sequence[RunRecords] = [chosen(run, seeds) for run in runs]
    if same_probe(kept, None):
        kept, _ = in_common(kept)
    points, first, names = merged(kept), runs[0].resolved, run_names(runs)
    lived = {seed for point in points for arm in point.arms.values() for seed in arm.lives}
    asked = first.compare or CompareEntry(probe=next(iter(first.probes)))
    own = {"levels": (), "fit": None, "matrix": None, "select": None, "looks": None}  # questions of one run alone
    probes = {name: probe for run in reversed(runs) for name, probe in run.resolved.probes.items()}
    plan = first.model_copy(
        update={
            "scenario": " and ".join(names),
            "about": _asked(dict(zip(names, (run.resolved.about for run in runs), strict=True))),
            "seeds": tuple(sorted(lived)),
            "searched": "",
            "probes": probes,
            "compare": asked.model_copy(update={"pairs": across(runs, points), **own}),
        }
    )
    return RunRecords(runs[0].folder, plan, {}, points)


def _asked(about: Mapping[str, str]) -> str:
    """The question of runs: once where it is the same."""
    same = set(about.values())
    return same.pop() if len(same) == 1 else " ".join(f"{name}: {text}" for name, text in about.items())
