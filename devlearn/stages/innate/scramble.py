"""The control for what an architecture knows about space: every learner's pixels in an order of its own, for life."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import IMAGE, IMAGE_SENSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics

BUFFER = "wiring"


@stage("innate.scramble")
@final
class Scramble(Stage):
    """Permutes the pixels of all images that the learner will ever see, once: in later stages, play and probes.

    Neighbours in the world are no neighbours any more, and nothing else is lost: a network that treats all pixels alike
    (an MLP) is as well off as before, and what a convolution is good for is gone. Weights are left alone. What a
    learner is asked to paint (``pretrain.denoise``) stays in the world's order. A second visit scrambles further.
    """

    role = "control"
    units = ()
    stream_names = (BUFFER,)

    def needs(self) -> Needs:
        return Needs({IMAGE_SENSE: replace(IMAGE, scrambled=True)})

    def cost(self, brain: nn.Module) -> Cost:
        if not any(_is_wiring(name) for name, _ in brain.named_buffers()):
            mend = (
                "give its image sense one, (D,) int64, where sense.scrambled is set: pixel wiring[i] is seen in place i"
            )
            raise ValueError(f"{type(brain).__name__} has no buffer {BUFFER!r}; {mend}")
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        for name, wiring in cohort.buffers.items():
            if _is_wiring(name):  # one in each tower, all alike
                order = torch.from_numpy(context.streams(BUFFER).permutation(wiring.shape[1])).to(wiring.device)
                wiring.copy_(wiring.gather(1, order))  # (N, D)
        yield {}


def _is_wiring(name: str) -> bool:
    return name.rpartition(".")[2] == BUFFER
