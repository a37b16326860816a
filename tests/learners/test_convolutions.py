"""Updates of convolutions take the faster of vmap and a loop by the minibatch: the same numbers by either."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from devlearn.learners import cohort as cohorts
from devlearn.learners import convolutions
from devlearn.learners.cohort import Cohort
from devlearn.learners.convolutions import growth
from devlearn.learners.optimiser import Optimiser
from tests.learners.test_cohort import OBJECTIVE, batch, cohort

FEW, MANY = 2, 40  # images; with SMALL at 1,500 numbers of 36 pixels and 3 channels each, one is small


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of images of the calls that vmap ran; what is small is."""
    monkeypatch.setattr(convolutions, "SMALL", 1500)
    vmap, seen = torch.vmap, list[int]()  # the cohort has a module of its own, see devlearn.lazy

    def watched(function: Any, *args: Any, **kwargs: Any) -> Any:
        run = vmap(function, *args, **kwargs)

        def called(weights: Any, buffers: Any, inputs: Any) -> Any:
            seen.append(inputs["images"].shape[1])
            return run(weights, buffers, inputs)

        return called

    monkeypatch.setattr(cohorts.torch, "vmap", watched)
    return seen


def trained(found: Cohort, rows: tuple[int, ...]) -> Tensor:
    optimiser = Optimiser(found, {}, "adam", 0.01)
    for seed, count in enumerate(rows):
        found.update(OBJECTIVE, batch(found.n, count, seed), optimiser)
    with torch.no_grad():
        return torch.cat([found(batch(found.n, count)["images"], "eye", "digits").flatten(1) for count in rows], 1)


def test_what_is_small_is_mapped_and_what_is_large_looped_to_the_same_numbers(mapped: list[int]) -> None:
    found, looped = cohort("conv", 4), cohort("conv", 4, "loop")
    torch.testing.assert_close(trained(found, (FEW, MANY, FEW)), trained(looped, (FEW, MANY, FEW)))
    torch.testing.assert_close(found.flat, looped.flat)
    assert set(mapped) == {FEW} and found.mapping.startswith("looped: ")


def test_an_update_is_mapped_by_its_size_whatever_came_before(mapped: list[int]) -> None:
    one, other = cohort("conv", 5, None, torch.float32), cohort("conv", 5, None, torch.float32)
    gradients = {rows: one.gradients(OBJECTIVE, batch(5, rows))[0] for rows in (FEW, MANY)}
    for rows in (MANY, FEW):
        found = other.gradients(OBJECTIVE, batch(5, rows))[0]
        assert all(torch.equal(found[name], gradients[rows][name]) for name in found)


def test_forward_passes_loop(mapped: list[int]) -> None:
    cohort("conv", 4)(batch(4, FEW)["images"], "eye", "digits")
    assert not mapped


@pytest.mark.parametrize(("n", "mapper"), [(3, None), (4, "loop")])
def test_few_learners_and_those_that_are_to_be_looped_are(n: int, mapper: Any, mapped: list[int]) -> None:
    trained(cohort("conv", n, mapper), (FEW, MANY))
    assert not mapped


class Asking(nn.Module):
    """A convolution, and a question that vmap refuses."""

    def __init__(self, training: bool = False) -> None:
        super().__init__()
        self.training_alone = training
        self.see, self.say = nn.Conv2d(1, 3, 3, stride=2), nn.Linear(12, 4)

    def forward(self, x: Tensor, sense: str, head: str) -> Tensor:
        seen = self.see(x.to(self.say.weight.dtype).unsqueeze(1) / 255).relu().flatten(1)
        asks = torch.is_grad_enabled() or not self.training_alone
        return self.say(-seen if asks and seen.sum() < 0 else seen)


def test_an_objective_that_vmap_refuses_is_looped_and_others_are_not(mapped: list[int]) -> None:
    def asking(brain: Any, given: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        loss = OBJECTIVE(brain, given)[0]
        return (loss if loss > 0 else -loss), {}

    found, looped = cohort("conv", 4), cohort("conv", 4, "loop")
    for own in (found, looped):
        for objective in (OBJECTIVE, asking, asking, OBJECTIVE):
            own.update(objective, batch(4, FEW), Optimiser(own, {}, "sgd", 0.1))
    torch.testing.assert_close(found.flat, looped.flat)
    assert mapped == [FEW] * 4  # asked, done; asked; done


@pytest.mark.parametrize("training", [False, True])
def test_what_vmap_refuses_is_looped(training: bool, mapped: list[int]) -> None:
    found = Cohort(lambda: Asking(training), range(4), dtype=torch.float64)
    looped = Cohort(lambda: Asking(training), range(4), dtype=torch.float64, mapper="loop")
    torch.testing.assert_close(trained(found, (MANY, FEW, FEW)), trained(looped, (MANY, FEW, FEW)))
    assert mapped == [MANY], "it is asked once"


def test_newborns_choose_as_their_like_do(mapped: list[int]) -> None:
    found = cohort("conv", 4)
    trained(found, (FEW,))
    mapped.clear()
    trained(found.newborn((5, 6, 7, 8)), (FEW, MANY))
    assert set(mapped) == {FEW}
    trained(found.newborn((5,)), (MANY,))
    assert set(mapped) == {FEW}


def test_the_first_convolution_says_how_much_is_made_of_what_is_shown() -> None:
    assert growth(nn.Sequential(nn.Conv2d(3, 12, 3, stride=2), nn.Conv2d(12, 99, 3))) == 1.0
    assert growth(nn.Linear(2, 3)) == 0.0
