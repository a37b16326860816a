"""Evolved and meta-learned births against the same done by hand, what they cost, and that they are worth something."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from devlearn.learners import flops
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.shared import evolution_strategy
from devlearn.stages.shared.evolution_strategy import Noise, centred_ranks, estimate_gradient, scores
from devlearn.stages.stage import Stage
from devlearn.tasks.data import IMAGE_SENSE, load
from devlearn.testing import assert_ok, check_stage
from tests.laws.rows import CROSS_ENTROPY, context_for, live

BRAIN = {"kind": "mlp", "width": [12]}


def make(kind: str, **keys: Any) -> Stage:
    stage: Stage = get("stages", f"innate.{kind}")(**{"updates": 100, **keys})
    return stage


def newborn(stage: Stage, seeds: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Cohort:
    return Cohort(brain_builder(BRAIN, stage.needs()), seeds, dtype=dtype)


def batch_of(stage: Any, cohort: Cohort) -> dict[str, torch.Tensor]:
    return next(stage.labelled.minibatches(context_for(cohort.seeds), 0))


@pytest.mark.parametrize("lr", [1.0, 0.25])
def test_reptile_moves_part_of_the_way_that_a_task_teaches(lr: float) -> None:
    """Weights after one task against a network that torch's SGD trains on the same images, and the line to it."""
    keys = {"batch": 12, "inner": 3, "inner_batch": 4, "optimiser": "sgd", "inner_lr": 0.5}
    stage: Any = make("reptile", lr=lr, schedule="constant", **keys)
    cohort = newborn(stage, (2, 3))
    before, batch = cohort.flat, batch_of(stage, cohort)
    members = [cohort.member(0), cohort.member(1)]
    live(stage, cohort, 1)
    for row, member in enumerate(members):
        descent = torch.optim.SGD(member.parameters(), lr=0.5)
        for start in (0, 4, 8):
            part = {name: value[row, start : start + 4] for name, value in batch.items()}
            descent.zero_grad()
            CROSS_ENTROPY(member, part)[0].backward()
            descent.step()
        taught = torch.cat([weight.detach().flatten() for weight in member.parameters()])
        torch.testing.assert_close(cohort.flat[row], before[row] + lr * (taught - before[row]))


def test_renamed_tasks_keep_apart_what_was_apart() -> None:
    """With as many steps as tasks the first loss is of renamed labels: another number, the same images."""
    plain, renamed = make("reptile", labels=20, inner=1), make("reptile", labels=20, inner=1, relabel=True)
    first = [live(stage, newborn(stage, (0, 1, 2)), 1)[1][0]["loss"] for stage in (plain, renamed)]
    assert not torch.allclose(first[0], first[1])
    assert (first[0] - first[1]).abs().max() < 0.7  # newborns know neither the names nor the others


def test_a_generation_at_birth_is_that_of_the_school_without_gradients() -> None:
    """innate.evolve without inner steps and lineages does what supervise.evolution does, bit by bit."""
    keys = {"batch": 16, "population": 8}
    evolved, schooled = make("evolve", **keys), get("stages", "supervise.evolution")(updates=100, **keys)
    one, other = newborn(evolved, (0, 1)), newborn(evolved, (0, 1))
    live(evolved, one, 4)
    live(schooled, other, 4)
    assert torch.equal(one.flat, other.flat)


def test_every_block_of_generations_has_noise_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    tables, draw = [], Noise.draw

    def kept(*arguments: Any) -> Noise:
        noise = draw(*arguments)
        tables.append(noise.table)
        return noise

    monkeypatch.setattr(evolution_strategy, "BLOCK", 2)
    monkeypatch.setattr(Noise, "draw", kept)
    stage = make("evolve", batch=4, population=2)
    live(stage, newborn(stage, (0,)), 5)
    assert len(tables) == 3
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(tables, 2))


def test_copies_that_learn_are_marked_after_learning() -> None:
    """The gradient of one Baldwin generation, with every copy trained and marked by hand."""
    stage: Any = make("evolve", batch=5, population=6, inner=2, inner_lr=0.3, optimiser="sgd", lr=0.1)
    cohort = newborn(stage, (4, 5))
    batch, before = batch_of(stage, cohort), cohort.flat
    noise = Noise.draw(
        context_for((4, 5)).streams("noise"), cohort, cohort.reached(CROSS_ENTROPY, stage.labelled.shapes), 32, 3
    )

    def marked(learner: int, copies: Any, rows: Any) -> Any:
        found = [one_life(stage, cohort.member(learner), {n: c[p] for n, c in copies.items()}, rows) for p in range(6)]
        return torch.stack([loss for loss, _ in found]), {"accuracy": torch.stack([hit for _, hit in found])}

    wanted = []
    for learner in range(2):
        directions = noise.directions(learner, 0)
        rows = {name: value[learner] for name, value in batch.items()}
        found = scores(cohort, learner, directions, stage.sigma, CROSS_ENTROPY, rows, marked)
        uphill = estimate_gradient(directions, centred_ranks(found["accuracy"]), stage.sigma)
        wanted.append(torch.cat([uphill[name].flatten() for name in uphill]))
    live(stage, cohort, 1)
    torch.testing.assert_close(cohort.flat, before + 0.1 * torch.stack(wanted))


