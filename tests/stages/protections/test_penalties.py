"""Penalties against what they are: brute-force importances, sums of quadratics, the path integral of a loss."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from devlearn.learners.cohort import Cohort
from devlearn.stages.protections.penalty import CENTRE, IMPORTANCE
from devlearn.stages.shared.labelled import LabelledBatches
from tests.laws.protected import guarded, live_protected, protected, protection_of
from tests.laws.rows import cohort_for, given_context, go_on


def images_of(cohort: Cohort, stage: Any) -> tuple[LabelledBatches, dict[str, torch.Tensor]]:
    """All labelled images of a stage, for each learner."""
    labelled: LabelledBatches = stage.rehearsed()
    whole = replace(labelled, batch=labelled.num_labels)
    return labelled, next(whole.minibatches(given_context(stage, cohort), 0))


def by_hand(cohort: Cohort, stage: Any, row: int, of: str) -> dict[str, torch.Tensor]:
    """The mean over all images of a learner's squared gradient of its loss, or of |d ||f||^2 / dw|, one by one."""
    labelled, batch = images_of(cohort, stage)
    model, asked = cohort.member(row), labelled.objective
    found = {name: torch.zeros_like(weight) for name, weight in model.named_parameters()}
    for image, label in zip(batch["images"][row], batch["labels"][row], strict=True):
        model.zero_grad()
        logits = model(image.unsqueeze(0), asked.sense, asked.head)
        loss = F.cross_entropy(logits, label.unsqueeze(0)) if of == "fisher" else logits.square().sum()
        loss.backward()
        for name, weight in model.named_parameters():
            if weight.grad is not None:
                found[name] += (weight.grad**2 if of == "fisher" else weight.grad.abs()) / batch["labels"].shape[1]
    return found


@pytest.mark.parametrize(("kind", "of", "keys"), [("ewc", "fisher", {"labels": "true"}), ("mas", "outputs", {})])
def test_importances_are_those_of_every_image_by_itself(kind: str, of: str, keys: dict[str, Any]) -> None:
    stage = protected("school", protection_of(kind, samples=20, **keys))
    cohort = cohort_for("school", (0, 1))
    kept = live_protected(cohort, [stage], 3)
    for row in range(2):
        for name, expected in by_hand(cohort, stage, row, of).items():
            torch.testing.assert_close(kept[IMPORTANCE + name][row], expected, rtol=1e-9, atol=1e-12)


def test_sampled_answers_give_the_fisher_information_of_the_mean() -> None:
    """With answers drawn from the learner's own beliefs the mean is that over all answers, by their probabilities."""
    stage = protected("school", protection_of("ewc", samples=20))
    cohort = cohort_for("school", [0])
    labelled, batch = images_of(cohort, stage)
    model, asked = cohort.member(0), labelled.objective
    bias = dict(model.named_parameters())["heads.digits.layer.bias"]
    expected = torch.zeros_like(bias)
    p = model(batch["images"][0], asked.sense, asked.head).softmax(-1).detach()
    expected = (p * (1 - p)).mean(0)  # of the bias: sum_y p_y (p_k - [y = k])^2 = p_k (1 - p_k)
    found = []
    for name in range(40):
        cohort_for_once = cohort_for("school", [0])
        own = stage.model_copy(update={"labels": 20})
        at = given_context(own, cohort_for_once)
        from devlearn.stages.protections.protection import Protecting

        kept: dict[str, Any] = {}
        own.protect.end(Protecting(cohort_for_once, own, replace(at, name=f"stage{name}"), kept))
        found.append(kept[IMPORTANCE + "heads.digits.layer.bias"][0])
    mean, error = torch.stack(found).mean(0), torch.stack(found).std(0) / 40**0.5
    # the images differ between names too: both are balanced draws, so the band is that of draws of images and answers
    assert ((mean - expected).abs() < 4.5 * error + 0.01).all()


def test_penalties_of_two_stages_add_up_to_one_quadratic() -> None:
    """Offline, the pull is the sum of the pulls to each stage's own weights; online, only to the last."""
    stages = [protected("school", protection_of("ewc", samples=20, labels="true", online=online)) for online in (0, 1)]
    for stage, online in zip(stages, (False, True), strict=True):
        cohort, kept, parts = cohort_for("school", [0]), {}, []
        for visit in range(2):
            with guarded(cohort, stage, kept) as state:
                go_on(stage, cohort, state, 3 + visit)
            parts.append(
                (by_hand(cohort, stage, 0, "fisher"), {k: w[0].clone() for k, w in cohort.parameters().items()})
            )
        for name, weight in cohort.parameters().items():
            at = torch.randn_like(weight[0])
            pulls = [
                matters[name] * (at - (parts[-1] if online else part)[1][name])
                for part in parts
                for matters in [part[0]]
            ]
            found = kept[IMPORTANCE + name][0] * (at - kept[CENTRE + name][0])
            torch.testing.assert_close(found, sum(pulls), rtol=1e-7, atol=1e-10)


def test_the_path_integral_is_what_the_loss_fell_by() -> None:
    """Summed over weights, minus gradient times movement is the fall of the loss, for small steps on all images."""
    keys = {"labels": 20, "batch": 20, "optimiser": "sgd", "lr": 1e-3}
    stage = protected("school", protection_of("si"), **keys)
    cohort = cohort_for("school", (0, 1))
    labelled, batch = images_of(cohort, stage)
    before, _ = cohort.losses(labelled.objective, batch)
    kept: dict[str, Any] = {}
    with guarded(cohort, stage, kept) as state:
        go_on(stage, cohort, state, 40)
        work = sum(kept[name].flatten(1).sum(1) for name in kept if name.startswith("path:"))
    after, _ = cohort.losses(labelled.objective, batch)
    assert (before - after > 0.005).all()
    torch.testing.assert_close(work, (before - after).detach(), rtol=0.02, atol=0)


def test_a_strong_pull_holds_weights_that_matter() -> None:
    """Under a strong penalty the second stage moves weights less than without any; l2 holds all of them alike."""
    moved = {}
    for kind in ("none", "l2", "ewc", "si", "mas"):
        own = None if kind == "none" else protection_of(kind, strength=2.0)
        cohort, kept = cohort_for("school", (0, 1, 2, 3)), {}
        stage = protected("school", own, optimiser="sgd", lr=0.05)
        live_protected(cohort, [stage], 10, kept)
        before = {name: weight.clone() for name, weight in cohort.parameters().items()}
        live_protected(cohort, [stage], 10, kept)
        away = [(weight - before[name]).flatten(1) for name, weight in cohort.parameters().items()]
        moved[kind] = torch.cat(away, 1).norm(dim=1)
    for kind in ("l2", "ewc", "si", "mas"):
        assert (moved[kind] < moved["none"]).all(), kind
