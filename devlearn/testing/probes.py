"""The contract test of a probe: a cohort is measured in all the ways that must agree, and must not notice."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, get_args

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, Quantity
from devlearn.registry import NoPlugin, get
from devlearn.stages.context import Context
from devlearn.stages.stage import Stage
from devlearn.tasks.envs.finding import Finding
from devlearn.testing.laws import (
    SEEDS,
    described,
    generators_kept,
    guarded,
    opened,
    raised,
    randomness,
    same,
    unlike,
)

BRAIN = {"kind": "mlp", "width": (32, 16)}
TOLERANCE = 1e-3  # of the largest value, between cohorts of different size: products round by layout


def check_probe(
    kind: str | type[Probe],
    keys: Mapping[str, Any] | None = None,
    brain: Mapping[str, Any] = BRAIN,
    stages: Mapping[str, Stage] | None = None,
) -> list[Finding]:
    """Try a probe, by kind or class and with its YAML ``keys``, against every law, on newborns with a small ``brain``.

    ``stages`` are the scenario's, for a probe that reads one. A stage that its key ``stage`` names and that is not
    among them is one of that kind, with the keys that it has by itself.
    """
    findings, probe = opened("probes", kind, keys or {}, lambda cls: [described(cls), _declared(cls.metrics)])
    if probe is None:
        return findings
    try:
        there = _stages(probe, dict(stages or {}))
    except (NoPlugin, ValidationError) as error:
        return [*findings, Finding("stage", False, f"{error}; give check_probe the stages that the probe reads")]
    return [*findings, *_Trial(probe, brain, there).findings()]


def _declared(metrics: Mapping[str, Metric]) -> Finding:
    """What the class says of its metrics: a direction, a unit, and a proxy's metric is one of them."""
    if not metrics:
        return Finding("declared", False, "it declares no metric: metrics = {'name': Metric('higher', 0.0, 'share')}")
    for name, metric in metrics.items():
        if metric.better not in ("higher", "lower"):
            return Finding("declared", False, f"{name}: better is {metric.better!r}; write 'higher' or 'lower'")
        if metric.unit not in get_args(Quantity):
            units = ", ".join(get_args(Quantity))
            return Finding("declared", False, f"{name}: {metric.unit!r} is no unit; there are {units}")
        if metric.proxy_of is not None and (metric.proxy_of == name or metric.proxy_of not in metrics):
            return Finding("declared", False, f"{name}: a proxy of {metric.proxy_of!r}, which is no other metric here")
    return Finding("declared", True, ", ".join(f"{name} ({metric.unit})" for name, metric in metrics.items()))


def _stages(probe: Probe, stages: dict[str, Stage]) -> dict[str, Stage]:
    name = getattr(probe, "stage", None)
    return stages if name is None or name in stages else {**stages, name: get("stages", name)()}


