"""Scrambled pixels: the same in every mapper, in the buffers, for life; and what an MLP makes of them."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.objectives import CrossEntropy
from devlearn.learners.optimiser import Optimiser
from devlearn.tasks.data import IMAGE, IMAGE_SENSE
from devlearn.testing import assert_ok, check_stage
from tests.laws.rows import go_on, live, make

PLAIN = Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10), "value": Head(1, critic=True)})
SCRAMBLED = PLAIN | make("scramble").needs()
BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [7, 5]},
    "own critic": {"kind": "mlp", "width": [7], "critic": "own"},
    "conv": {"kind": "conv", "channels": [2], "width": [6]},
    "memory": {"kind": "mlp", "width": [7, 5], "memory": "gru"},
}
MAPPERS: tuple[Mapper | None, ...] = (None, "vmap", "loop")


def cohort(kind: str, mapper: Mapper | None = None, needs: Needs = SCRAMBLED) -> Cohort:
    return Cohort(brain_builder(BRAINS[kind], needs), range(3), mapper=mapper, dtype=torch.float64)


def scrambled(kind: str, mapper: Mapper | None = None) -> Cohort:
    found = cohort(kind, mapper)
    live(make("scramble"), found, 1)
    return found


def images(rows: int = 4) -> Tensor:
    pixels = torch.randint(0, 256, (3, rows, 28, 28), generator=torch.Generator().manual_seed(0))
    return pixels.to(torch.uint8)


def in_the_order_of(found: Cohort, seen: Tensor) -> Tensor:
    """Images with pixel wiring[i] at place i, learner by learner."""
    name = next(name for name in found.buffers if name.endswith("wiring"))
    rows = [x.flatten(1)[:, order].view_as(x) for x, order in zip(seen, found.buffers[name], strict=True)]
    return torch.stack(rows)


@pytest.mark.parametrize("kind", BRAINS)
@pytest.mark.parametrize("mapper", MAPPERS)
def test_a_scrambled_learner_sees_the_scrambled_world(kind: str, mapper: Mapper | None) -> None:
    found, newborn = scrambled(kind, mapper), cohort(kind, mapper)
    for head in ("digits", "value"):
        torch.testing.assert_close(
            found(images(), IMAGE_SENSE, head), newborn(in_the_order_of(found, images()), IMAGE_SENSE, head)
        )
    assert not torch.allclose(found(images(), IMAGE_SENSE, "digits"), newborn(images(), IMAGE_SENSE, "digits"))


@pytest.mark.parametrize("kind", BRAINS)
def test_the_mappers_learn_alike_through_the_wiring(kind: str) -> None:
    learned, batch = [], {"images": images(), "labels": torch.arange(12).view(3, 4) % 10}
    for mapper in MAPPERS:
        found = scrambled(kind, mapper)
        for _ in range(3):
            found.update(CrossEntropy(IMAGE_SENSE, "digits"), batch, Optimiser(found, {}, "sgd", 0.1))
        learned.append(found.flat)
    torch.testing.assert_close(learned[1], learned[0])
    torch.testing.assert_close(learned[2], learned[0])


@pytest.mark.parametrize("kind", BRAINS)
def test_who_is_never_scrambled_is_bit_equal_to_who_can_not_be(kind: str) -> None:
    can, can_not = cohort(kind), cohort(kind, needs=PLAIN)
    assert not [name for name in can_not.buffers if name.endswith("wiring")]
    for name, weights in can_not.parameters().items():
        assert torch.equal(weights, can.parameters()[name])
    outputs = [found(images(), IMAGE_SENSE, "digits") for found in (can, can_not)]
    assert torch.equal(*outputs)


def test_an_order_is_a_permutation_of_the_learners_own_and_the_same_in_both_towers() -> None:
    found = scrambled("own critic")
    body, critic = (wiring for name, wiring in found.buffers.items() if name.endswith("wiring"))
    assert torch.equal(body, critic)
    assert torch.equal(body.sort(1).values, torch.arange(784).expand(3, -1))
    assert all((body[i] != body[j]).float().mean() > 0.9 for i, j in ((0, 1), (0, 2), (1, 2)))
    assert (body != torch.arange(784)).float().mean() > 0.9
    again = body.clone()
    go_on(make("scramble"), found, {}, 1)
    assert torch.equal(body, again.gather(1, again))  # the same stream here: the order after itself


def test_an_mlp_with_its_first_layers_columns_permuted_is_none_the_worse() -> None:
    """It has no prior on space: the scrambled world is the natural one to another member of its class."""
    found, natural = scrambled("mlp"), cohort("mlp")
    weights = found.parameters()[f"body.senses.{IMAGE_SENSE}.layer.weight"]
    order = found.buffers[f"body.senses.{IMAGE_SENSE}.wiring"].unsqueeze(1).expand_as(weights)
    weights.copy_(weights.gather(2, order))
    outputs = [each(images(), IMAGE_SENSE, "digits") for each in (found, natural)]
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)


def test_the_wiring_is_seen_behind_a_normaliser() -> None:
    sense = replace(IMAGE, normalise=True, scrambled=True)
    both = Needs({IMAGE_SENSE: sense}, {"digits": Head(10)}) | PLAIN
    assert both.senses[IMAGE_SENSE] == sense
    found, newborn = (Cohort(brain_builder(BRAINS["mlp"], both), range(3), dtype=torch.float64) for _ in range(2))
    live(make("scramble"), found, 1)
    for each in (found, newborn):
        each.buffers[f"body.senses.{IMAGE_SENSE}.normaliser.mean"].fill_(0.5)
    torch.testing.assert_close(
        found(images(), IMAGE_SENSE, "digits"), newborn(in_the_order_of(found, images()), IMAGE_SENSE, "digits")
    )


@pytest.mark.parametrize("brain", [BRAINS["mlp"], BRAINS["conv"]], ids=["mlp", "conv"])
def test_the_contract_of_stages_holds(brain: dict[str, Any]) -> None:
    assert_ok(check_stage("innate.scramble", brain=brain))


class Bare(nn.Module):
    """A user's brain that knows nothing of wirings."""

    def __init__(self, needs: Needs) -> None:
        super().__init__()
        self.out = nn.Linear(784, 10)


def test_a_brain_without_a_wiring_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match=r"Bare has no buffer 'wiring'; give its image sense one, \(D,\)"):
        make("scramble").cost(Bare(PLAIN))
