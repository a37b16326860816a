"""Losses on old images and old answers, gradients against old ones: by hand, learner by learner."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.flop_counter import FlopCounterMode

from devlearn.learners.autoencoder import Autoencoder, EvidenceBound
from devlearn.learners.brains import brain_builder
from devlearn.learners.brains.brain import Brain
from devlearn.learners.cohort import Cohort
from devlearn.runs.engine import checkpoint, live
from devlearn.stages.protections.agem import project
from devlearn.stages.protections.derpp import LOGITS
from devlearn.stages.protections.memory import IMAGES
from devlearn.stages.protections.protection import Protecting, cost_of
from devlearn.stages.stage import Stage
from tests.laws.protected import guarded, live_protected, protected, protection_of
from tests.laws.rows import BRAIN, given_context, go_on
from tests.runs.engine.jobs import write_job

KEEPERS: dict[str, dict[str, Any]] = {
    "replay": {"size": 12, "batch": 5, "weight": 0.7},
    "agem": {"size": 12, "batch": 5},
    "derpp": {"size": 12, "batch": 5, "alpha": 0.3, "beta": 0.4},
    "lwf": {"weight": 0.7},
    "generative_replay": {"weight": 0.7, "hidden": 6, "latent": 3, "batch": 5},
}
OWN_HEADS = ({"classes": (0, 1), "head": "one", "labels": 10}, {"classes": (2, 3, 4), "head": "two", "labels": 12})
ONE_HEAD = ({"classes": (0, 1), "labels": 10}, {"classes": (2, 3), "labels": 10})


def stages_of(kind: str, tasks: Sequence[dict[str, Any]], **keys: Any) -> list[Stage]:
    return [protected("school", protection_of(kind, **{**KEEPERS[kind], **keys}), **task) for task in tasks]


def cohort_of(stages: Sequence[Stage], seeds: Sequence[int] = (0, 1, 2), **keys: Any) -> Cohort:
    needs = stages[0].needs()
    for stage in stages[1:]:
        needs = needs | stage.needs()
    return Cohort(brain_builder(BRAIN, needs), seeds, dtype=torch.float64, **keys)


def extended(cohort: Cohort, stage: Stage, kept: dict[str, Any]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The minibatch that a second stage's first update reads, and each learner's loss on it."""
    at = Protecting(cohort, stage, given_context(stage, cohort), kept)
    assert stage.protect is not None
    stage.protect.begin(at)
    labelled = stage.rehearsed()
    assert labelled is not None
    new = next(labelled.minibatches(at.context, 0))
    objective, batch = stage.protect.guard(at).extended(labelled.objective, new)
    loss, metrics = cohort.losses(objective, batch)
    plain, accuracy = cohort.losses(labelled.objective, new)
    torch.testing.assert_close(metrics["loss"], plain)  # what is on record is the stage's own
    assert torch.equal(metrics["accuracy"], accuracy["accuracy"])
    return batch, loss.detach() - plain.detach()


def answers(model: nn.Module, images: torch.Tensor, head: str) -> torch.Tensor:
    logits: torch.Tensor = model(images, "image_28x28", head).detach()
    return logits


@pytest.mark.parametrize("tasks", [OWN_HEADS, ONE_HEAD], ids=["own", "one"])
def test_replay_adds_the_cross_entropy_of_old_labels_by_their_own_read_outs(tasks: Any) -> None:
    stages = stages_of("replay", tasks)
    cohort = cohort_of(stages)
    kept = live_protected(cohort, stages[:1], 4)
    live_protected(cohort, stages[1:], 4, kept)  # so that the reservoir holds both stages'
    batch, added = extended(cohort, stages[0], kept)
    seen = set()
    for row in range(cohort.n):
        losses = []
        for image, label, stage in zip(
            batch["old_images"][row], batch["old_labels"][row], batch["old_owners"][row], strict=True
        ):
            slot = next(s for s in range(12) if torch.equal(kept[IMAGES][row, s], image))
            of = int(kept["stages"][row, slot])
            seen.add(of)
            head = tasks[of].get("head", "digits")
            assert int(stage) == ({"one": 0, "two": 1}.get(head, 0))
            losses.append(F.cross_entropy(answers(cohort.member(row), image[None], head), label[None]))
        torch.testing.assert_close(added[row], 0.7 * torch.stack(losses).mean())
    assert seen == {0, 1}


