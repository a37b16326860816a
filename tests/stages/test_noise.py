"""Noise with random answers: what is drawn, and that there is nothing in it to know."""

import math

import pytest
import torch

from devlearn.registry import get
from devlearn.stages.stage import Stage
from devlearn.tasks.data import CLASSES
from tests.laws.rows import cohort_for, context_for, make

SEEDS = (0, 1)


def noise(**keys: object) -> Stage:
    return get("stages", "innate.noise")(**keys)


def test_noise_is_standard_normal_on_the_scale_of_ink_and_answers_are_even() -> None:
    stage, context = noise(batch=500, sd=2.0), context_for(SEEDS)
    first, second = (batch for batch, _ in zip(stage.minibatches(context, 0), range(2), strict=False))  # type: ignore[attr-defined]
    ink = first["images"].double() / 255  # (2, 500, 28, 28)
    assert ink.mean().item() == pytest.approx(0, abs=4 * 2 / math.sqrt(ink.numel()))
    assert ink.std().item() == pytest.approx(2, rel=0.01)
    shares = torch.bincount(first["labels"].flatten(), minlength=CLASSES) / 1_000
    assert shares.tolist() == pytest.approx([0.1] * 10, abs=4 * math.sqrt(0.09 / 1_000))
    assert not torch.equal(first["images"], second["images"]) and not torch.equal(first["labels"], second["labels"])
    assert not torch.equal(first["images"][0], first["images"][1])


def test_noise_charges_images_and_flops_but_no_labels() -> None:
    stage = make("noise")
    work = stage.cost(cohort_for("noise", [0]).member(0).to("meta"))
    school = make("school-aligned").cost(cohort_for("school-aligned", [0]).member(0).to("meta"))
    assert (work.labels, work.label_bits, work.images, work.updates) == (0, 0, 8, 1)
    assert work.flops == school.flops  # the same network, as many images


def test_the_held_out_objective_is_chance() -> None:
    cohort = cohort_for("noise", SEEDS, dtype=torch.float32)
    with torch.no_grad():
        found = noise().evaluate(cohort, context_for(SEEDS))
    assert found["loss"].mean().item() == pytest.approx(math.log(10), abs=0.15)
    assert found["accuracy"].mean().item() == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / 2_000))
