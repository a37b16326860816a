"""From a finished run to the file of its study, and beside the one that the documentation states."""

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from devlearn.evidence.analysis.matrix_metrics import is_metric, matrix_measure
from devlearn.evidence.text.published import read_off, row_text
from devlearn.records.declared import unit_of
from devlearn.records.layout import JobFolder, RunFolder
from devlearn.records.published import Interval, Machine, PublishedError, Row, Study, StudyResult
from devlearn.records.schema import JobSpec, Manifest, Resolved
from devlearn.runs.surroundings import processor
from devlearn.scenario import find, load, parse, points

DRAWN = ("bands", "newborn", "start", "area")  # of analyses.json: what only figures need


@dataclass(frozen=True)
class Beside:
    """A row with what is published, documented and new, in words; ``agrees`` is None where nothing is documented."""

    row: Row
    published: str
    documented: str
    new: str
    agrees: bool | None


def beside(study: Study, documented: StudyResult | None, new: StudyResult | None) -> Iterator[Beside]:
    """Every row of a study; a missing result leaves its column empty.

    Raises:
        PublishedError: a result lacks what a row asks for.
    """
    for row in study.rows:
        agrees = None
        if documented is not None and new is not None:
            agrees = agree(read_off(documented, row)[:2], read_off(new, row)[:2])
        published = row.published.text if row.published else ""
        before, now = (row_text(one, row) if one else "" for one in (documented, new))
        yield Beside(row, published, before, now, agrees)


def agree(one: tuple[float, Interval | None], other: tuple[float, Interval | None]) -> bool:
    """Whether two measurements may be of one thing: their 95 % intervals overlap, a number without one is a point."""
    (low, high), (lower, upper) = (interval or (number, number) for number, interval in (one, other))
    return low <= upper and lower <= high


def cost(study: Study, documented: StudyResult | None) -> str:
    """What a study costs: as its file says, or as its plan comes to where there is no file yet."""
    if documented is not None:
        return documented.cost
    from devlearn.runs.plan import plan

    minutes = plan(load(study.scenario, study.overrides)).seconds / 120
    return f"{minutes:.1f} minutes of two cores planned, probes apart; not recorded yet"


def summary(run: Path, name: str, study: Study) -> StudyResult:
    """The file of a study, from its finished run.

    Raises:
        PublishedError: the run is not finished, or of another scenario.
    """
    from devlearn.evidence.statistics import mean_interval
    from devlearn.runs.run import Run

    folder = RunFolder(run)
    manifest, resolved = Manifest.read(folder.manifest), Resolved.read(folder.resolved)
    if manifest is None or resolved is None:
        raise PublishedError(f"{run} holds no finished run")
    if not _same_question(folder, manifest.overrides, study):
        raise PublishedError(f"{run} is no run of {name}, which is now `{study.command}`")
    jobs = [folder.job(job.folder) for job in resolved.jobs]
    opened = Run(run)
    found = _listed(opened.compare().document())
    if any(pair["verdict"] == "incomplete" for body in found for pair in body["comparisons"]):
        raise PublishedError(f"{run} is not finished; devlearn resume {run} goes on")
    for more in study.also:
        found += _listed(opened.compare(more.probe, more.at).document())
    return StudyResult.model_validate(
        {
            "study": name,
            "command": study.command,
            "digest": manifest.digest,
            "seeds": resolved.seeds,
            "date": manifest.started[:10],
            "seconds": round(sum(map(_seconds, jobs)), 1),
            "planned": round(sum(spec.seconds for job in jobs if (spec := JobSpec.read(job.spec))), 1),
            "machine": machine().model_dump(),
            "versions": manifest.versions,
            "points": [_point(body, resolved, mean_interval) for body in found],
            "analyses": _rounded(_kept(opened.analyses())),
        }
    )


