"""Units that do little are born again, a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.guard import Guard
from devlearn.stages.fields import Count
from devlearn.stages.protections.protection import Protecting, Protection, Surcharge, protection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn

    from devlearn.learners.objectives import Objective
    from devlearn.stages.context import State
    from devlearn.stages.stage import Stage

UTILITY, AGE, DUE, DONE = "utility:", "age:", "due:", "done"


@protection("continual_backprop")
@final
class ContinualBackprop(Protection):
    """Draws the least useful units of each hidden layer anew, a few at a time.

    A unit's utility u is a running mean over updates, ``u <- decay * u + (1 - decay) * mean |h| * sum |w|``: h is what
    it makes of each image of the minibatch, w are its outgoing weights. Of the units of a layer that have lived through
    ``maturity`` updates a share ``rate`` is replaced at every update, on average, the least useful first: incoming
    weights uniform within ``1 / sqrt(inputs)``, the bias and all outgoing weights zero, utility and age zero. It acts
    from the first protected stage on, and goes on in the next. It needs the brain ``mlp`` without memory, and a stage
    that learns from labelled images. It keeps the utility and the age of each hidden unit.

    Source:
        Dohare et al. 2024, Loss of plasticity in deep continual learning, algorithm 1.

    Deviations:
        Utilities are means over minibatches of images, where the paper sees one at a time. Incoming weights are drawn
        uniformly with ``init: orthogonal`` too. The optimiser's moments of replaced units are kept: with ``sgd``
        without momentum there are none.
    """

    rate: float = Field(1e-4, ge=0, le=1, description="share of the grown-up units that is replaced at an update")
    maturity: Count = Field(100, description="updates that a new unit is spared")
    decay: float = Field(0.99, ge=0, lt=1, description="of the running mean of utilities")

    def refusal(self, stage: Stage) -> str:
        if stage.shown() is None:
            return (
                f"continual_backprop asks what units make of labelled images, and {stage.kind} learns from none, or by "
                "more than them, with these keys; take shrink_perturb or l2"
            )
        return ""

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        labelled = stage.shown()
        assert labelled is not None
        sense = labelled.objective.sense
        layers = _layers([name for name, _ in brain.named_parameters()], sense)
        units = sum(brain.get_parameter(f"{layer}.bias").numel() for layer in layers)
        seen = torch.empty(labelled.shapes["images"][0])

        def program(device: str) -> None:
            flops.blank(brain, device).features(seen.to(device), sense)  # type: ignore[operator]

        with torch.no_grad():
            return Surcharge(flops=flops.of(program), kept_bytes=12 * units)

    def begin(self, at: Protecting) -> None:
        labelled = at.stage.shown()
        assert labelled is not None
        at.kept.setdefault(DONE, 0)
        weights = at.cohort.parameters()
        for layer in _layers(weights, labelled.objective.sense):
            bias = weights[f"{layer}.bias"]  # (N, units)
            for slot in (UTILITY, AGE):
                at.kept.setdefault(slot + layer, torch.zeros_like(bias))
            at.kept.setdefault(DUE + layer, torch.zeros_like(bias[:, 0], dtype=torch.float64))

    def guard(self, at: Protecting) -> Guard:
        return _Renewing(self, at)


class _Renewing(Guard):
    def __init__(self, own: ContinualBackprop, at: Protecting) -> None:
        labelled = at.stage.shown()
        assert labelled is not None
        self.own, self.at, self.sense = own, at, labelled.objective.sense
        self.layers = _layers(at.cohort.weights, self.sense)
        self.images: Any = None

    def extended(self, objective: Objective, batch: Any) -> tuple[Objective, Any]:
        self.images = batch["images"]
        return objective, batch

    def stepped(self, weights: Mapping[str, nn.Parameter]) -> None:
        kept, own = self.at.kept, self.own
        kept[DONE] += 1
        if not own.rate:
            return
        with torch.no_grad():
            outputs = self.at.cohort.features(self.images, self.sense)[1:]
            for layer, after, output in zip(self.layers, _after(self.layers, weights), outputs, strict=True):
                out = torch.stack([weights[name].detach().abs().sum(1) for name in after]).sum(0)  # (N, units)
                kept[UTILITY + layer].lerp_(output.abs().mean(1) * out, 1 - own.decay)
                kept[AGE + layer] += 1
                self._renew(layer, after, weights, kept)

    def _renew(self, layer: str, after: Sequence[str], weights: Mapping[str, nn.Parameter], kept: State) -> None:
        grown = kept[AGE + layer] > self.own.maturity
        due = kept[DUE + layer].add_(grown.sum(1), alpha=self.own.rate)
        while bool((whole := (due >= 1) & grown.any(1)).any()):
            rows = whole.nonzero()[:, 0]
            unit = kept[UTILITY + layer].masked_fill(~grown, torch.inf).argmin(1)[rows]
            weight, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
            drawn = self.at.context.streams("protect", layer, counter=kept[DONE]).random(*weight.shape[1:])
            fresh = torch.from_numpy(drawn).to(weight)[rows, unit]  # (R, inputs)
            weight[rows, unit] = (2 * fresh - 1) / weight.shape[-1] ** 0.5
            bias[rows, unit] = 0.0
            for name in after:
                outgoing = weights[name]
                outgoing[rows, :, unit] = 0.0
            for slot in (UTILITY, AGE):
                kept[slot + layer][rows, unit] = 0.0
            grown[rows, unit] = False
            due[rows] -= 1


def _layers(names: Iterable[str], sense: str) -> list[str]:
    """The hidden layers from a sense to the features, in order. Raises ValueError for other brains."""
    known = set(names)
    found = [f"body.senses.{sense}.layer"]
    while f"body.trunk.{len(found) - 1}.weight" in known:
        found.append(f"body.trunk.{len(found) - 1}")
    if f"{found[0]}.weight" not in known or any(name.startswith("body.memory") for name in known):
        raise ValueError("continual_backprop replaces units of the brain mlp without memory; take shrink_perturb or l2")
    return found


def _after(layers: Sequence[str], names: Iterable[str]) -> list[list[str]]:
    """For each layer, the weights that its outputs go into."""
    heads = [name for name in names if name.startswith("heads.") and name.endswith(".weight")]
    return [*([f"{layer}.weight"] for layer in layers[1:]), heads]
