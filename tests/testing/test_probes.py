"""The laws of probes: those that ship keep them, and each way to break them is found."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from devlearn.learners.cohort import Cohort
from devlearn.plugin import CLASSES, IMAGE, IMAGE_SENSE, Head, Measurement, Metric, Needs, Probe, Probing
from devlearn.testing import Finding, assert_ok, check_probe
from tests.shipped import shipped

KEYS: dict[str, dict[str, Any]] = {
    "objective": {"stage": "pretrain.denoise"},
    "return": {"env": "CartPole-v1", "episodes": 2, "limit": 60},
}


def broken(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.message for finding in findings if not finding.ok}


@pytest.mark.parametrize("kind", shipped("probes"))
def test_every_registered_probe_keeps_the_laws(kind: str) -> None:
    assert_ok(check_probe(kind, KEYS.get(kind)))


def test_a_probe_of_a_stages_clusters_keeps_the_laws() -> None:
    assert_ok(check_probe("clustering", {"stage": "pretrain.cluster"}))


def test_a_probe_keeps_the_laws_with_another_brain() -> None:
    assert_ok(check_probe("layers", brain={"kind": "conv", "channels": [2], "width": [8]}))


class Norm(Probe):
    """The norm of all weights, which keeps every law."""

    metrics: ClassVar = {"norm": Metric("lower", None, unit="number")}

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(CLASSES)})

    def norms(self, cohort: Cohort) -> Tensor:
        squares = [weights.flatten(1).double().square().sum(1) for weights in cohort.parameters().values()]
        return torch.stack(squares).sum(0).sqrt()  # (N,)

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        return Measurement({"norm": self.norms(cohort)})


def test_a_probe_of_ones_own_keeps_the_laws() -> None:
    findings = check_probe(Norm)
    assert_ok(findings)
    assert {finding.name for finding in findings} >= {"declared", "read-only", "deterministic", "cohort size"}


def test_a_probe_that_is_found_by_its_name_needs_a_kind() -> None:
    assert list(broken(check_probe("tests.testing.test_probes:Norm"))) == ["named"]


def alters(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    next(iter(cohort.parameters().values())).mul_(2)
    return Measurement({"norm": probe.norms(cohort)})


def forgets(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    probe.__dict__["count"] = probe.__dict__.get("count", 0) + 1
    return Measurement({"norm": probe.norms(cohort) + probe.__dict__["count"]})


def draws(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    np.random.rand()
    return Measurement({"norm": probe.norms(cohort)})


def averages(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    norms = probe.norms(cohort)
    return Measurement({"norm": norms - norms.mean()})


def sums(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort).sum()})


def counts(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort).long()})


def loses(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort) * torch.nan})


def adds(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort), "other": probe.norms(cohort)})


def omits(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort)} if full else {})


def judges(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort)}, torch.ones(4))


def films(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    return Measurement({"norm": probe.norms(cohort)}, pictures={"it": torch.zeros(2, 2)})


def counts_on(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    if probe.norms(cohort).isnan().any():
        raise RuntimeError("index out of bounds")
    return Measurement({"norm": probe.norms(cohort)})


def raises(probe: Norm, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
    raise RuntimeError("no luck")


@pytest.mark.parametrize(
    ("measure", "law", "said"),
    [
        (alters, "read-only", "a probe may only read"),
        (forgets, "deterministic", "two measurements of the same learners"),
        (draws, "global randomness", "numpy.random"),
        (averages, "cohort size", "alone"),
        (averages, "diverged neighbour", "one learner's weights are nan"),
        (counts_on, "diverged neighbour", "index out of bounds"),
        (
            counts_on,
            "diverged neighbour",
            "weights are nan, and so are its outputs: give that learner nan, not an error",
        ),
        (sums, "metrics", "one floating-point number a learner"),
        (counts, "metrics", "torch.int64"),
        (loses, "metrics", "norm of seed 3 is nan, and that learner is healthy"),
        (adds, "metrics", "gives other; name that in 'metrics'"),
        (omits, "metrics", "on the way it does not give norm"),
        (judges, "images", "(N, M) bool"),
        (films, "pictures", "on the way too"),
        (raises, "measures", "RuntimeError: no luck"),
    ],
)
def test_a_broken_law_is_found(measure: Callable[..., Measurement], law: str, said: str) -> None:
    cls = type("Faulty", (Norm,), {"measure": measure, "__module__": __name__})
    found = broken(check_probe(cls))
    assert law in found and said in found[law]


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({}, "declares no metric"),
        ({"norm": Metric("bigger", None, unit="number")}, "write 'higher' or 'lower'"),  # type: ignore[arg-type]
        ({"norm": Metric("lower", None, unit="metres")}, "'metres' is no unit"),  # type: ignore[arg-type]
        ({"norm": Metric("lower", None, unit="number", proxy_of="norm")}, "no other metric"),
        ({"norm": Metric("lower", None, unit="number", proxy_of="gone")}, "no other metric"),
    ],
)
def test_what_a_probe_declares_is_checked(metrics: dict[str, Metric], said: str) -> None:
    cls = type("Faulty", (Norm,), {"metrics": metrics, "__module__": __name__})
    assert said in broken(check_probe(cls))["declared"]


def test_keys_that_do_not_fit_and_names_that_do_not_exist_are_findings() -> None:
    assert "did you mean 'accuracy'?" in broken(check_probe("acuracy"))["kind"]
    assert "env" in broken(check_probe("return"))["keys"]
    assert (
        "did you mean 'pretrain.denoise'?" in broken(check_probe("objective", {"stage": "pretrain.denoize"}))["stage"]
    )
    assert "is no probe; derive the class from" in broken(check_probe(int))["kind"]  # type: ignore[arg-type]


def test_a_brain_that_a_probe_refuses_is_a_finding() -> None:
    found = broken(check_probe("layers", brain={"kind": f"{__name__}:Blind"}))
    assert "Blind shows no layers" in found["measures"]


class Blind(torch.nn.Module):
    def __init__(self, needs: Needs) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(784, 10)
