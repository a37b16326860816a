"""Read-outs of layers: ridge regression in closed form, what a layer can say, and who is refused."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import devlearn
from devlearn.learners.brains import Head, Needs, brain_builder
from devlearn.learners.cohort import Cohort, Mapper
from devlearn.probes.layers import Layers, ridge
from devlearn.registry import get
from devlearn.scenario import ScenarioError
from devlearn.tasks.data import IMAGE, IMAGE_SENSE
from devlearn.testing import check_brain
from tests.laws.rows import live, measure

BRAINS: dict[str, dict[str, Any]] = {
    "mlp": {"kind": "mlp", "width": [12, 9, 7]},
    "conv": {"kind": "conv", "channels": [2, 3], "width": [8]},
    "memory": {"kind": "mlp", "width": [12, 9], "memory": "gru"},
    "code": {"kind": "mlp", "width": [12, 9, 2], "linear_features": True},
}
WIDTHS = {
    "mlp": [784, 12, 9, 7],
    "conv": [784, 2 * 14 * 14, 3 * 7 * 7, 8],
    "memory": [784, 12, 9, 9],
    "code": [784, 12, 9, 2],
}
SCRAMBLE = get("stages", "innate.scramble")()
NEEDS = Needs({IMAGE_SENSE: IMAGE}, {"digits": Head(10)}) | SCRAMBLE.needs()
MAPPERS: tuple[Mapper | None, ...] = (None, "vmap", "loop")


def cohort(kind: str, mapper: Mapper | None = None, n: int = 3) -> Cohort:
    return Cohort(brain_builder(BRAINS[kind], NEEDS), range(n), mapper=mapper)


def measured(found: Cohort, full: bool = False, **keys: Any) -> dict[str, Tensor]:
    keys = {"data": "mnist.valid", "fit_images": 300, "quick": 500, **keys}
    return dict(measure(Layers(**keys), found, full).values)


@pytest.mark.parametrize("size", [5, 60], ids=["primal", "dual"])
def test_ridge_is_the_textbooks(size: int) -> None:
    """Against numpy's least squares on data that the penalty is appended to as rows."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30, size)) + 3, rng.normal(size=(30, 4))
    w, b = ridge(torch.from_numpy(x), torch.from_numpy(y), 0.01)
    for i in range(2):
        centred = x[i] - x[i].mean(0)
        penalty = np.sqrt(0.01 * (centred**2).sum()) * np.eye(size)
        rows = np.concatenate([centred, penalty]), np.concatenate([y - y.mean(0), np.zeros((size, 4))])
        expected = np.linalg.lstsq(*rows, rcond=None)[0]
        np.testing.assert_allclose(w[i].numpy(), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(b[i, 0].numpy(), y.mean(0) - x[i].mean(0) @ expected, rtol=1e-9)


def test_ridge_does_not_care_for_scale_and_survives_dead_and_broken_layers() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(3, 40, 6, generator=generator), torch.eye(10)[torch.arange(40) % 10]
    alone, b = ridge(x[:1], y, 1e-3)
    scaled, b_scaled = ridge(1000 * x[:1], y, 1e-3)
    torch.testing.assert_close(1000 * x[:1] @ scaled + b_scaled, x[:1] @ alone + b)
    x[1], x[2, 3, 4] = 7.0, torch.nan
    w, b = ridge(x, y, 1e-3)
    torch.testing.assert_close(w[:1], alone)
    assert (w[1] == 0).all()
    torch.testing.assert_close(b[1, 0], y.mean(0))
    assert w[2].isnan().all()


@pytest.mark.parametrize("kind", BRAINS)
def test_the_mappers_agree_on_every_layer(kind: str) -> None:
    images = torch.randint(0, 256, (3, 4, 28, 28), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    found = [cohort(kind, mapper) for mapper in MAPPERS]
    for each in found:
        live(SCRAMBLE, each, 1)
    layers = [each.features(images, IMAGE_SENSE) for each in found]
    assert [layer.shape for layer in layers[0]] == [(3, 4, width) for width in WIDTHS[kind]]
    for others in layers[1:]:
        for layer, other in zip(layers[0], others, strict=True):
            torch.testing.assert_close(layer, other)
    heads = {name: weights for name, weights in found[0].parameters().items() if name.startswith("heads.digits")}
    weight, bias = (heads[f"heads.digits.layer.{part}"] for part in ("weight", "bias"))
    torch.testing.assert_close(
        layers[0][-1] @ weight.mT + bias.unsqueeze(1), found[0](images, IMAGE_SENSE, "digits")
    )  # the last layer is what the head reads
    assert torch.equal(layers[0][0].sort(-1).values, (images.flatten(2).float() / 255).sort(-1).values)


@pytest.mark.parametrize("kind", BRAINS)
def test_the_metrics_are_those_of_the_layers(kind: str) -> None:
    values = measured(cohort(kind))
    assert list(values) == ["last", "pixels", "best", "layer_1", "layer_2", "layer_3"]
    assert set(values) <= set(Layers.metrics)
    assert all(value.shape == (3,) and value.dtype == torch.float64 for value in values.values())
    assert torch.equal(values["last"], values["layer_3"])
    hidden = torch.stack([values[f"layer_{k}"] for k in (1, 2, 3)])
    assert torch.equal(values["best"], hidden.amax(0))
    assert (values["pixels"] > 0.7).all()  # 300 labels; chance is 0.1
    assert (values["pixels"] == values["pixels"][0]).all()
    assert (values["last"] < values["pixels"]).all()  # a newborn's narrow last layer has lost what pixels say


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_scrambling_changes_what_layers_say_but_not_what_pixels_say(kind: str) -> None:
    found = cohort(kind)
    before = measured(found)
    live(SCRAMBLE, found, 1)
    after = measured(found)
    torch.testing.assert_close(after["pixels"], before["pixels"], rtol=0, atol=0.005)  # ridge knows no order
    assert (after["layer_1"] != before["layer_1"]).any()


def test_the_way_uses_part_of_the_data_and_the_end_all_of_it() -> None:
    found = cohort("mlp")
    some, every = measured(found), measured(found, full=True)
    assert ((some["last"] * 500) % 1).abs().max() < 1e-9
    assert not torch.equal(some["last"], every["last"])
    assert torch.equal(every["last"], measured(found, full=True)["last"])


def test_a_diverged_learner_is_nan_and_the_others_do_not_notice() -> None:
    found = cohort("mlp")
    before = measured(found)
    for weights in found.parameters().values():
        weights[1] = torch.nan
    after = measured(found)
    for name in before:
        assert after[name].isnan().tolist() == [False, True, False]
        torch.testing.assert_close(after[name][[0, 2]], before[name][[0, 2]])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"fit": "mnist.test", "data": "mnist.valid"}, "fitted to mnist.test can't be scored on mnist.valid"),
        ({"fit": "mnist.train+valid", "data": "mnist.valid"}, "fitted to mnist.train"),
        ({"data": "mnist.second"}, "fitted to mnist.train can't be scored on mnist.second; fit to mnist.rest"),
        ({"fit": "mnist.second", "data": "mnist.valid"}, "fitted to mnist.second can't be scored on mnist.valid"),
        ({"fit": "mnist.trian"}, "did you mean 'mnist.train'"),
    ],
)
def test_read_outs_are_held_out(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        Layers(**keys)


class Silent(nn.Module):
    """A user's brain that shows no layers."""

    def __init__(self, needs: Needs) -> None:
        super().__init__()
        self.out = nn.Linear(784, 10)

    def forward(self, x: Tensor, sense: str, head: str) -> Tensor:
        return self.out(x.flatten(1).to(self.out.weight.dtype) / 255)


class Telling(Silent):
    """The same, with what the probe asks for: no word of cohorts."""

    def features(self, x: Tensor, sense: str) -> list[Tensor]:
        seen = x.flatten(1).to(self.out.weight.dtype) / 255
        return [seen, self.out(seen)]


class Upright(Telling):
    """Shows its pixels as a picture, which is no row of numbers."""

    def features(self, x: Tensor, sense: str) -> list[Tensor]:
        return [x, self.out(x.flatten(1).to(self.out.weight.dtype))]


def test_the_laws_of_brains_look_at_features_where_there_are_any() -> None:
    found = {
        kind: {finding.name: finding for finding in check_brain(kind)} for kind in ("mlp", "conv", Silent, Upright)
    }
    assert found["mlp"]["features"].ok and found["conv"]["features"].ok
    assert "features" not in found[Silent]
    assert not found[Upright]["features"].ok and "(6, 28, 28)" in found[Upright]["features"].message


SCENARIO = """
devlearn: 1
scenario: told
seeds: 2
brain: {kind: 'tests.probes.test_layers:%s'}
stages:
  school: {kind: supervise, labels: 10, updates: 1}
arms: {one: [school]}
probes:
  read: {kind: %s}
"""


@pytest.mark.parametrize(("kind", "asks"), [("layers", "features"), ("fields", "fields")])
def test_a_brain_that_shows_nothing_is_refused_before_anything_runs(kind: str, asks: str, tmp_path: Any) -> None:
    path = tmp_path / "told.yaml"
    path.write_text(SCENARIO % ("Silent", kind))
    with pytest.raises(ScenarioError, match=rf"read: Silent shows no .*; give it {asks}\("):
        devlearn.run(path, out=tmp_path / "run", progress=False, report=False)


def test_a_users_brain_is_read_through_vmap() -> None:
    found = Cohort(lambda: Telling(NEEDS), range(3))
    values = measured(found)
    assert found.mapper == "vmap"
    assert list(values) == ["last", "pixels", "best", "layer_1"]
    with pytest.raises(TypeError, match="Silent has no features"):
        Cohort(lambda: Silent(NEEDS), range(2)).features(torch.zeros(2, 1, 28, 28), IMAGE_SENSE)
