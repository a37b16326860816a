"""The angle between weights and feedback, in closed form and over a life of noise."""

import math

import pytest
import torch
from torch import nn

from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.alignment import Alignment, angle
from devlearn.registry import get
from devlearn.tasks.data import IMAGE, IMAGE_SENSE
from tests.laws.rows import live, measure

SEEDS = tuple(range(8))


def cohort(width: list[int], needs: Needs | None = None) -> Cohort:
    return Cohort(brain_builder({"kind": "mlp", "width": width}, Alignment().needs() | (needs or Needs())), SEEDS)


def measured(found: Cohort) -> dict[str, torch.Tensor]:
    return dict(measure(Alignment(), found).values)


@pytest.mark.parametrize(("to", "expected"), [((2, 0), 0), ((0, 3), 90), ((-1, 0), 180), ((1, 1), 45)])
def test_angles_in_closed_form(to: tuple[float, float], expected: float) -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([to], dtype=torch.float32)
    assert angle(a, b).item() == pytest.approx(expected, abs=1e-6)


def test_each_layer_behind_the_first_has_its_angle() -> None:
    found = cohort([9, 8, 7], Needs({IMAGE_SENSE: IMAGE}, {"other": Head(5)}))
    for layer, name in ((3, "body.trunk.1"), (4, "heads.digits.layer")):
        found.buffers[f"{name}.feedback"].copy_(found.parameters()[f"{name}.weight"] * (1 if layer == 3 else -2))
    values = measured(found)
    assert set(values) == {"angle", "layer_2", "layer_3", "layer_4"} <= set(Alignment.metrics)
    torch.testing.assert_close(values["layer_3"], torch.zeros(8, dtype=torch.float64), rtol=0, atol=1e-2)
    torch.testing.assert_close(values["layer_4"], torch.full((8,), 180.0, dtype=torch.float64), rtol=0, atol=1e-2)
    torch.testing.assert_close(values["angle"], (values["layer_2"] + 180) / 3, rtol=0, atol=1e-2)


def test_newborns_are_near_a_right_angle() -> None:
    """Two independent vectors of D numbers: the cosine has standard deviation 1 / sqrt(D)."""
    values = measured(cohort([100]))["angle"]
    assert ((values - 90).abs() < math.degrees(4 / 1000**0.5)).all()


def test_noise_brings_weights_into_line_under_feedback_alignment_alone() -> None:
    """Every one of 8 learners (sign test: p = .004), by 5 degrees on average; backprop: less than 2."""
    change = {}
    for rule in ("feedback_alignment", "backprop"):
        build = brain_builder({"kind": "mlp", "width": [32], "init": "orthogonal"}, Alignment().needs())
        found = Cohort(build, SEEDS)
        before = measured(found)["angle"]
        live(get("stages", "innate.noise")(rule=rule, lr=3e-3, sd=2.0, batch=32), found, 200)
        change[rule] = measured(found)["angle"] - before
    assert (change["feedback_alignment"] < 0).all() and change["feedback_alignment"].mean() < -5, change
    assert change["backprop"].mean().abs() < 2, change


def test_a_diverged_learner_has_no_angle() -> None:
    found = cohort([9])
    found.parameters()["heads.digits.layer.weight"][2] = torch.nan
    assert measured(found)["angle"].isnan().tolist() == [i == 2 for i in range(8)]


def test_a_brain_without_feedback_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no buffer 'feedback'"):
        Alignment().check_brain(nn.Linear(3, 2))