@pytest.mark.parametrize("tasks", [OWN_HEADS, ONE_HEAD], ids=["own", "one"])
def test_derpp_adds_both_terms_on_two_draws(tasks: Any) -> None:
    stages = stages_of("derpp", tasks)
    cohort = cohort_of(stages)
    kept = live_protected(cohort, stages[:1], 4)
    batch, added = extended(cohort, stages[1], kept)
    head = tasks[0].get("head", "digits")
    for row in range(cohort.n):
        images, wanted = batch["old_images"][row], batch["old_logits"][row]
        z = answers(cohort.member(row), images, head)
        dark = F.mse_loss(z[:5], wanted[:5, : z.shape[1]])
        light = F.cross_entropy(z[5:], batch["old_labels"][row, 5:])
        torch.testing.assert_close(added[row], 0.3 * dark + 0.4 * light)
    assert not torch.equal(batch["old_images"][:, :5], batch["old_images"][:, 5:])


def test_derpp_keeps_what_was_answered_when_an_image_was_shown() -> None:
    stages = stages_of("derpp", ONE_HEAD)
    cohort = cohort_of(stages)
    newborn = [cohort.member(row) for row in range(cohort.n)]
    kept = live_protected(cohort, stages[:1], 1)
    for row, model in enumerate(newborn):
        torch.testing.assert_close(kept[LOGITS][row, :8], answers(model, kept[IMAGES][row, :8], "digits"))


@pytest.mark.parametrize(("tasks", "taught"), [(OWN_HEADS, [0, 1]), (ONE_HEAD, [0, 1])], ids=["own", "one"])
def test_lwf_asks_for_the_answers_of_the_stage_s_start_to_classes_that_were_taught(tasks: Any, taught: Any) -> None:
    stages = stages_of("lwf", tasks)
    cohort = cohort_of(stages)
    kept = live_protected(cohort, stages[:1], 4)
    before = [cohort.member(row) for row in range(cohort.n)]
    at = Protecting(cohort, stages[1], given_context(stages[1], cohort), kept)
    assert stages[1].protect is not None
    stages[1].protect.begin(at)
    with guarded(cohort, stages[1], kept) as state:
        go_on(stages[1], cohort, state, 3)
        labelled = stages[1].rehearsed()
        assert labelled is not None and cohort.guard is not None
        new = next(labelled.minibatches(at.context, 3))
        objective, batch = cohort.guard.extended(labelled.objective, new)
        loss, _ = cohort.losses(objective, batch)
        plain, _ = cohort.losses(labelled.objective, new)
        head = tasks[0].get("head", "digits")
        for row in range(cohort.n):
            old, now = (answers(m, new["images"][row], head)[:, taught] / 2 for m in (before[row], cohort.member(row)))
            expected = -0.7 * (old.softmax(-1) * now.log_softmax(-1)).sum(-1).mean()
            torch.testing.assert_close((loss - plain)[row].detach(), expected)
    assert not [name for name in kept if name.startswith("before:")]
    assert kept["classes:digits" if head == "digits" else "classes:two"] == (
        [0, 1, 2, 3] if head == "digits" else [0, 1, 2]
    )


