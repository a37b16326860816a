"""The control for any prior: keep every layer's weights, destroy their arrangement."""

from collections.abc import Iterator

import torch
from torch import nn

from devlearn.brains.needs import Needs
from devlearn.cohort import Cohort
from devlearn.stage import Context, Metrics, Stage, State, Work, stage


@stage("innate.shuffle", version=2)
class Shuffle(Stage):
    """Permutes the entries of every weight and bias tensor, layer by layer, once.

    All moments of each layer's weights are kept exactly; what the learner knew is gone. Buffers (observation
    statistics) are left alone.

    Deviations:
        None: it is a control of this project, not a published method. A whole tensor is permuted, not row by row, so
        what a single unit receives in total changes too.
    """

    units = ()
    control = "shuffle"
    draws = ("order",)

    def needs(self) -> Needs:
        return Needs()

    def work(self, brain: nn.Module) -> Work:
        return Work()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for name, weights in cohort.parameters().items():
            flat = weights.flatten(1)  # (N, D)
            order = torch.from_numpy(context.streams("order", name).permutation(flat.shape[1])).to(flat.device)
            weights.copy_(flat.gather(1, order).view_as(weights))
        yield {}
