"""What a memory holds: a uniform sample, equal shares, or those nearest to their class's mean."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from devlearn.stages.context import Context
from devlearn.stages.protections.memory import FILLED, IMAGES, LABELS, SEEN, STAGES, Draws, reservoir
from devlearn.stages.protections.selection import nearest_to_mean, quotas
from tests.laws.protected import live_protected, protected, protection_of
from tests.laws.rows import cohort_for, given_context

SIZE, SHOWN = 5, 20


def empty(n: int) -> dict[str, Any]:
    slots = {name: torch.zeros(n, SIZE, dtype=torch.int16) for name in (LABELS, STAGES)}
    counts = {name: torch.zeros(n, dtype=torch.int64) for name in (FILLED, SEEN)}
    return {IMAGES: torch.zeros(n, SIZE, 2, 2, dtype=torch.uint8), **slots, **counts}


def show(kept: dict[str, Any], chances: torch.Tensor, batch: int) -> None:
    """Let images 0, 1, .., each with its number as label and in its pixels, pass by, so many at once."""
    n = len(chances)
    for numbers in torch.arange(chances.shape[1]).split(batch):
        images = numbers.to(torch.uint8).view(1, -1, 1, 1).expand(n, -1, 2, 2)
        given = {"images": images, "labels": numbers.expand(n, -1)}
        reservoir(kept, given, 0, chances[:, numbers])


def test_a_reservoir_keeps_every_image_with_the_same_probability() -> None:
    learners = 1000
    context = Context(tuple(range(learners)), "stage", 0, torch.device("cpu"), 1)
    kept = empty(learners)
    show(kept, Draws(context, "protect", "reservoir").at(3, SHOWN), 4)
    assert torch.equal(kept[IMAGES][..., 0, 0].short(), kept[LABELS])
    found = torch.bincount(kept[LABELS].flatten().long(), minlength=SHOWN).double()
    expected = learners * SIZE / SHOWN
    statistic = ((found - expected) ** 2).sum() / (expected * (1 - SIZE / SHOWN)) * (SHOWN - 1) / SHOWN
    assert 3.3 < statistic < 50.8, statistic  # chi-square of 19 degrees: p = .00001 below, .0001 above
    pairs = torch.zeros(SHOWN, SHOWN)
    for row in kept[LABELS].tolist():
        assert len(set(row)) == SIZE
        for a, b in combinations(sorted(row), 2):
            pairs[a, b] += 1
    every = pairs[torch.triu_indices(SHOWN, SHOWN, 1).unbind()]  # 190 of them, 1000 * 5 * 4 / 20 / 19 each
    assert (every - 1000 * 20 / 380).abs().max() < 4.5 * 52.6**0.5


@pytest.mark.parametrize("batch", [3, 7, 20])
def test_a_minibatch_passes_by_a_reservoir_as_its_images_would_one_after_another(batch: int) -> None:
    chances = torch.from_numpy(np.random.default_rng(0).random((50, SHOWN), dtype=np.float32))
    together, alone = empty(50), empty(50)
    show(together, chances, batch)
    show(alone, chances, 1)
    assert all(torch.equal(tensor, alone[name]) for name, tensor in together.items())


def test_a_memory_that_is_not_full_says_how_many_it_holds() -> None:
    kept = empty(2)
    show(kept, torch.rand(2, 3), 2)
    assert kept[FILLED].tolist() == [3, 3] == kept[SEEN].tolist()
    assert kept[LABELS][:, :3].tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize(
    ("there", "size", "expected"),
    [
        ([10, 10, 10], 9, [3, 3, 3]),
        ([10, 10, 10], 8, [3, 2, 3]),  # those left over go to the first of the order: 2, 0, 1
        ([1, 10, 10], 9, [1, 4, 4]),
        ([2, 1, 1], 9, [2, 1, 1]),
        ([10, 0, 10], 1, [0, 0, 1]),
        ([5, 1, 7], 10, [4, 1, 5]),
    ],
)
def test_shares_are_as_equal_as_can_be(there: list[int], size: int, expected: list[int]) -> None:
    assert quotas(np.array(there), size, np.array([2, 0, 1])).tolist() == expected


def test_every_class_of_every_stage_has_its_share_and_those_who_stay_were_there_before() -> None:
    own = protection_of("replay", size=12, select="balanced")
    stages = [protected("school", own, classes=pair, labels=10) for pair in ((0, 1), (2, 3), (4, 5))]
    cohort, kept = cohort_for("school", (0, 1, 2)), {}
    before: list[set[bytes]] = [set()] * 3
    for number, stage in enumerate(stages):
        live_protected(cohort, [stage], 1, kept)
        classes = 2 * (number + 1)
        for row in range(3):
            held = int(kept[FILLED][row])
            assert held == (12 if number else 10)  # of the first stage there are five each
            labels, of = kept[LABELS][row, :held].tolist(), kept[STAGES][row, :held].tolist()
            shares = [labels.count(label) for label in range(classes)]
            assert sum(shares) == held
            assert max(shares) - min(shares) <= 1
            assert [label // 2 for label in labels] == of
            images = [image.numpy().tobytes() for image in kept[IMAGES][row, :held]]
            assert {image for image, stage in zip(images, of, strict=True) if stage < number} <= before[row]
            before[row] = set(images)


def test_kept_images_have_their_own_labels() -> None:
    for select in ("reservoir", "balanced", "herding"):
        own = protection_of("replay", size=12, select=select)
        stage = protected("school", own, labels=20)
        cohort = cohort_for("school", (0, 1))
        kept = live_protected(cohort, [stage], 4)
        labelled = stage.rehearsed()
        assert labelled is not None
        data = labelled.dataset(given_context(stage, cohort))
        for row, index in enumerate(labelled.indices(given_context(stage, cohort))):
            known = {data.images[i].numpy().tobytes(): int(data.labels[i]) for i in index}
            for image, label in zip(kept[IMAGES][row], kept[LABELS][row], strict=True):
                assert known[image.numpy().tobytes()] == int(label)


def brute(features: torch.Tensor, count: int) -> list[int]:
    """iCaRL's choice, one candidate at a time."""
    chosen: list[int] = []
    for _ in range(count):
        rest = [i for i in range(len(features)) if i not in chosen]
        away = [(features.mean(0) - features[[*chosen, i]].mean(0)).norm() for i in rest]
        chosen.append(rest[int(torch.stack(away).argmin())])
    return chosen


