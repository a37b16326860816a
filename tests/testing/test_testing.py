"""The shipped contract tests pass everything registered and name the law that a broken plug-in breaks."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import nn

from devlearn.learners import flops
from devlearn.learners.brains import Needs
from devlearn.learners.brains.brain import MLP
from devlearn.learners.cohort import Cohort
from devlearn.stages.context import Context, State
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.train import Descent, train
from devlearn.stages.stage import Cost, Metrics, Stage
from devlearn.testing import Finding, assert_ok, check_brain, check_env, check_stage
from tests.shipped import shipped


def broken(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.message for finding in findings if not finding.ok}


@pytest.mark.parametrize("kind", shipped("brains"))
def test_every_registered_brain_keeps_the_laws(kind: str) -> None:
    assert_ok(check_brain(kind))


def test_an_environment_that_keeps_the_laws() -> None:
    assert_ok(check_env("CartPole-v1"))


def test_assert_ok_names_what_is_broken() -> None:
    with pytest.raises(AssertionError, match="ends: never"):
        assert_ok([Finding("id", True, "fine"), Finding("ends", False, "never")])
    with pytest.raises(AssertionError, match="nothing"):
        assert_ok([])


LABELLED = LabelledBatches("mnist.train", 20, 8)


class _School(Stage):
    """A sound school with small batches: what the broken stages below are made of."""

    role = "supervise"
    metrics = ("loss", "accuracy")
    stream_names = ("labels", "order")

    def needs(self) -> Needs:
        return LABELLED.needs

    def cost(self, brain: nn.Module) -> Cost:
        return Cost(updates=1, images=8, flops=flops.update(brain, LABELLED.objective, LABELLED.shapes), labels=20)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches = LABELLED.minibatches(context, state["done"])
        return train(cohort, LABELLED.objective, batches, Descent(1e-3), state, context)


class _Roleless(Stage):
    """Says nothing of what it is in a life."""


class _ForgetsMoments(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        state["moments"] = {}
        return super().segment(cohort, state, context)


class _ForgetsItsPlace(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        state["done"] = 0
        return super().segment(cohort, state, context)


class _DrawsGlobally(_School):
    def begin(self, cohort: Cohort, context: Context) -> State:
        torch.rand(1), np.random.rand(), random.random()
        return super().begin(cohort, context)


class _NoisyBirth(_School):
    def begin(self, cohort: Cohort, context: Context) -> State:
        for weights in cohort.parameters().values():
            weights.mul_(1.5)
        return super().begin(cohort, context)


class _Couples(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for metrics in super().segment(cohort, state, context):
            for weights in cohort.parameters().values():
                weights.sub_(0.01 * weights.mean(0))
            yield metrics


class _Averages(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for metrics in super().segment(cohort, state, context):
            yield {name: value.mean() for name, value in metrics.items()}


class _SaysTooLittle(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for metrics in super().segment(cohort, state, context):
            yield {"loss": metrics["loss"]}


class _Stops(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        yield from [metrics for metrics, _ in zip(super().segment(cohort, state, context), range(2), strict=False)]


class _Hides(_School):
    def cost(self, brain: nn.Module) -> Cost:
        return Cost(updates=2, images=8, flops=1)


class _HidesFlops(_School):
    def cost(self, brain: nn.Module) -> Cost:
        return replace(super().cost(brain), flops=1)


class _HidesImages(_School):
    def cost(self, brain: nn.Module) -> Cost:
        return replace(super().cost(brain), images=4)


class _Boasts(_School):
    def cost(self, brain: nn.Module) -> Cost:
        return replace(super().cost(brain), flops=3 * super().cost(brain).flops)


class _HidesLabels(_School):
    labels: int = Field(20, description="how many images have one")

    def cost(self, brain: nn.Module) -> Cost:
        return replace(super().cost(brain), labels=0)


class _NotSavable(_School):
    def begin(self, cohort: Cohort, context: Context) -> State:
        return {**super().begin(cohort, context), "generator": np.random.default_rng(1)}


class _Bare(_School):
    spare: int = 3


class _Clock(_School):
    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for metrics in super().segment(cohort, state, context):
            next(iter(cohort.parameters().values())).add_(1e-3 * next(_ticks))
            yield metrics


_ticks = iter(range(10_000))


class _Fades(_School):
    """Anneals over the planned budget and does not say so."""

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        batches = LABELLED.minibatches(context, state["done"])
        return train(cohort, LABELLED.objective, batches, Descent(1e-3, schedule="linear"), state, context)


class _SaysThatItFades(_Fades):
    def follows_budget(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stage", "law"),
    [
        (_Fades, "planned budget"),
        (_ForgetsMoments, "resume"),
        (_ForgetsItsPlace, "resume"),
        (_NotSavable, "resume"),
        (_DrawsGlobally, "global randomness"),
        (_NoisyBirth, "zero updates"),
        (_Couples, "cohort size"),
        (_Couples, "diverged neighbour"),
        (_Averages, "metrics"),
        (_SaysTooLittle, "metrics"),
        (_Stops, "lives"),
        (_Hides, "cost"),
        (_Bare, "descriptions"),
        (_Roleless, "role"),
        (_Clock, "deterministic"),
    ],
)
def test_a_broken_stage_is_told_its_law(stage: type[Stage], law: str) -> None:
    assert law in broken(check_stage(stage))


class _AsksForShufle(_School):
    controls = ("shufle", "compute")  # type: ignore[assignment]


class _AsksForASham(_School):
    controls = ("sham",)


class _HasItsSham(_AsksForASham):
    sham: bool = Field(False, description="whether it is the sham")


class _IsNoControl(_School):
    control = "shufle"  # type: ignore[assignment]


class _ForgetsTheComma(_School):
    controls = "shuffle"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (_AsksForShufle, "'controls' names 'shufle', which is no control; did you mean 'shuffle'?"),
        (_IsNoControl, "'control' names 'shufle', which is no control; did you mean 'shuffle'?"),
        (
            _AsksForASham,
            "'controls' asks for a sham, which the key 'sham' makes; give it one: sham: bool = Field(False, ..)",
        ),
        (_ForgetsTheComma, "'controls' is the text 'shuffle'; write a tuple: controls = ('shuffle',)"),
    ],
)
def test_controls_that_no_scenario_can_have_are_told_with_the_mend(stage: type[Stage], said: str) -> None:
    assert broken(check_stage(stage)) == {"controls": said}


def test_a_sham_that_is_a_key_may_be_asked_for() -> None:
    assert not broken(check_stage(_HasItsSham))


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (_HidesFlops, "'cost' declares 1; count them with flops.update"),
        (_Boasts, "count them with flops.update"),
        (_HidesImages, "a yield showed 8 images, 'cost' declares 4; count every image"),
        (_HidesLabels, "it reads labels and 'cost' declares none"),
    ],
)
def test_a_cost_that_is_not_what_is_spent_is_found(stage: type[Stage], said: str) -> None:
    found = broken(check_stage(stage))
    assert list(found) == ["cost"]
    assert said in found["cost"]


def test_a_stage_that_says_that_it_follows_its_budget_may() -> None:
    assert not broken(check_stage(_SaysThatItFades))


def test_a_class_that_is_found_by_its_name_needs_a_kind() -> None:
    found = broken(check_stage("tests.testing.test_testing:_School"))
    assert found == {
        "named": 'the class has no kind and version; decorate it with @stage("tests.testing.test_testing:_School")'
    }
    assert not broken(check_stage(_School))


def test_wrong_kinds_and_keys_are_findings() -> None:
    assert "did you mean 'supervise'" in broken(check_stage("supervize"))["kind"]
    assert "labels" in broken(check_stage("supervise", {"labels": "many"}))["keys"]
    assert "env" in broken(check_stage("trial.ppo"))["keys"]
    unknown = broken(check_stage("supervise", {"lables": 3}))["keys"]
    assert unknown == "unknown key 'lables'; did you mean 'labels'? (keys are given as --key K=V)"
    assert "unknown key 'widht'; did you mean 'width'?" in broken(check_brain("mlp", {"widht": [3]}))["keys"]
    assert broken(check_stage("innate.scramble", {"zzz": 1}))["keys"].startswith("unknown key 'zzz'; there are: sense")
    assert "No module named 'nowhere'" in broken(check_brain("nowhere:Brain"))["kind"]


class _Plain(nn.Module):
    """A sound user brain, and what the broken ones below are made of."""

    def __init__(self, needs: Needs, width: int = 16) -> None:
        super().__init__()
        sizes = {name: int(np.prod(sense.space.shape)) for name, sense in needs.senses.items()}
        self.senses = nn.ModuleDict({name: nn.Linear(size, width) for name, size in sizes.items()})
        self.middle = self.make_middle(width)
        gaussian = {name: head.size * (1 + head.gaussian) for name, head in needs.heads.items()}
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in gaussian.items()})

    def make_middle(self, width: int) -> nn.Module:
        return nn.Sequential(nn.LayerNorm(width), nn.Tanh())

    def forward(self, x: torch.Tensor, sense: str, head: str | tuple[str, ...]) -> Any:
        flat = x.to(torch.float32).flatten(1) / (255 if x.dtype == torch.uint8 else 1)
        x = self.middle(self.senses[sense](flat))
        return self.heads[head](x) if isinstance(head, str) else tuple(self.heads[name](x) for name in head)


class _Dropout(_Plain):
    def make_middle(self, width: int) -> nn.Module:
        return nn.Dropout(0.5)


class _BatchNorm(_Plain):
    def make_middle(self, width: int) -> nn.Module:
        return nn.BatchNorm1d(width)


class _Counts(_Plain):
    def __init__(self, needs: Needs) -> None:
        super().__init__(needs)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor, sense: str, head: str | tuple[str, ...]) -> Any:
        self.calls += 1
        return super().forward(x, sense, head)


class _Loose(_Plain):
    """A bare parameter: born from one stream with everything before it."""

    def __init__(self, needs: Needs) -> None:
        super().__init__(needs)
        self.scale = nn.Parameter(torch.randn(4))

    def forward(self, x: torch.Tensor, sense: str, head: str | tuple[str, ...]) -> Any:
        return super().forward(x, sense, head)


class _Zero(_Plain):
    def __init__(self, needs: Needs) -> None:
        super().__init__(needs)
        for part in self.modules():
            part.reset_parameters = lambda: None  # type: ignore[assignment, method-assign]
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


class _Detached(_Plain):
    def forward(self, x: torch.Tensor, sense: str, head: str | tuple[str, ...]) -> Any:
        found = super().forward(x, sense, head)
        return found.detach().requires_grad_() if isinstance(head, str) else found


class _OneHead(_Plain):
    def forward(self, x: torch.Tensor, sense: str, head: str | tuple[str, ...]) -> Any:
        return super().forward(x, sense, head if isinstance(head, str) else head[0])


def test_a_users_brain_keeps_the_laws() -> None:
    findings = {finding.name: finding for finding in check_brain(_Plain, {"width": 8})}
    assert_ok(list(findings.values()))
    assert "mapped (vmap)" in findings["cohort"].message


@pytest.mark.parametrize(
    ("brain", "law"),
    [
        (_Dropout, "no randomness"),
        (_BatchNorm, "rows"),
        (_BatchNorm, "cohort"),
        (_Counts, "no memory"),
        (_Loose, "extension"),
        (_Zero, "seeds"),
        (_Detached, "gradients"),
        (_OneHead, "shapes"),
    ],
)
def test_a_broken_brain_is_told_its_law(brain: type[nn.Module], law: str) -> None:
    assert law in broken(check_brain(brain))


def test_a_brain_that_can_not_be_built_is_a_finding() -> None:
    assert "width" in broken(check_brain("mlp", {"width": []}))["keys"]
    assert MLP(width=(4,)).width == (4,)
