"""Feedback alignment: the rule by hand, in every mapper; feedback for life; and whom it leaves alone."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from devlearn.learners.brains import Head, Needs, brain_builder, fed_back
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.learners.objectives import CrossEntropy, FeedbackAlignment, Objective
from devlearn.tasks.data import IMAGE, IMAGE_SENSE
from tests.laws.rows import live, make

BACKPROP = CrossEntropy(IMAGE_SENSE, "digits")
ALIGNED = FeedbackAlignment(BACKPROP)
MAPPERS: tuple[Mapper | None, ...] = (None, "vmap", "loop")
FIRST, SECOND, LAST = f"body.senses.{IMAGE_SENSE}.layer", "body.trunk.0", "heads.digits.layer"
BRAINS: dict[str, dict[str, Any]] = {
    "relu": {"kind": "mlp", "width": [7, 5]},
    "orthogonal, own critic": {"kind": "mlp", "width": [7, 5], "init": "orthogonal", "critic": "own"},
}


def needs(feedback: bool = True) -> Needs:
    return Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10), "value": Head(1, critic=True)}, feedback)


def cohort(mapper: Mapper | None = None, kind: str = "relu", feedback: bool = True) -> Cohort:
    return Cohort(brain_builder(BRAINS[kind], needs(feedback)), range(3), mapper=mapper, dtype=torch.float64)


def batch(rows: int = 6) -> dict[str, Tensor]:
    pixels = torch.randint(0, 256, (3, rows, 28, 28), generator=torch.Generator().manual_seed(0))
    return {"images": pixels.to(torch.uint8), "labels": torch.arange(3 * rows).view(3, rows) % 10}


def by_hand(found: Cohort, learner: int) -> dict[str, Tensor]:
    """Gradients of one 784-7-5-10 relu learner with its feedback in the transposed weights' place."""
    state = {name: tensor[learner] for name, tensor in found.state().items()}
    x0 = batch()["images"][learner].flatten(1).double() / 255
    x1 = (x0 @ state[f"{FIRST}.weight"].T + state[f"{FIRST}.bias"]).relu()
    x2 = (x1 @ state[f"{SECOND}.weight"].T + state[f"{SECOND}.bias"]).relu()
    p = (x2 @ state[f"{LAST}.weight"].T + state[f"{LAST}.bias"]).softmax(-1)
    e3 = (p - F.one_hot(batch()["labels"][learner], 10)) / len(p)  # (B, 10)
    e2 = e3 @ state[f"{LAST}.feedback"] * (x2 > 0)  # (B, 5)
    e1 = e2 @ state[f"{SECOND}.feedback"] * (x1 > 0)  # (B, 7)
    errors = {LAST: (e3, x2), SECOND: (e2, x1), FIRST: (e1, x0)}
    weights = {f"{layer}.weight": e.T @ x for layer, (e, x) in errors.items()}
    return {**weights, **{f"{layer}.bias": e.sum(0) for layer, (e, _) in errors.items()}}


