"""The genome stage: what is learned goes through the genome, and what is born is what the genome says."""

from typing import Any

import numpy as np
import pytest
import torch

from devlearn.learners import flops
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.shared.genomic_bottleneck import Bottleneck
from devlearn.stages.stage import Stage
from devlearn.tasks.data import load
from devlearn.tasks.data.sets.mnist import MNIST
from devlearn.testing import assert_ok, check_stage
from tests.laws.rows import CROSS_ENTROPY, context_for, live

BRAIN = {"kind": "mlp", "width": [40]}


def genome(**keys: Any) -> Stage:
    stage: Stage = get("stages", "innate.genome")(**{"updates": 150, "compression": 20, "batch": 64, **keys})
    return stage


def born(stage: Stage, seeds: tuple[int, ...], yields: int, dtype: torch.dtype = torch.float32) -> tuple[Cohort, Any]:
    cohort = Cohort(brain_builder(BRAIN, stage.needs()), seeds, dtype=dtype)
    return cohort, live(stage, cohort, yields, planned=yields)[0]


@pytest.mark.parametrize("lineages", [None, 2])
def test_a_genome_stage_keeps_the_laws(lineages: int | None) -> None:
    findings = check_stage("innate.genome", {"updates": 100, "batch": 8, "lineages": lineages}, {**BRAIN, "width": [8]})
    assert_ok(findings)


@pytest.mark.parametrize(
    "brain", [{"kind": "conv", "channels": [2], "width": [6]}, {"kind": "mlp", "width": [6], "memory": "gru"}]
)
def test_genomes_of_other_brains_keep_the_laws_too(brain: dict[str, Any]) -> None:
    assert_ok(check_stage("innate.genome", {"updates": 100, "batch": 4, "compression": 4}, brain))


def test_learners_are_what_their_genome_grows_into() -> None:
    stage = genome()
    cohort, state = born(stage, (0, 1), 3)
    shapes = {name: weight.shape[1:] for name, weight in cohort.parameters().items()}
    bottleneck = Bottleneck.of(shapes, 20, "binary", MNIST)
    grown = bottleneck.grow(state["ancestors"]["genes"])
    for name, weights in cohort.parameters().items():
        assert torch.equal(weights, grown.get(name, torch.zeros_like(weights)))


def test_a_step_of_a_genome_is_the_chain_rule_through_growth() -> None:
    """The first step of plain gradient descent against one autograd graph from the genome to the loss."""
    stage = genome(optimiser="sgd", lr=0.1, schedule="constant", batch=8)
    _, fresh = born(stage, (5,), 1, torch.float64)
    cohort = Cohort(brain_builder(BRAIN, stage.needs()), (5,), dtype=torch.float64)
    context = context_for((5,), planned=1)
    genes = stage.begin(cohort, context)["ancestors"]["genes"]
    genes = {name: gene.requires_grad_() for name, gene in genes.items()}
    member = cohort.member(0)
    shapes = {name: weight.shape for name, weight in member.named_parameters()}
    grown = {name: value[0] for name, value in Bottleneck.of(shapes, 20, "binary", MNIST).grow(genes).items()}
    zeros = {name: torch.zeros_like(weight) for name, weight in member.named_parameters() if name not in grown}
    data = load("mnist.train", torch.device("cpu"))
    rows = next(context.minibatches(len(data), 8, 0))[0]
    batch = {"images": data.images[rows], "labels": data.labels[rows]}
    call = lambda *inputs: torch.func.functional_call(member, {**grown, **zeros}, inputs)  # noqa: E731
    CROSS_ENTROPY(call, batch)[0].backward()
    for name, gene in genes.items():
        torch.testing.assert_close(fresh["ancestors"]["genes"][name], gene.detach() - 0.1 * gene.grad)


def test_a_genome_learns_digits_through_twenty_weights_a_number() -> None:
    """Six seeds, 150 updates: valid accuracy above .6 for each (chance .1), and compression as asked."""
    stage = genome()
    cohort, _ = born(stage, tuple(range(6)), 150)
    data = load("mnist.valid", torch.device("cpu")).spread(500)
    with torch.no_grad():
        images = data.images.expand(cohort.n, -1, -1, -1)
        _, metrics = cohort.losses(CROSS_ENTROPY, {"images": images, "labels": data.labels.expand(cohort.n, -1)})
    assert float(metrics["accuracy"].min()) > 0.6


def test_growing_is_paid() -> None:
    """FLOPs of an update: those of the network, and three products of (O, 2H) with (2H, I) for each tensor and more."""
    stage = genome()
    brain = Cohort(brain_builder(BRAIN, stage.needs()), (0,)).member(0).to("meta")
    own = flops.update(brain, CROSS_ENTROPY, stage.labelled.shapes)  # type: ignore[attr-defined]
    shapes = {name: weight.shape for name, weight in brain.named_parameters()}
    products = sum(
        3 * 2 * int(np.prod(growth.shape)) * 2 * growth.units
        for growth in Bottleneck.of(shapes, 20, "binary", MNIST).growths.values()
    )
    assert own + products < stage.cost(brain).flops < own + 1.2 * products
