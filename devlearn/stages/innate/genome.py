"""Born with weights that a small genome describes: the genomic bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.optimiser import Weights
from devlearn.stages.fields import (
    Blur,
    LabelledBatchSize,
    LabelledSplit,
    Labels,
    Lineages,
    Momentum,
    RateSchedule,
    Shift,
    WeightDecay,
)
from devlearn.stages.shared.ancestors import Ancestors
from devlearn.stages.shared.genomic_bottleneck import Bottleneck, Code
from devlearn.stages.shared.labelled import LabelledBatches
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.streams import BIRTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics

GENES = "genes"


@stage("innate.genome")
@final
class Genome(Stage):
    """Weights are grown from a g-network over neuron codes, which learns classes from labels, end to end.

    Each weight tensor has a g-network: from the code of a pre- and of a post-neuron, bits of +-1, one hidden layer of
    sines computes the weight between them. The cross-entropy's gradient at the grown weights is passed on through the
    g-networks by the chain rule, and an update changes the genome, their parameters; the learner's weights are those
    that the newest genome grows. Tensors that the read-out of classes does not depend on stay as they were born; biases
    that it does depend on are zero.

    Metrics:
        loss: cross-entropy of the grown network on the minibatch, in nats, before the genome's step
        accuracy: share of the minibatch that the grown network had right
        compression: weights and biases that the genome describes, for each number of the genome

    Source:
        Shuvaev, Lachi, Koulakov and Zador (2024), Encoding innate ability through a genomic bottleneck, PNAS 121(38).

    Deviations:
        Weights are trained through the genome from the start (the paper alternates between training a network
        and fitting a genome to it). The g-networks have one hidden layer, of sines. What a neuron receives sums to
        zero over its inputs. Biases are zero at birth and no part of the genome.
    """

    role = "innate"
    metrics = ("loss", "accuracy", "compression")
    stream_names = ("labels", "order", BIRTH, GENES)
    immutable_keys = ("data", "labels", "optimiser", "momentum", "lineages", "compression", "code")
    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    data: LabelledSplit = "mnist.train"
    labels: Labels = "all"
    batch: LabelledBatchSize = 256
    optimiser: Literal["adam", "sgd"] = Field("adam", description="the rule by which ancestors improve")
    lr: float = Field(3e-2, gt=0, description="learning rate of the genome")
    momentum: Momentum = 0.0
    weight_decay: WeightDecay = 0.0
    schedule: RateSchedule = "cosine"
    blur: Blur = 0.0
    shift: Shift = 0
    lineages: Lineages = None
    compression: float = Field(
        322, ge=1, description="weights for each number of the genome; whole hidden units come near it"
    )
    code: Code = Field(
        "binary",
        description="of a neuron: the bits of its number, binary or gray; grid is binary, but pixels have the Gray "
        "codes of their row and column",
    )

    @property
    def labelled(self) -> LabelledBatches:
        return LabelledBatches(self.data, self.labels, self.batch, self.blur, self.shift)

    @property
    def descent(self) -> Descent:
        return Descent(self.lr, self.schedule, self.optimiser, self.momentum, self.weight_decay)

    @property
    def ancestors(self) -> Ancestors:
        return Ancestors(self.lineages)

    def lineage(self, seed: int) -> str | None:
        return self.ancestors.lineage(self.kind, seed)

    def needs(self) -> Needs:
        return self.labelled.needs

    def cost(self, brain: nn.Module) -> Cost:
        step = flops.update(brain, self.labelled.objective, self.labelled.shapes)
        return self.labelled.cost(step + flops.of(self._bottleneck(brain).rehearse))

    def _bottleneck(self, brain: nn.Module) -> Bottleneck:
        """For the parameters that the read-out depends on."""
        own = self.labelled
        reached = flops.reached(brain, own.objective, own.shapes)
        return Bottleneck.of(reached, self.compression, self.code, own.source)

    def labels_bought(self, source: LabelledBatches, context: Context) -> Tensor:
        return self.ancestors.inherited(source.indices(self.ancestors.context(context)), context)

    def begin(self, cohort: Cohort, context: Context) -> State:
        state, theirs = self.ancestors.begin(cohort, context), self.ancestors.context(context)
        bottleneck, like = self._bottleneck(cohort.member(0)), next(iter(cohort.parameters().values()))
        state["ancestors"][GENES] = bottleneck.conceive(lambda name: theirs.streams(GENES, name), like)
        return state

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return self.ancestors.segment(cohort, state, context, self._evolve)

    def _evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        bottleneck, genome, descent = self._bottleneck(ancestors.member(0)), Weights.of(state[GENES]), self.descent
        optimiser = descent.make_optimiser(genome, state["moments"])
        compression = torch.full((ancestors.n,), bottleneck.compression)
        grown = _born(ancestors, bottleneck, genome)
        for batch in self.labelled.minibatches(context, state["done"]):
            gradients, metrics = ancestors.gradients(self.labelled.objective, batch)
            torch.autograd.backward(list(grown.values()), [gradients[name] for name in grown])
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            optimiser.step()
            grown = _born(ancestors, bottleneck, genome)
            ancestors.updates += 1
            state["done"] += 1
            yield {**metrics, "compression": compression}


def _born(ancestors: Cohort, bottleneck: Bottleneck, genome: Weights) -> dict[str, Tensor]:
    """Grow the ancestors' weights and write them: {parameter: (N, *shape)}, with their graph; old gradients go."""
    for gene in genome.weights.values():
        gene.grad = None
    grown, weights = bottleneck.grow(genome.weights), ancestors.parameters()
    for name in bottleneck.biases:
        weights[name].zero_()
    for name, value in grown.items():
        weights[name].copy_(value.detach())
    return grown