def _same_question(run: RunFolder, overrides: Sequence[str], study: Study) -> bool:
    """Whether a run's scenario asks what the study's asks now, however it is written; the file says which seeds."""
    if not run.scenario.exists():
        raise PublishedError(f"{run.root} has no {run.scenario.name}, so nobody knows what it asked")
    text, place = (
        run.scenario.read_text(encoding="utf-8"),
        str(find(study.scenario)),
    )  # what it extends lies beside that
    given, asked = parse(text, place, overrides), load(study.scenario, study.overrides)
    apart = {"seeds", "searched"}
    (these, those) = ([one.model_dump(exclude=apart) for _, one in points(each)] for each in (given, asked))
    return these == those


def machine() -> Machine:
    """This machine, with a core's speed: the best of 100 products, each too short to be interrupted much."""
    a = np.ones((512, 512), np.float32)
    times = []
    for _ in range(100):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    speed = round(2 * 512**3 / min(times) / 1e9)
    return Machine(platform=platform.system(), model=processor(), cores=cores or 1, gflops=speed)


def _listed(body: Any) -> list[Mapping[str, Any]]:
    return list(body) if isinstance(body, list) else [body]


def _seconds(job: JobFolder) -> float:
    """The last reading of a job's clock, which goes on from stage to stage."""
    texts = (path.read_text(encoding="utf-8") for path in job.root.glob("records/*/seconds.csv"))
    lines = (line for text in texts for line in text.splitlines() if line[0].isdigit())
    return max((float(line.split(",")[1]) for line in lines), default=0.0)


def _point(body: Mapping[str, Any], resolved: Resolved, mean_interval: Any) -> dict[str, Any]:
    keys = ("point", "probe", "metric", "at", "better", "smallest_effect", "exploratory", "family")
    return {
        **{key: body[key] for key in keys},
        "unit": _unit(body, resolved),
        "arms": {name: _arm(entry, mean_interval) for name, entry in body["arms"].items() if _has_values(entry)},
        "pairs": [{**_picked(pair, PAIR), "failed": _failed(pair)} for pair in body["comparisons"]],
        "stages": [_picked(stage, STAGE) for stage in body.get("stages", ())],
    }


def _has_values(arm: Mapping[str, Any]) -> bool:
    """Whether an arm has what is compared: an expert, which lives one stage alone, has no metric of the matrix."""
    return any(value is not None for value in arm["values"].values())


def _unit(body: Mapping[str, Any], resolved: Resolved) -> str:
    """Of what is compared: a probe's metric, or one of the matrix."""
    if is_metric(body["probe"]):
        return matrix_measure(resolved, body["metric"]).unit
    return unit_of(body["metric"], resolved.probes[body["probe"]].metrics.get(body["metric"]))


ARM = ("n", "mean", "sd", "median", "best", "diverged", "values", "ledger")
PAIR = (
    "arm", "against", "n", "difference", "interval", "p", "p_adjusted", "p_equivalence",
    "p_equivalence_adjusted", "verdict", "fragile", "unless", "level", "scored", "at_end", "at_best",
)  # fmt: skip
STAGE = ("stage", "arms", "probe", "metric", "before", "after", "p")


def _failed(pair: Mapping[str, Any]) -> dict[str, int] | None:
    gone = pair.get("failures")
    return None if gone is None else {pair["arm"]: gone["arm"], pair["against"]: gone["against"]}


def _picked(entry: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What is kept of an entry; an interval without ends, as of very few seeds, is none."""
    picked: dict[str, Any] = _rounded({key: entry[key] for key in keys if key in entry})
    return {key: None if value == [None, None] else value for key, value in picked.items()}


def _arm(entry: Mapping[str, Any], mean_interval: Any) -> dict[str, Any]:
    values = list(entry["values"].values())
    interval = mean_interval(values)[1:] if len(values) > 1 else None
    return {**_picked(entry, ARM), "interval": _rounded(interval)}


def _kept(analysis: Mapping[str, Any]) -> dict[str, Any]:
    points = [{key: value for key, value in point.items() if key not in DRAWN} for point in analysis["points"]]
    return {"fits": analysis["fits"], "points": points}


def _rounded(value: Any) -> Any:
    """Seven significant digits: more is noise in a diff."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