class _Trial:
    """One probe, and the newborns that it measures."""

    def __init__(self, probe: Probe, brain: Mapping[str, Any], stages: Mapping[str, Stage]) -> None:
        self.probe, self.brain, self.stages = probe, brain, stages

    def findings(self) -> list[Finding]:
        try:
            needs = self.probe.needs()
            for stage in self.stages.values():
                needs |= stage.needs()
            self.builder = brain_builder(self.brain, needs)
            with torch.device("meta"):
                brain: nn.Module = self.builder()
            self.probe.check_brain(brain)
            self.cohort = Cohort(self.builder, SEEDS)
            before = self.cohort.take(torch.arange(self.cohort.n))
            with generators_kept() as touched:
                self.full, self.quick = self.measure(self.cohort, True), self.measure(self.cohort, False)
                used = touched()
            after = self.cohort.take(torch.arange(self.cohort.n))
        except Exception as error:
            return [Finding("measures", False, raised(error))]
        laws: dict[str, Callable[[], Finding]] = {
            "metrics": self.metrics,
            "images": self.images,
            "pictures": self.pictures,
            "read-only": lambda: _read_only(unlike(before, after)),
            "global randomness": lambda: randomness(used, "probing.context.streams(...)"),
            "deterministic": self.deterministic,
            "cohort size": self.cohort_size,
            "diverged neighbour": self.diverged_neighbour,
        }
        first = Finding("measures", True, f"{len(SEEDS)} learners, on the way and at a stage's end")
        return [first, *(guarded(name, law) for name, law in laws.items())]

    def measure(self, cohort: Cohort, full: bool) -> Measurement:
        """As the engine does it: without gradients, by streams of the probe's own, the same every time."""
        context = Context(tuple(cohort.seeds), "probe:trial", 0, torch.device("cpu"), planned=0, measuring=True)
        with torch.no_grad():
            return self.probe.measure(cohort, Probing(context, self.stages), full)

    # ---- laws ---------------------------------------------------------------------------------------------------

    def metrics(self) -> Finding:
        """Both kinds of measurement give the default metric, nothing undeclared, and one number a learner."""
        declared = list(self.probe.metrics_here())
        for when, found in (("on the way", self.quick), ("at a stage's end", self.full)):
            if extra := [name for name in found.values if name not in declared]:
                return Finding("metrics", False, f"{when} it gives {', '.join(extra)}; name that in 'metrics'")
            if declared[0] not in found.values:
                return Finding("metrics", False, f"{when} it does not give {declared[0]}, the default metric")
            for name, value in found.values.items():
                if value.shape != (len(SEEDS),) or not value.dtype.is_floating_point:
                    what = f"{name} is {tuple(value.shape)} {value.dtype}"
                    return Finding("metrics", False, f"{when} {what}; give one floating-point number a learner, (N,)")
                each = zip(SEEDS, value.tolist(), strict=True)
                if wrong := [f"{name} of seed {seed} is {x}" for seed, x in each if not isfinite(x)]:
                    why = "that learner is healthy; nan is for those that diverged, and counts as the worst"
                    return Finding("metrics", False, f"{when} {wrong[0]}, and {why}")
        if self.quick.values.keys() != self.full.values.keys():
            return Finding("metrics", False, "it gives other metrics on the way than at a stage's end; give the same")
        return Finding("metrics", True, f"({len(SEEDS)},) each: {', '.join(self.full.values)}")

    def images(self) -> Finding:
        correct = self.full.correct
        if correct is None:
            return Finding("images", True, "no verdict on single images")
        if correct.dtype != torch.bool or correct.ndim != 2 or len(correct) != len(SEEDS):
            what = f"'correct' is {tuple(correct.shape)} {correct.dtype}"
            return Finding("images", False, f"{what}; give (N, M) bool, one verdict an image")
        return Finding("images", True, f"a verdict on each of {correct.shape[1]:,} images")

    def pictures(self) -> Finding:
        if self.quick.pictures:
            return Finding("pictures", False, "it draws on the way too; give pictures of full measurements only")
        size = sum(picture.numel() * picture.element_size() for picture in self.full.pictures.values())
        return Finding("pictures", True, f"{len(self.full.pictures)}, {size:,} bytes")

    def deterministic(self) -> Finding:
        for full, found in ((True, self.full), (False, self.quick)):
            if changed := unlike(found.values, self.measure(self.cohort, full).values):
                why = f"{changed[0]} differs between two measurements of the same learners"
                return Finding("deterministic", False, f"{why}; draw from probing.context.streams(...)")
        return Finding("deterministic", True, "measured again, every value is the same bit for bit")

    def cohort_size(self) -> Finding:
        for row, seed in enumerate(SEEDS):
            alone = self.measure(Cohort(self.builder, (seed,)), False).values
            for name, values in self.quick.values.items():
                if not _close(values[row : row + 1], alone[name], values):
                    why = f"{name} of seed {seed} is {float(values[row]):.4g} among {len(SEEDS)} learners"
                    mend = "measure each learner by itself, with its own stream"
                    return Finding("cohort size", False, f"{why} and {float(alone[name]):.4g} alone; {mend}")
        return Finding("cohort size", True, "a learner alone is measured as it is among others")

    def diverged_neighbour(self) -> Finding:
        """A learner whose weights are nan leaves the others' values as they are."""
        cohort = Cohort(self.builder, SEEDS)
        with torch.no_grad():
            for weights in cohort.parameters().values():
                weights[0] = torch.nan
        try:
            found = self.measure(cohort, False).values
        except Exception as error:
            mend = "the first learner's weights are nan, and so are its outputs: give that learner nan, not an error"
            return Finding("diverged neighbour", False, f"{raised(error)}; {mend}")
        for name, values in self.quick.values.items():
            if not same(values[1:], found[name][1:]):
                why = f"{name} of the others changes where one learner's weights are nan"
                return Finding("diverged neighbour", False, f"{why}; average over learners nowhere")
        return Finding("diverged neighbour", True, "a learner that is nan leaves the others' values bit-equal")


def _read_only(changed: Sequence[str]) -> Finding:
    if changed:
        return Finding("read-only", False, f"it changes {changed[0]}; a probe may only read (clone what it alters)")
    return Finding("read-only", True, "weights and buffers are as they were")


def _close(one: Tensor, other: Tensor, scale: Tensor) -> bool:
    """Equal but for rounding, nan equal to nan."""
    size = float(scale.abs().nan_to_num(0.0, 0.0).max().clamp(min=1.0))
    return bool(torch.allclose(one.double(), other.double(), rtol=0, atol=TOLERANCE * size, equal_nan=True))
