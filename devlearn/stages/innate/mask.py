"""Topology without learned weights: which of a newborn's random weights to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.optimiser import Weights
from devlearn.learners.stacking import column
from devlearn.stages.fields import (
    Blur,
    LabelledBatchSize,
    LabelledSplit,
    Labels,
    LearningRate,
    Momentum,
    RateSchedule,
    Shift,
    WeightDecay,
)
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics

Tensors: TypeAlias = "dict[str, Tensor]"


def topmost(scores: Tensor, density: float, signed: bool) -> Tensor:
    """The mask of scores (N, *shape): in {0, 1}, the share ``density`` with the highest scores of each learner.

    A signed mask, in {-1, 0, 1}, keeps the share with the largest magnitudes and has the scores' signs. Of equal
    scores at the edge the first places are kept, so that every learner keeps equally many.
    """
    flat = scores.flatten(1)
    ranked = flat.abs() if signed else flat
    kept = max(1, round(density * flat.shape[1]))
    least = ranked.kthvalue(flat.shape[1] - kept + 1, dim=1, keepdim=True).values
    mask, tied = ranked >= least, ranked == least
    if not flat.is_cpu or (mask.sum(1) > kept).any():  # elsewhere to ask is to wait for the device
        room = kept - (mask & ~tied).sum(1, keepdim=True)
        mask &= ~tied | (tied.cumsum(1) <= room)
    shown = mask.to(flat.dtype)
    return (shown * flat.sign() if signed else shown).view_as(scores)


@stage("innate.mask")
@final
class Supermask(Stage):
    """Learns which of a newborn's random weights to keep, and never changes one of them (edge-popup).

    Every weight ``w_i`` of a layer has a score ``s_i``; the share ``density`` of the layer with the highest scores is
    kept, ``m_i`` in {0, 1}, or with ``signed`` that with the largest ``|s_i|``, ``m_i = sign(s_i)`` there and else 0.
    The learner's weights are ``v_i = m_i w_i / sqrt(density)`` at any moment, which keeps the variance of what a unit
    receives; biases stay as born. Scores learn by the straight-through rule ``dL/ds_i = w_i / sqrt(density) dL/dv_i``
    from the cross-entropy L; ``z_b`` are the logits of image b of B, ``y_b`` its label. Behind other stages ``w_i`` are
    the weights that those have left.

    Metrics:
        loss: cross-entropy in nats under the learned mask, ``-(1/B) sum_b log softmax(z_b)[y_b]``
        accuracy: share of the minibatch that was right under it before the update, ``(1/B) sum_b 1[argmax z_b = y_b]``

    Source:
        Ramanujan, Wortsman, Kembhavi, Farhadi and Rastegari (2020), What's hidden in a randomly weighted neural
        network?; Zhou, Lan, Liu and Yosinski (2019), Deconstructing lottery tickets, who learn the mask of a 300-100-10
        perceptron; Koster, Grothe and Rettinger (2022), Signing the supermask, for masks in {-1, 0, 1}.

    Deviations:
        Scores are ranked as they are, not by magnitude (without ``signed``); the newborn's biases are there and are
        never masked. Koster et al. find the density by a threshold; here it is given, the same for every layer.
    """

    role = "innate"
    metrics = ("loss", "accuracy")
    stream_names = ("labels", "order", "scores", "places")
    immutable_keys = ("data", "labels", "optimiser", "momentum", "density", "signed", "constant")
    controls = ("shuffle", "compute", "data")

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: LabelledBatchSize = 128
    optimiser: Literal["adam", "sgd"] = Field("adam", description="of the scores")
    lr: LearningRate = 1e-3
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "constant"
    blur: Blur = 0.0
    shift: Shift = 0
    density: float = Field(0.5, gt=0, le=1, description="share of each layer's weights that is kept")
    signed: bool = Field(False, description="a mask in {-1, 0, 1}: kept weights may be turned around")
    constant: bool = Field(False, description="frozen weights of a layer are +-c, c their root mean square at birth")
    shuffled: bool = Field(
        False, description="the control: the learner wears the learned mask with its places permuted in every layer"
    )

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch, self.blur, self.shift)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    def needs(self) -> Needs:
        return self.labelled.needs

    def cost(self, brain: nn.Module) -> Cost:
        return self.labelled.cost(flops.update(brain, self.labelled.objective, self.labelled.shapes))

    def begin(self, cohort: Cohort, context: Context) -> State:
        born, frozen, scores = cohort.parameters(), {}, {}
        for name in cohort.reached(self.labelled.objective, self.labelled.shapes):
            if born[name].dim() > 2:  # weights, not biases
                frozen[name] = self._frozen(born[name])
                drawn = torch.from_numpy(context.streams("scores", name).random(*born[name].shape[1:]))
                bound = born[name][0, 0].numel() ** -0.5  # Kaiming uniform, as of the weights
                scores[name] = drawn.to(born[name]).mul_(2).sub_(1).mul_(bound)
        return {"done": 0, "frozen": frozen, "scores": scores, "score_moments": {}}

    def _frozen(self, born: Tensor) -> Tensor:
        """A layer's weights as they stand for life, (N, *shape)."""
        if self.constant:
            size = born.flatten(1).square().mean(1).sqrt()  # (N,)
            born = born.sign() * column(size, born)
        frozen: Tensor = born / self.density**0.5
        return frozen

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        frozen, scores, descent = state["frozen"], state["scores"], self.descent
        owner = Weights.of(scores)
        optimiser = descent.make_optimiser(owner, state["score_moments"])
        places = self._places(context, scores) if self.shuffled else {}
        masks = self._masks(scores)
        for batch in self.labelled.minibatches(context, state["done"]):
            _wear(cohort, frozen, masks)
            gradients, metrics = cohort.gradients(self.labelled.objective, batch)
            for name, weight in owner.weights.items():
                weight.grad = gradients[name] * frozen[name]
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            optimiser.step()
            cohort.updates += 1
            masks = self._masks(scores)
            _wear(cohort, frozen, {name: _moved(mask, places.get(name)) for name, mask in masks.items()})
            state["done"] += 1
            yield metrics

    def _masks(self, scores: Tensors) -> Tensors:
        return {name: topmost(tensor, self.density, self.signed) for name, tensor in scores.items()}

    def _places(self, context: Context, scores: Tensors) -> Tensors:
        """A permutation of each layer's places, (N, D), the same at every moment."""
        return {
            name: torch.from_numpy(context.streams("places", name).permutation(tensor[0].numel())).to(tensor.device)
            for name, tensor in scores.items()
        }


def _wear(cohort: Cohort, frozen: Tensors, masks: Tensors) -> None:
    weights = cohort.parameters()
    for name, mask in masks.items():
        torch.mul(frozen[name], mask, out=weights[name])


def _moved(mask: Tensor, places: Tensor | None) -> Tensor:
    return mask if places is None else mask.flatten(1).gather(1, places).view_as(mask)
