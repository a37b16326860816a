"""Networks that foresee what a step leads to, and are surprised: what curiosity is made of. For ONE learner.

A batch of steps has ``observations`` and ``following`` (B, D), what was seen before and after as rows of numbers, and
``actions`` (B, ...) as ``Factors`` have them. ``model(batch, "bonus")`` is what each step is worth, (B,);
``model(batch, "loss")`` what has to be learned of it, (B,). Every operation acts on trailing axes, so that a cohort is
one program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from devlearn.learners.brains.layers import Linear, Normaliser
from devlearn.learners.objectives import Factors

CLIP = 5.0  # standard deviations by which a whitened number is off at most
Ask = Literal["bonus", "loss"]


def encoded(factors: Factors, actions: Tensor, like: Tensor) -> Tensor:
    """Actions as numbers (B, outputs): choices one-hot, numbers as they are."""
    columns = actions if factors.shape else actions.unsqueeze(-1)
    shown = [F.one_hot(columns[..., k].long(), options) for k, options in enumerate(factors.choices)]
    return torch.cat([*shown, columns[..., len(factors.choices) :]], -1).to(like.dtype)


def tower(inputs: int, *units: int) -> nn.Sequential:
    """Linear layers with rectifiers between them."""
    layers: list[nn.Module] = []
    for before, after in zip((inputs, *units), units, strict=False):
        layers += [nn.ReLU(), Linear(before, after)] if layers else [Linear(before, after)]
    return nn.Sequential(*layers)


def _error(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean over what is guessed of the squared error, (B,)."""
    return (guess - truth).square().mean(-1)


class _Foresight(nn.Module):
    stacks = True

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.normaliser = Normaliser(inputs, CLIP)

    def forward(self, batch: Mapping[str, Tensor], ask: Ask) -> Tensor:
        raise NotImplementedError


class Distillation(_Foresight):
    """A random network of what is seen after a step, and another that learns to say the same: the bonus is its error.

    Source: Burda, Edwards, Storkey and Klimov (2018), Exploration by random network distillation, arXiv:1810.12894.
    """

    def __init__(self, inputs: int, factors: Factors, hidden: int, features: int) -> None:
        super().__init__(inputs)
        self.target = tower(inputs, hidden, features)
        self.predictor = tower(inputs, hidden, hidden, features)

    def forward(self, batch: Mapping[str, Tensor], ask: Ask) -> Tensor:
        seen = self.normaliser(batch["following"])
        with torch.no_grad():
            truth = self.target(seen)
        return _error(self.predictor(seen), truth)


class ForwardInverse(_Foresight):
    """Features of what is seen by which the action can be told, and a forecast of them: the bonus is its error.

    The features are learned by the inverse model alone: what neither moves nor answers an action is not in them.
    Source: Pathak, Agrawal, Efros and Darrell (2017), Curiosity-driven exploration by self-supervised prediction,
    arXiv:1705.05363; Burda et al. (2018), arXiv:1808.04355, who keep the forecast's error out of the features too.
    """

    def __init__(self, inputs: int, factors: Factors, hidden: int, features: int) -> None:
        super().__init__(inputs)
        self.factors = factors
        self.encoder = tower(inputs, hidden, features)
        self.inverse = tower(2 * features, hidden, factors.outputs)
        self.forecast = tower(features + factors.outputs, hidden, features)

    def forward(self, batch: Mapping[str, Tensor], ask: Ask) -> Tensor:
        before, after = (self.encoder(self.normaliser(batch[name])) for name in ("observations", "following"))
        did = encoded(self.factors, batch["actions"], before)
        error = _error(self.forecast(torch.cat([before.detach(), did], -1)), after.detach())
        if ask == "bonus":
            return error
        told = self.inverse(torch.cat([before, after], -1))
        if self.factors.numbers:  # Gaussians of unit variance
            told = torch.cat([told, torch.zeros_like(told)], -1)
        actions = batch["actions"] if self.factors.discrete else batch["actions"].to(told.dtype)
        return error - self.factors.judge(told, actions)[0]


class Progress(_Foresight):
    """A forecast of what is seen next, and what that forecast was a while ago: the bonus is by how much it is better.

    ``slow`` follows ``predictor`` and is not learned. Source: Kim, Sano, De Freitas, Haber and Yamins (2020), Active
    world model learning with progress curiosity, arXiv:2007.07853; Schmidhuber (1991) and Oudeyer, Kaplan and Hafner
    (2007) for the idea.
    """

    def __init__(self, inputs: int, factors: Factors, hidden: int, features: int) -> None:
        super().__init__(inputs)
        self.factors = factors
        units = (inputs + factors.outputs, hidden, hidden, inputs)
        self.predictor, self.slow = tower(*units), tower(*units)

    def forward(self, batch: Mapping[str, Tensor], ask: Ask) -> Tensor:
        before, after = (self.normaliser(batch[name]) for name in ("observations", "following"))
        given = torch.cat([before, encoded(self.factors, batch["actions"], before)], -1)
        error = _error(self.predictor(given), after)
        return error if ask == "loss" else _error(self.slow(given), after) - error


Build: TypeAlias = Callable[[int, Factors, int, int], _Foresight]
FORESIGHTS: dict[str, Build] = {"rnd": Distillation, "icm": ForwardInverse, "progress": Progress}


class Foreseeing:
    """The objective: the mean over steps of what has to be learned."""

    stacks = True

    def __call__(self, model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return model(batch, "loss").mean(-1), {}