def one_life(stage: Any, member: Any, birth: Any, rows: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and accuracy on the last five images of a network that has learned the first five, then the next."""
    with torch.no_grad():
        for name, weight in member.named_parameters():
            weight.copy_(birth[name])
    descent = torch.optim.SGD(member.parameters(), lr=stage.inner_lr)
    parts = [{name: value[start : start + 5] for name, value in rows.items()} for start in (0, 5, 10)]
    for part in parts[:2]:
        descent.zero_grad()
        CROSS_ENTROPY(member, part)[0].backward()
        descent.step()
    loss, metrics = CROSS_ENTROPY(member, parts[2])
    return loss.detach(), metrics["accuracy"].detach()


@pytest.mark.parametrize(
    ("kind", "keys"), [("evolve", {"population": 4, "inner": 1}), ("reptile", {"inner": 2, "relabel": True})]
)
def test_births_keep_the_laws(kind: str, keys: dict[str, Any]) -> None:
    assert_ok(check_stage(f"innate.{kind}", {"updates": 100, "batch": 8, "lineages": 2, **keys}, BRAIN))


def test_all_that_copies_see_and_learn_is_paid() -> None:
    darwin, baldwin = make("evolve", batch=8, population=6), make("evolve", batch=8, population=6, inner=3)
    brain = newborn(darwin, (0,)).member(0).to("meta")
    step = flops.update(brain, CROSS_ENTROPY, darwin.labelled.shapes)  # type: ignore[attr-defined]
    born, learned = darwin.cost(brain), baldwin.cost(brain)
    assert (born.images, learned.images) == (6 * 8, 6 * 8 * 4)
    assert learned.flops == born.flops + 6 * 3 * step
    weights = sum(value.numel() for name, value in brain.named_parameters() if "value" not in name)
    see = flops.forward(brain, torch.empty(8, 28, 28, dtype=torch.uint8, device="meta"), IMAGE_SENSE, "digits")
    assert born.flops == 6 * see + 6 * weights  # copies, and the slope: 3 directions times 2 for each of their numbers
    few = make("evolve", batch=8, population=6, inner=2, labels=20).cost(brain)  # 20 images make 3 lessons of 6
    assert few.images == 6 * 18
    assert (born.labels, born.updates, learned.updates) == (55_000, 1, 1)
    tasks = make("reptile", batch=8, inner=5, inner_batch=8).cost(brain)
    assert (tasks.updates, tasks.images, tasks.flops) == (5, 40, 5 * step)


def test_inner_steps_need_images() -> None:
    with pytest.raises(ValueError, match="10 inner steps and a mark need 11 images at least; raise labels"):
        make("evolve", labels=10, inner=10)


def accuracy(stage: Any, cohort: Cohort) -> np.ndarray[Any, Any]:
    data = load("mnist.valid", torch.device("cpu")).spread(500)
    images, labels = data.images.expand(cohort.n, -1, -1, -1), data.labels.expand(cohort.n, -1)
    with torch.no_grad():
        found: np.ndarray[Any, Any] = cohort.losses(CROSS_ENTROPY, {"images": images, "labels": labels})[1][
            "accuracy"
        ].numpy()
    return found


@pytest.mark.parametrize(
    ("kind", "keys", "yields", "least"),
    [
        ("evolve", {"population": 32, "batch": 64}, 60, 0.15),
        ("reptile", {"inner_lr": 3e-3}, 40, 0.3),
    ],
)
def test_births_are_better_than_chance_has_it(kind: str, keys: dict[str, Any], yields: int, least: float) -> None:
    """Six seeds, paired: newborns against those born of evolution; a one-sided t-test and a smallest gain."""
    stage = make(kind, **keys)
    cohort = newborn(stage, tuple(range(6)), torch.float32)
    before = accuracy(stage, cohort)
    live(stage, cohort, yields, planned=yields)
    gain = accuracy(stage, cohort) - before
    assert stats.ttest_1samp(gain, 0, alternative="greater").pvalue < 0.01
    assert gain.mean() > least