@pytest.mark.parametrize("tasks", [OWN_HEADS, ONE_HEAD], ids=["own", "one"])
def test_made_up_images_are_answered_as_they_would_have_been(tasks: Any) -> None:
    stages = stages_of("generative_replay", tasks)
    cohort = cohort_of(stages)
    kept = live_protected(cohort, stages[:1], 4)
    before = [cohort.member(row) for row in range(cohort.n)]
    made = {name: tensor.clone() for name, tensor in kept.items() if name.startswith("maker:")}
    batch, added = extended(cohort, stages[1], kept)
    head = tasks[0].get("head", "digits")
    assert batch["made_images"].shape == (3, 5, 28, 28)
    for row, model in enumerate(before):
        logits = answers(model, batch["made_images"][row], head)
        torch.testing.assert_close(added[row], 0.7 * F.cross_entropy(logits, logits.argmax(-1)))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in made.items())
    live_protected(cohort, stages[1:], 4, kept)
    assert not any(torch.equal(tensor, kept[name]) for name, tensor in made.items())


def test_the_evidence_bound_is_the_sum_of_its_two_parts() -> None:
    torch.manual_seed(0)
    model = Autoencoder(12, 5, 3)
    images, noise = torch.rand(7, 3, 4) * 255, torch.randn(7, 3)
    loss, _ = EvidenceBound()(model, {"images": images, "noise": noise})
    logits, mean, log_variance = model({"images": images, "noise": noise})
    surprise = F.binary_cross_entropy_with_logits(logits, images.flatten(1) / 255, reduction="none").sum(1)
    belief = torch.distributions.Normal(mean, (log_variance / 2).exp())
    divergence = torch.distributions.kl_divergence(belief, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(loss, (surprise + divergence).mean())


def test_a_gradient_is_projected_where_it_is_against_the_old_one_and_nowhere_else() -> None:
    """The closed form; what is left is at a right angle to the old gradient, and no other is nearer."""
    draw = torch.Generator().manual_seed(1)
    new = {name: torch.randn(40, *shape, dtype=torch.float64, generator=draw) for name, shape in SHAPES.items()}
    old = {name: torch.randn(40, *shape, dtype=torch.float64, generator=draw) for name, shape in SHAPES.items()}
    flat = [torch.cat([g[name].flatten(1) for name in SHAPES], 1) for g in (new, old)]
    project(new, {**old, "elsewhere": torch.randn(40, 3)})
    found = torch.cat([new[name].flatten(1) for name in SHAPES], 1)
    against = (flat[0] * flat[1]).sum(1)
    assert 5 < (against < 0).sum() < 35
    for g, r, left, product in zip(*flat, found, against, strict=True):
        torch.testing.assert_close(left, g - product / (r @ r) * r if product < 0 else g)
        assert left @ r > -1e-9


SHAPES = {"a": (3, 2), "b": (4,)}


def test_agem_s_step_is_down_the_projected_gradient() -> None:
    """With SGD of rate 1 a step is minus the gradient: of some learners it is against the old one."""
    stages = stages_of("agem", [{**task, "optimiser": "sgd", "lr": 1.0, "batch": 4} for task in ONE_HEAD], batch=2)
    cohort = cohort_of(stages, range(12))
    kept = live_protected(cohort, stages[:1], 6)
    labelled, at = stages[1].rehearsed(), Protecting(cohort, stages[1], given_context(stages[1], cohort), kept)
    assert labelled is not None
    new = next(labelled.minibatches(at.context, 0))
    g, _ = cohort.gradients(labelled.objective, new)
    with guarded(cohort, stages[1], kept) as state:
        asked = cohort.guard.own._objective(stages[1], ("digits",))  # type: ignore[union-attr]
        r, _ = cohort.gradients(asked, cohort.guard.old(asked.heads, 2)[0])  # type: ignore[union-attr]
        before = {name: weight.clone() for name, weight in cohort.parameters().items()}
        go_on(stages[1], cohort, state, 1)
    flat = [torch.cat([found[name].flatten(1) for name in before], 1) for found in (g, r)]
    step = torch.cat([(before[name] - weight).flatten(1) for name, weight in cohort.parameters().items()], 1)
    product = (flat[0] * flat[1]).sum(1, keepdim=True)
    expected = flat[0] - product.clamp(max=0) / flat[1].square().sum(1, keepdim=True) * flat[1]
    torch.testing.assert_close(step, expected)
    assert (product < 0).any() and (product > 0).any()


@pytest.mark.parametrize("tasks", [OWN_HEADS, ONE_HEAD], ids=["own", "one"])
@pytest.mark.parametrize("kind", KEEPERS)
def test_images_and_flops_of_both_stages_are_those_declared(kind: str, tasks: Any) -> None:
    """By torch's own counter, and by counting what passes into the network."""
    shown: list[int] = []

    def see(model: nn.Module, inputs: tuple[Any, ...], _: Any) -> None:
        blank = any(not any(weight.stride()) for weight in model.parameters() if weight.numel() > 1)
        if isinstance(model, Brain) and not blank:
            shown.append(len(inputs[0]))
        elif isinstance(model, Autoencoder) and "images" in inputs[0] and not blank:
            shown.append(inputs[0]["images"].shape[1])

    stages = stages_of(kind, tasks)
    cohort, kept = cohort_of(stages, [0], mapper="loop"), {}
    with torch.device("meta"):
        brain = cohort._build()
    earlier: tuple[str, ...] = ()
    for task, stage in zip(tasks, stages, strict=True):
        told = cost_of(stage, brain, earlier)
        with guarded(cohort, stage, kept) as state:
            shown.clear()
            with FlopCounterMode(display=False) as counter:
                hook = register_module_forward_hook(see)
                go_on(stage, cohort, state, 3)
                hook.remove()
            assert counter.get_total_flops() == 3 * told.flops
            assert sum(shown) == 3 * told.images
        earlier = (*earlier, task.get("head", "digits"))


def test_herding_asks_for_the_features_of_every_image_once() -> None:
    stage = stages_of("replay", [{"labels": 20}], select="herding")[0]
    cohort, kept = cohort_of([stage], [0], mapper="loop"), {}
    told = cost_of(stage, cohort.member(0).to("meta"))
    assert stage.protect is not None
    at = Protecting(cohort, stage, given_context(stage, cohort), kept)
    stage.protect.begin(at)
    with FlopCounterMode(display=False) as counter:
        stage.protect.end(at)
    assert counter.get_total_flops() == told.closing_flops > 0


@pytest.mark.parametrize("select", ["reservoir", "balanced", "herding"])
def test_learners_with_read_outs_of_their_own_are_separate(select: str) -> None:
    stages = stages_of("replay", OWN_HEADS, select=select)
    together = cohort_of(stages)
    kept = live_protected(together, stages, 5)
    for row, seed in enumerate(together.seeds):
        alone = cohort_of(stages, [seed], mapper="loop")
        own = live_protected(alone, stages, 5)
        assert torch.equal(kept[IMAGES][row], own[IMAGES][0])
        for name, weight in together.parameters().items():
            torch.testing.assert_close(weight[row], alone.parameters()[name][0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", KEEPERS)
def test_a_change_of_the_minibatch_in_the_middle_of_a_stage_is_followed(kind: str, tmp_path: Path) -> None:
    """Through the engine: what is on the ledger is what is declared, with more images an update from update 3 on."""
    own = {"protect": {"kind": kind, **KEEPERS[kind], "batch": None} if kind != "lwf" else {"kind": kind}}
    school = {"kind": "supervise", "data": "mnist.train", "labels": 20, "batch": 4, "updates": 6, **own}
    change = [{"from": 3, "set": {"batch": 7}}]
    folder = write_job(tmp_path, "branch", {"one": school, "two": {**school, "change": change}}, {}, seeds=(0, 1))
    live(folder)
    end = checkpoint.load_artifact(folder / "artifacts" / "end.pt")
    assert all(torch.isfinite(tensor).all() for tensor in end["brain"].values())
    if "seen" in end["kept"][kind]:
        assert end["kept"][kind]["seen"].tolist() == [6 * 4 + 3 * 4 + 3 * 7 if kind != "agem" else 40] * 2
