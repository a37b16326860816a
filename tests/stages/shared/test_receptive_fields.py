"""Fields at birth: Gabor patches and a Gaussian process, against closed forms; and what is left as it was."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.fields import morans_i
from devlearn.registry import get
from devlearn.stages.stage import Stage
from devlearn.tasks.data import IMAGE, IMAGE_SENSE
from tests.laws.rows import context_for, live

SEEDS = (0, 1, 2)
NEEDS = Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10), "value": Head(1, critic=True)})
BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [40, 6]},
    "own critic": {"kind": "mlp", "width": [40], "critic": "own"},
    "conv": {"kind": "conv", "channels": [16, 3], "kernel": 5, "width": [6]},  # its dense layer is 784 wide too
}
KINDS = ("innate.gabor", "innate.mimetic")


def stage(kind: str, **keys: Any) -> Stage:
    return get("stages", kind)(**keys)


def cohort(kind: str = "mlp") -> Cohort:
    return Cohort(brain_builder(BRAINS[kind], NEEDS), SEEDS, dtype=torch.float64)


def fields(found: Stage, units: int, side: int = 28) -> Tensor:
    drawn: Tensor = found.fields(context_for(SEEDS), units, side, side)  # type: ignore[attr-defined]
    return drawn


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("brain", BRAINS)
def test_only_the_first_layers_change_and_every_unit_keeps_its_norm(kind: str, brain: str) -> None:
    found, newborn = cohort(brain), cohort(brain)
    live(stage(kind), found, 1)
    changed = []
    for name, weights in found.parameters().items():
        born = newborn.parameters()[name]
        if not torch.equal(weights, born):
            changed.append(name)
            torch.testing.assert_close(weights.flatten(2).norm(dim=2), born.flatten(2).norm(dim=2))
    layer = "convolutions.0" if brain == "conv" else "layer"
    towers = ("body", "critic_body") if brain == "own critic" else ("body",)
    assert changed == [f"{tower}.senses.{IMAGE_SENSE}.{layer}.weight" for tower in towers]


@pytest.mark.parametrize("kind", KINDS)
def test_newborns_see_smoothly(kind: str) -> None:
    """Moran's I of every learner's fields: above .5, where a default newborn has 0 +- .02."""
    found = cohort()
    live(stage(kind), found, 1)
    shown = found.parameters()[f"body.senses.{IMAGE_SENSE}.layer.weight"].view(3, 40, 28, 28)
    assert (morans_i(shown).mean(1) > 0.5).all()


def test_neighbouring_gabors_are_in_quadrature() -> None:
    """Even and odd phases at one place: cos^2 + sin^2 leaves the envelope squared, exactly, at every pixel."""
    found = stage("innate.gabor", frequencies=[0.1], cycles=0.4, orientations=4)
    pairs = fields(found, 20).view(3, 10, 2, 28, 28)
    energy = pairs.square().sum(2)
    curvature = energy.log().diff(n=2, dim=-1)  # of -(dx^2 + dy^2) / s^2
    torch.testing.assert_close(curvature, torch.full_like(curvature, -2 / (0.4 / 0.1) ** 2), rtol=1e-6, atol=1e-8)


def test_a_gabor_answers_to_gratings_of_its_frequency_and_orientation() -> None:
    """With one frequency and one orientation (vertical stripes) the spectrum peaks at (0, f)."""
    found = stage("innate.gabor", frequencies=[0.25], orientations=1, cycles=1.0)
    spectrum = torch.fft.rfft2(fields(found, 60)).abs().mean((0, 1))  # (28, 15)
    assert divmod(int(spectrum.argmax()), 15) == (0, 7)  # 7 cycles in 28 pixels


def test_orientations_and_frequencies_are_all_drawn_and_evenly() -> None:
    found = stage("innate.gabor", frequencies=[0.1, 0.3], orientations=2, cycles=2.0)
    power = torch.fft.fft2(fields(found, 400)).abs().square().flatten(0, 1)  # (1200, 28, 28)
    cycles = torch.fft.fftfreq(28).abs()
    vertical, fast = (power * cycles.view(1, 28, 1)).sum((1, 2)), (power * (cycles > 0.2).view(1, 1, 28)).sum((1, 2))
    horizontal, total = (power * cycles.view(1, 1, 28)).sum((1, 2)), power.sum((1, 2))
    upright = (horizontal > vertical).double().mean().item()
    assert upright == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 600))
    share = (fast / total > 0.5).double().mean().item()  # fast among those that vary along x: half of them, half
    assert share == pytest.approx(0.25, abs=4 * math.sqrt(0.19 / 600))


def test_the_process_has_the_covariance_in_its_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    """3,000 fields centred alike: exp(-d^2 / 2 a^2) exp(-(|u|^2 + |v|^2) / 2 b^2), to 4 standard errors."""
    places, fixed = 13.5, torch.full((3, 1_000, 1, 1), 13.5, dtype=torch.float64)
    monkeypatch.setattr("devlearn.stages.innate.mimetic.centres", lambda *_: (fixed, fixed))
    drawn = fields(stage("innate.mimetic", length=2.0, window=4.0), 1_000).flatten(0, 1)
    for (y1, x1), (y2, x2) in [((13, 13), (13, 13)), ((13, 13), (13, 15)), ((12, 12), (16, 14)), ((5, 13), (7, 13))]:
        apart = (y1 - y2) ** 2 + (x1 - x2) ** 2
        out = sum((at - places) ** 2 for at in (y1, x1, y2, x2))
        expected = math.exp(-apart / 8) * math.exp(-out / 32)
        products = drawn[:, y1, x1] * drawn[:, y2, x2]
        assert products.mean().item() == pytest.approx(expected, abs=4 * products.std().item() / 3_000**0.5)


def test_learners_are_born_with_fields_of_their_own() -> None:
    for kind in KINDS:
        drawn = fields(stage(kind), 8)
        assert not torch.allclose(drawn[0], drawn[1])


class Bare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(784, 10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_brain_without_a_first_layer_on_images_is_refused_with_the_mend(kind: str) -> None:
    with pytest.raises(ValueError, match=r"Bare has no first layer on images .*; call it senses.image_28x28.layer"):
        stage(kind).cost(Bare())


def test_fields_that_fall_between_the_pixels_are_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match=r"envelope of 0\.04 pixels, and 0\.3 are needed; raise cycles to 0\.15"):
        get("stages", "innate.gabor")(frequencies=[0.5], cycles=0.02)
    assert get("stages", "innate.gabor")(frequencies=[0.5], cycles=0.15)
