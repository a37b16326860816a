"""Probing: measure a cohort, check that it was not touched, and put the values on record."""

from collections.abc import Sequence

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Probing
from devlearn.records.writer import Recorder
from devlearn.runs.engine.job import Job
from devlearn.stages.context import Context

Values = dict[str, dict[str, Tensor]]


def measure(
    job: Job,
    cohort: Cohort,
    recorder: Recorder,
    updates: Tensor,
    moment: str,
    rows: Tensor | None = None,
    names: Sequence[str] | None = None,
) -> Values:
    """Run probes (all by default) and record them for ``rows`` (all by default): {probe: {metric: (N,)}}.

    ``moment`` is birth, every, end or best; ``every`` uses a fixed part of the data, the others all of it.
    """
    rows = torch.ones(cohort.n, dtype=torch.bool) if rows is None else rows
    values: Values = {}
    for name in job.probes if names is None else names:
        found = _undisturbed(job, cohort, name, full=moment != "every")
        values[name] = _numbers(found)
        recorder.probe(updates, moment, name, values[name], rows)
        if found.correct is not None and moment == "end":
            recorder.correct(name, found.correct.cpu().numpy())
        if found.pictures and moment in ("birth", "end"):
            drawn = {key: picture.detach().cpu().numpy() for key, picture in found.pictures.items()}
            recorder.pictures(name, job.seeds[0], drawn)
    return values


def measure_quick(job: Job, cohort: Cohort, name: str) -> dict[str, Tensor]:
    """What a probe would measure on the way, without a record: {metric: (N,)}."""
    return _numbers(_undisturbed(job, cohort, name, full=False))


def _numbers(found: Measurement) -> dict[str, Tensor]:
    return {metric: value.detach().double().cpu() for metric, value in found.values.items()}


def _undisturbed(job: Job, cohort: Cohort, name: str, full: bool) -> Measurement:
    """One measurement. Raises RuntimeError where the probe changed the cohort."""
    probe = job.probes[name]
    context = Context(job.seeds, f"probe:{name}", 0, job.device, planned=0, measuring=True)
    everyone = torch.arange(cohort.n, device=cohort.device)
    before = cohort.take(everyone)
    with torch.no_grad():
        found = probe.measure(cohort, Probing(context, job.stages), full)
    after = cohort.take(everyone)
    if not all(_same(before[key], after[key]) for key in before):
        raise RuntimeError(f"probe {name!r} ({probe.kind}) changed the learners; a probe may only read")
    return found


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or bool(((a == b) | (a.isnan() & b.isnan())).all())