def test_herding_is_the_choice_of_a_brute_force() -> None:
    features = torch.randn(30, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert nearest_to_mean(features, 12).tolist() == brute(features, 12)
    two = torch.tensor([[1.0, 0.1], [0.3, 0.7]])
    assert nearest_to_mean(two, 1).tolist() == [0] == nearest_to_mean(two + 1e-7, 1).tolist()  # both are as near
    own = protection_of("replay", size=8, select="herding")
    stage = protected("school", own, classes=(0, 1), labels=30)
    cohort = cohort_for("school", (0, 1))
    kept = live_protected(cohort, [stage], 2)
    labelled = stage.rehearsed()
    assert labelled is not None
    batch = next(replace(labelled, batch=30).minibatches(given_context(stage, cohort), 0))
    for row in range(2):
        made = cohort.member(row).features(batch["images"][row], labelled.source.sense_name)[-1]
        features = F.normalize(made.detach(), dim=-1)
        for label in (0, 1):
            of = (batch["labels"][row] == label).nonzero()[:, 0]
            expected = {batch["images"][row, of[i]].numpy().tobytes() for i in brute(features[of], 4)}
            mine = kept[IMAGES][row][kept[LABELS][row] == label]
            assert {image.numpy().tobytes() for image in mine} == expected
