"""FLOPs by formula are those of torch's counter, without its import."""

import resource
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from devlearn.learners import flop_counter, flops
from devlearn.learners.brains import brain_builder
from tests.laws.rows import BRAIN, STAGES, make, needs_of
from tests.laws.test_other_brains import REFUSED

BRAINS: dict[str, dict[str, Any]] = {
    "mlp": BRAIN,
    "gru": {**BRAIN, "memory": "gru", "critic": "own"},
    "conv": {"kind": "conv", "channels": [3, 4], "width": [6]},
}
UNFIT = {  # stages that can't be lived with such a brain: said where the plan is made
    "gru": {row for brain, row in REFUSED if brain == "memory"},
    "mlp": {"school-rows"},
    "conv": {"inherit"} | {row for brain, row in REFUSED if brain == "conv"},
}


@pytest.mark.parametrize("kind", BRAINS)
@pytest.mark.parametrize("row", STAGES)
def test_every_stage_is_counted_as_torch_counts_it(row: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if row in UNFIT.get(kind, ()):
        pytest.skip(f"{row} refuses such a brain")
    stage = make(row)
    with torch.device("meta"):
        brain = brain_builder(BRAINS[kind], needs_of(stage))()
    found = stage.cost(brain)
    monkeypatch.setattr(flops, "of", flops.by_torch)
    assert found.flops == stage.cost(brain).flops
    assert all(weight.is_meta for weight in brain.parameters())


@pytest.mark.parametrize("kind", BRAINS)
@pytest.mark.parametrize("row", STAGES)
def test_every_stage_costs_the_same_where_only_its_shapes_are_held(
    row: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if row in UNFIT.get(kind, ()):
        pytest.skip(f"{row} refuses such a brain")
    stage = make(row)
    with torch.device("meta"):
        brain = brain_builder(BRAINS[kind], needs_of(stage))()
    found = stage.cost(brain)
    monkeypatch.setattr(flop_counter, "HELD", 0)
    assert stage.cost(brain) == found


def test_counting_an_update_of_millions_of_rows_holds_none_of_them() -> None:
    model = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 4)).to("meta")
    one = flops.update(model, _energy, {"x": ((1, 32), torch.float32)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert flops.update(model, _energy, {"x": ((10**7, 32), torch.float32)}) == 10**7 * one
    assert flops.outputs(model, torch.empty(10**7, 32, device="meta")).shape == (10**7, 4)
    assert len(flops.reached(model, _energy, {"x": ((10**7, 32), torch.float32)})) == 4
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (1024 if sys.platform == "linux" else 2**20)
    assert grown < 500  # MB, of what torch imports; the rows alone take 1,280, what becomes of them twice as much
    with pytest.raises(ValueError, match="fewer units or rows"):
        flops.update(model, _energy, {"x": ((10**8, 32), torch.float32)})


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer = kind(5, 7, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]  # type: ignore[no-any-return]


MODULES = {
    "linear": (nn.Linear(5, 3), (4, 6, 5)),
    "convolution": (nn.Conv2d(2, 6, (3, 2), stride=2, padding=1, dilation=2), (4, 2, 11, 12)),
    "in-one-dimension": (nn.Conv1d(2, 6, 3, bias=False), (4, 2, 11)),
    "transposed": (nn.ConvTranspose2d(2, 6, 3, stride=2, output_padding=1), (4, 2, 5, 6)),
    "normalised": (nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.GELU(), nn.MaxPool2d(2)), (3, 1, 8, 8)),
    "gru": (Recurrent(nn.GRU), (4, 6, 5)),
    "lstm": (Recurrent(nn.LSTM), (4, 6, 5)),
    "attention": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (3, 5, 8)),
}


def _energy(model: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
    return model(batch["x"]).square().sum(), {}


@pytest.mark.parametrize("name", MODULES)
def test_a_users_module_is_counted_as_torch_counts_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, shape = MODULES[name]
    model, x = module.to("meta"), torch.empty(shape, device="meta")
    shapes = {"x": (shape, torch.float32)}
    found = [flops.forward(model, x), flops.update(model, _energy, shapes)]
    with torch.inference_mode():
        found.append(flops.of(lambda device: flops.blank(model, device)(torch.zeros(shape, device=device))))
    monkeypatch.setattr(flops, "of", flops.by_torch)
    theirs = flops.forward(model, x)
    assert theirs > 0
    assert found == [theirs, flops.update(model, _energy, shapes), theirs]


def test_groups_of_a_convolution_are_counted_each_with_its_own_channels() -> None:
    """Forward, gradient of the kernels: the same products each. Torch's counter takes the latter for ungrouped."""
    grouped = nn.Conv2d(4, 8, 3, groups=2)
    forward = 2 * 5 * (6 * 6) * 8 * 2 * (3 * 3)  # images, places, outputs, channels of a group, kernel
    assert flops.forward(grouped, torch.empty(5, 4, 8, 8)) == forward
    assert flops.update(grouped, _energy, {"x": ((5, 4, 8, 8), torch.float32)}) == 2 * forward


def test_factors_that_do_not_fit_are_refused_in_torchs_words() -> None:
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        flops.forward(nn.Linear(5, 3), torch.empty(4, 6))
    with pytest.raises(RuntimeError, match="dtype"):
        flops.forward(nn.Linear(5, 3), torch.empty(4, 5, dtype=torch.float64))


def test_whatever_torch_has_a_formula_for_is_counted_here_or_left_to_torch() -> None:
    names = {str(packet).partition(".")[2] for packet in flop_registry if str(packet).startswith("aten.")}
    left = {name for name in names if any(part in name for part in flop_counter.WITHOUT_FORMULA)}
    assert names - left == set(flop_counter.PRODUCTS)
    assert left >= names & {"convolution", "_scaled_mm", "_flash_attention_forward"}


def test_counting_computes_nothing_large() -> None:
    """A brain of 40 billion weights is counted in the memory of one."""
    with torch.device("meta"):
        brain = nn.Sequential(nn.Linear(10, 200_000), nn.Linear(200_000, 200_000, bias=False), nn.Linear(200_000, 1))
    sizes = 10 * 200_000 + 200_000 * 200_000 + 200_000
    assert flops.forward(brain, torch.empty(1, 10)) == 2 * sizes


@pytest.mark.parametrize("transposed", [False, True])
def test_a_convolution_of_an_image_is_computed_where_it_is_small_and_refused_where_it_is_vast(transposed: bool) -> None:
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    with torch.device("meta"):
        wide, vast = (kind(1, channels, 3, stride=2, padding=1) for channels in (100_000, 100_000_000))
    places = 28 * 28 if transposed else 14 * 14
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert flops.forward(wide, torch.empty(2, 1, 28, 28, device="meta")) == 2 * 2 * places * 9 * 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # kB, of the meta device's imports
    with pytest.raises(ValueError, match="numbers of an image; fewer channels do"):
        flops.forward(vast, torch.empty(2, 1, 28, 28, device="meta"))


def test_counting_a_gradient_step_leaves_the_compiler_unimported() -> None:
    program = (
        "import sys, torch; from devlearn.learners import flops; from tests.laws.rows import make, needs_of\n"
        "from devlearn.learners.brains import brain_builder\n"
        "for kind in ('mlp', 'conv'):\n"
        "    for row in ('look', 'contrast', 'school', 'play-native'):\n"
        "        stage = make(row)\n"
        "        with torch.device('meta'): brain = brain_builder({'kind': kind}, needs_of(stage))()\n"
        "        assert stage.cost(brain).flops\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
