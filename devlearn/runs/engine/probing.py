"""Probing: measure a cohort, check that it was not touched, and put the values on record."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Probing
from devlearn.records.writer import Recorder
from devlearn.runs.engine.job import Job
from devlearn.stages.context import Context
from devlearn.tasks.envs.failures import failures


class ProbeFailed(RuntimeError):
    """A probe, or an environment that it acts in, raised; the message names the probe."""


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
    before = _tensors(cohort)
    for name in job.probes if names is None else names:
        found = _undisturbed(job, cohort, before, name, full=moment != "every")
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
    return _numbers(_undisturbed(job, cohort, _tensors(cohort), name, full=False))


def _numbers(found: Measurement) -> dict[str, Tensor]:
    return {metric: value.detach().double().cpu() for metric, value in found.values.items()}


def _tensors(cohort: Cohort) -> dict[str, Tensor]:
    """Copies of all that a learner is, to be held against."""
    return cohort.take(torch.arange(cohort.n, device=cohort.device))


def _undisturbed(job: Job, cohort: Cohort, before: Mapping[str, Tensor], name: str, full: bool) -> Measurement:
    """One measurement of a cohort that was ``before``. Raises ProbeFailed, and where the probe changed it."""
    probe = job.probes[name]
    try:
        with torch.no_grad():
            found = probe.measure(cohort, probing_of(job, name), full)
    except failures() as error:
        raise ProbeFailed(f"probe {name!r} ({probe.kind}): {type(error).__name__}: {error}") from error
    after = {**cohort.parameters(), **cohort.buffers}
    if not all(_same(tensor, after[key]) for key, tensor in before.items()):
        raise ProbeFailed(f"probe {name!r} ({probe.kind}) changed the learners; a probe may only read")
    return found


def probing_of(job: Job, name: str) -> Probing:
    """What a probe of a job sees, at every measurement the same."""
    context = Context(job.seeds, f"probe:{name}", 0, job.device, planned=0, measuring=True)
    return Probing(context, job.stages)


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or bool(((a == b) | (a.isnan() & b.isnan())).all())
