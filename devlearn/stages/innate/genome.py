"""Born with weights that a small genome describes: the genomic bottleneck."""

from collections.abc import Iterator, Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from devlearn.learners import flops
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import CrossEntropy
from devlearn.learners.optimiser import Weights
from devlearn.learners.schedule import Schedule
from devlearn.stages.context import Context, State
from devlearn.stages.shared.ancestors import Ancestral
from devlearn.stages.shared.genomic_bottleneck import Bottleneck, Code
from devlearn.stages.shared.labelled import DIGITS
from devlearn.stages.stage import Metrics, Work, stage
from devlearn.tasks.data import IMAGE_SENSE

GENES = "genes"


@stage("innate.genome")
class Genome(Ancestral):
    """Weights are grown from a g-network over neuron codes, which learns digits from labels, end to end.

    Each weight tensor has a g-network: from the code of a pre- and of a post-neuron, bits of +-1, one hidden layer of
    sines computes the weight between them. The cross-entropy's slope at the grown weights goes on through the
    g-network by the chain rule, and a step is a step of the genome; the learner is what the newest genome grows
    into. Tensors that the read-out of digits does not depend on stay as they were born, biases that it does are zero.

    Metrics:
        loss: cross-entropy of the grown network on the minibatch, in nats, before the genome's step
        accuracy: share of the minibatch that the grown network had right
        compression: weights and biases that the genome describes, for each number of the genome

    Source:
        Shuvaev, Lachi, Koulakov and Zador (2024), Encoding innate ability through a genomic bottleneck, PNAS 121(38).

    Deviations:
        Weights are trained through the genome from the start (theirs alternates between a trained network and a
        genome that is fitted to it). The g-networks have one hidden layer, of sines. What a neuron receives sums to
        zero over its inputs. Biases are zero at birth and no part of the genome.
    """

    metrics = ("loss", "accuracy", "compression")
    draws = (*Ancestral.draws, GENES)
    fixed = (*Ancestral.fixed, "compression", "code")
    controls = ("shuffle", "moments", "scale", "spectrum", "compute", "data")

    batch: int = Field(256, ge=1, description="images an update; never more than there are labels")
    lr: float = Field(3e-2, gt=0, description="learning rate of the genome")
    schedule: Schedule = Field("cosine", description="of the learning rate over the declared budget")
    compression: float = Field(
        322, ge=1, description="weights for each number of the genome; whole hidden units come near it"
    )
    code: Code = Field(
        "binary",
        description="of a neuron: the bits of its number, binary or gray; grid is binary, but pixels have the Gray "
        "codes of their row and column",
    )

    @property
    def objective(self) -> CrossEntropy:
        return CrossEntropy(IMAGE_SENSE, DIGITS)

    def _bottleneck(self, brain: nn.Module) -> Bottleneck:
        """For the parameters that the read-out depends on."""
        return Bottleneck.of(flops.reached(brain, self.objective, self.shapes), self.compression, self.code)

    def work(self, brain: nn.Module) -> Work:
        bottleneck = self._bottleneck(brain)
        cost = flops.update(brain, self.objective, self.shapes) + flops.of(bottleneck.rehearse)
        return Work(updates=1, images=self.rows, flops=cost, labels=self.pool, label_bits=self.bits)

    def begin(self, cohort: Cohort, context: Context) -> State:
        state, theirs = super().begin(cohort, context), self.descent(context)
        bottleneck, like = self._bottleneck(cohort.member(0)), next(iter(cohort.parameters().values()))
        state["ancestors"][GENES] = bottleneck.conceive(lambda name: theirs.streams(GENES, name), like)
        return state

    def evolve(self, ancestors: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        bottleneck, genome = self._bottleneck(ancestors.member(0)), Weights.of(state[GENES])
        optimiser = self.rebuilt(genome, state["moments"])
        compression = torch.full((ancestors.n,), bottleneck.compression)
        grown = _born(ancestors, bottleneck, genome)
        for batch in self.minibatches(ancestors, state, context):
            slopes, metrics = ancestors.slopes(self.objective, batch)
            torch.autograd.backward(list(grown.values()), [slopes[name] for name in grown])
            optimiser.set_lr(self.rate(state, context))
            optimiser.step()
            grown = _born(ancestors, bottleneck, genome)
            ancestors.updates += 1
            state["done"] += 1
            yield {**metrics, "compression": compression}


def _born(ancestors: Cohort, bottleneck: Bottleneck, genome: Weights) -> Mapping[str, Tensor]:
    """Grow the ancestors' weights and write them: {parameter: (N, *shape)}, with their graph; old slopes are gone."""
    for gene in genome.weights.values():
        gene.grad = None
    grown, weights = bottleneck.grow(genome.weights), ancestors.parameters()
    for name in bottleneck.biases:
        weights[name].zero_()
    for name, value in grown.items():
        weights[name].copy_(value.detach())
    return grown
