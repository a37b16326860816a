"""Receptive fields: smoothness against closed forms, and pictures that stand where the weights look."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from devlearn.learners.brains import Head, Needs, Sense, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.fields import Fields, grey, morans_i
from devlearn.probes.probe import Measurement
from devlearn.registry import get
from devlearn.tasks.data import IMAGE, IMAGE_SENSE
from tests.laws.rows import live, measure

SCRAMBLE = get("stages", "innate.scramble")()
NEEDS = Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10)}) | SCRAMBLE.needs()


def cohort(**brain: Any) -> Cohort:
    return Cohort(brain_builder({"kind": "mlp", "width": [30, 5], **brain}, NEEDS), range(3))


def measured(found: Cohort, **keys: Any) -> Measurement:
    return measure(Fields(**keys), found, full=True)


def weights_of(found: Cohort) -> Tensor:
    return found.parameters()[f"body.senses.{IMAGE_SENSE}.layer.weight"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(14, 14), -1.0),  # a chequerboard
        (torch.tensor([[1.0], [-1.0]]).repeat(14, 28), 0.0),  # stripes: as many sides agree as differ
        (torch.tensor([[0.0, 1.0, 2.0]]), 0.0),  # the middle is the mean
        # a row 0..n-1: sum z_i z_{i+1} = sum z^2 - (ends' squares + n - 1) / 2, over n - 1 sides
        (torch.arange(9.0)[None], 9 / 8 * (60 - (32 + 8) / 2) / 60),
    ],
)
def test_smoothness_in_closed_form(field: Tensor, expected: float) -> None:
    assert morans_i(field).item() == pytest.approx(expected, abs=1e-12)


def test_smoothness_of_noise_is_minus_one_over_the_other_pixels() -> None:
    """Exactly, on average over all arrangements: a 2 x 2 field's 24 of them, and 20,000 random 5 x 5 ones."""
    from itertools import permutations

    every = torch.tensor(list(permutations([0.0, 1.0, 5.0, 7.0]))).view(-1, 2, 2)
    assert morans_i(every).mean().item() == pytest.approx(-1 / 3, abs=1e-12)
    noise = morans_i(torch.from_numpy(np.random.default_rng(0).normal(size=(20_000, 5, 5))))
    assert noise.mean().item() == pytest.approx(-1 / 24, abs=4 * noise.std().item() / 20_000**0.5)


def test_smoothness_knows_no_scale_no_offset_and_no_constant() -> None:
    field = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 6, 4)))
    torch.testing.assert_close(morans_i(7 - 2 * field), morans_i(field))
    assert morans_i(torch.full((6, 4), 3.0)).isnan()


def test_newborns_see_noise_and_smooth_weights_are_smooth() -> None:
    found = cohort()
    newborn = measured(found).values["smoothness"]
    assert newborn.abs().max() < 0.02 and newborn.shape == (3,)
    rows = torch.linspace(-1, 1, 28)
    weights_of(found)[1] = (rows[:, None] + rows).flatten()
    weights_of(found)[1, 0] = 5.0  # a constant field has no smoothness and is left out
    after = measured(found).values["smoothness"]
    assert after[1] > 0.95 and torch.equal(after[[0, 2]], newborn[[0, 2]])


def test_pictures_are_the_first_learners_first_units_around_a_middle_grey() -> None:
    found = cohort()
    pictures = measured(found).pictures["fields"]
    assert pictures.shape == (24, 28, 28) and pictures.dtype == torch.uint8
    assert measured(found, units=6).pictures["fields"].shape == (6, 28, 28)
    assert len(measured(found, units=100).pictures["fields"]) == 30
    shown = weights_of(found)[0, :24]
    expected = 128 + 127 * shown / shown.abs().max()
    assert (pictures.flatten(1) - expected).abs().max() <= 0.5
    assert grey(torch.tensor([[[-2.0, 0.0, 1.0, torch.nan]]])).tolist() == [[[1, 128, 192, 128]]]
    assert (grey(torch.zeros(1, 2, 2)) == 128).all()


def test_fields_stand_where_they_look_however_pixels_are_scrambled() -> None:
    """A unit that answers to one pixel of the world alone has its field there."""
    found = cohort()
    live(SCRAMBLE, found, 1)
    images = torch.zeros(3, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 3, 20] = 255
    dark = found.features(torch.zeros_like(images), IMAGE_SENSE)[0]
    place = (found.features(images, IMAGE_SENSE)[0] - dark)[:, 0].argmax(1)  # where each learner sees it
    weights_of(found)[:] = 0
    weights_of(found)[torch.arange(3), 0, place] = 1.0
    fields = torch.stack([found.member(i).fields(IMAGE_SENSE).detach() for i in range(3)])  # type: ignore[operator]
    assert fields[:, 0].nonzero()[:, 1:].tolist() == [[3, 20]] * 3


def test_a_convolutions_fields_are_its_kernels() -> None:
    found = cohort(kind="conv", channels=[6], kernel=5, width=[8])
    kernels = found.parameters()[f"body.senses.{IMAGE_SENSE}.convolutions.0.weight"][:, :, 0]
    measurement = measured(found)
    assert measurement.pictures["fields"].shape == (6, 5, 5)
    torch.testing.assert_close(measurement.values["smoothness"], morans_i(kernels).mean(1))


def test_a_newborns_smoothness_is_the_noises_on_average() -> None:
    values = [measured(cohort(init=init)).values["smoothness"].mean().item() for init in ("default", "orthogonal")]
    assert values == pytest.approx([-1 / 783] * 2, abs=0.01)  # 90 fields: standard error .003


@pytest.mark.parametrize(("shape", "colours"), [((6, 7, 3), -1), ((3, 6, 7), -3)], ids=["last", "first"])
@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_colours_are_averaged(kind: str, shape: tuple[int, ...], colours: int) -> None:
    needs = Needs({"eye": Sense(spaces.Box(0, 255, shape, np.uint8))})
    brain = brain_builder({"kind": kind, "width": [4]} | ({"channels": [2]} if kind == "conv" else {}), needs)()
    fields: Tensor = brain.fields("eye").detach()  # type: ignore[operator]
    if kind == "conv":
        torch.testing.assert_close(fields, brain.get_parameter("body.senses.eye.convolutions.0.weight").mean(1))
    else:
        weights = brain.get_parameter("body.senses.eye.layer.weight").view(4, *shape)
        torch.testing.assert_close(fields, weights.mean(colours))


def test_weights_on_a_vector_are_no_picture() -> None:
    needs = Needs({"touch": Sense(spaces.Box(-1, 1, (5,), np.float32))})
    with pytest.raises(ValueError, match="no pictures"):
        brain_builder({"kind": "mlp", "width": [4]}, needs)().fields("touch")  # type: ignore[operator]