@pytest.mark.parametrize("mapper", MAPPERS)
def test_slopes_are_the_ones_by_hand(mapper: Mapper | None) -> None:
    found = cohort(mapper)
    slopes, _ = found.gradients(ALIGNED, batch())
    for learner in range(3):
        for name, expected in by_hand(found, learner).items():
            torch.testing.assert_close(slopes[name][learner], expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("mapper", MAPPERS)
@pytest.mark.parametrize("kind", BRAINS)
def test_with_the_weights_as_feedback_it_is_backprop(mapper: Mapper | None, kind: str) -> None:
    found = cohort(mapper, kind)
    for name in fed_back(found.buffers):
        found.buffers[f"{name}.feedback"].copy_(found.parameters()[f"{name}.weight"])
    (aligned, said), (backprop, also) = (found.gradients(objective, batch()) for objective in (ALIGNED, BACKPROP))
    assert aligned.keys() == backprop.keys()
    for name, slope in aligned.items():
        torch.testing.assert_close(slope, backprop[name], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(said["loss"], also["loss"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("mapper", MAPPERS)
def test_feedback_changes_slopes_behind_the_read_out_and_no_output(mapper: Mapper | None) -> None:
    found = cohort(mapper)
    (aligned, said), (backprop, also) = (found.gradients(objective, batch()) for objective in (ALIGNED, BACKPROP))
    torch.testing.assert_close(said["loss"], also["loss"], rtol=1e-12, atol=0)
    for name, slope in aligned.items():
        assert torch.allclose(slope, backprop[name]) == name.startswith(LAST)


@pytest.mark.parametrize("kind", BRAINS)
def test_who_has_feedback_is_otherwise_bit_equal_to_who_has_none(kind: str) -> None:
    born, bare = cohort(kind=kind), cohort(kind=kind, feedback=False)
    assert not fed_back(bare.buffers)
    for name, weights in bare.parameters().items():
        assert torch.equal(weights, born.parameters()[name])
    for objective in (BACKPROP, ALIGNED):  # without feedback both rules are backprop
        slopes = bare.gradients(objective, batch())[0]
        assert all(torch.equal(slope, slopes[name]) for name, slope in born.gradients(BACKPROP, batch())[0].items())


@pytest.mark.parametrize("kind", BRAINS)
def test_every_layer_behind_the_first_has_feedback_of_its_own_drawn_as_its_weights_are(kind: str) -> None:
    found = cohort(kind=kind)
    layers = fed_back(found.buffers)
    assert FIRST not in layers and {SECOND, LAST} <= set(layers)
    others = [name for name in found.parameters() if name.endswith("weight") and "senses" not in name]
    assert {f"{name}.weight" for name in layers} == set(others)
    for name in layers:
        fixed, weights = found.buffers[f"{name}.feedback"], found.parameters()[f"{name}.weight"]
        assert fixed.shape == weights.shape and not torch.allclose(fixed, weights)
        assert not torch.allclose(fixed[0], fixed[1])
        if kind == "relu":
            assert 0.5 < fixed.abs().max() * weights.shape[-1] ** 0.5 <= 1  # U(-1/sqrt(in), 1/sqrt(in))
        else:
            torch.testing.assert_close(fixed.flatten(1).norm(dim=1), weights.flatten(1).norm(dim=1))


def test_learning_leaves_the_feedback_alone_and_the_rules_part() -> None:
    lives = {}
    for row in ("school-aligned", "school"):
        found = cohort()
        before = {name: tensor.clone() for name, tensor in found.buffers.items()}
        live(make(row), found, 3)
        assert all(torch.equal(found.buffers[name], tensor) for name, tensor in before.items())
        lives[row] = found.flat
    assert not torch.allclose(lives["school-aligned"], lives["school"])


@pytest.mark.parametrize(
    ("brain", "what"),
    [({"kind": "conv", "channels": [2], "width": [6]}, "convolutions"), ({"memory": "gru"}, "a recurrent memory")],
)
def test_a_brain_that_can_not_be_fed_back_is_refused_with_the_mend(brain: dict[str, Any], what: str) -> None:
    build = brain_builder({"kind": "mlp", "width": [7], **brain}, needs())
    with pytest.raises(ValueError, match=f"can't travel back through {what} .*; use kind: mlp"):
        build()
    brain_builder({"kind": "mlp", "width": [7], **brain}, needs(feedback=False))()


class Bare(nn.Module):
    """A user's brain that knows nothing of feedback."""

    def __init__(self, needs: Needs) -> None:
        super().__init__()
        self.out = nn.Linear(784, 10)


@pytest.mark.parametrize("row", ["school-aligned", "noise"])
def test_a_users_brain_without_feedback_is_refused_with_the_mend(row: str) -> None:
    with pytest.raises(ValueError, match=r"Bare has no buffer 'feedback'.*; where needs.feedback is set"):
        make(row).cost(Bare(needs()))


def test_needs_are_united() -> None:
    assert not make("school").needs().feedback and not make("noise-backprop").needs().feedback
    assert (make("school").needs() | make("noise").needs()).feedback
    assert (make("school-aligned").needs() | make("waves").needs()).feedback


def test_an_objective_runs_alike_after_one_that_failed_inside_the_rule() -> None:
    """The rule ends with the objective, also where that raises."""

    def fails(brain: Any, batch: Any) -> Any:
        raise RuntimeError("inside")

    broken: Objective = FeedbackAlignment(fails)
    found = cohort()
    with pytest.raises(RuntimeError, match="inside"):
        found.gradients(broken, batch())
    slopes = found.gradients(BACKPROP, batch())[0]
    assert torch.allclose(
        slopes[f"{FIRST}.weight"], cohort(feedback=False).gradients(BACKPROP, batch())[0][f"{FIRST}.weight"]
    )
