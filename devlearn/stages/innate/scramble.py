"""The control for what an architecture knows about space: every learner's pixels in an order of its own, for life."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.fields import SenseOf
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data import source_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics

BUFFER = "wiring"


@stage("innate.scramble")
@final
class Scramble(Stage):
    """Permutes the pixels of all images of one shape that the learner will ever see, once: in later stages and probes.

    Each learner has one permutation of the H x W pixels for life, drawn uniformly. Neighbouring pixels are neighbours
    no more, and nothing else is lost: a network that treats all pixels alike (an MLP) is as well off as before, while a
    convolution has no local structure to use. A colour image's pixels keep their colours. Weights are left alone. The
    image that a learner has to reconstruct (``pretrain.denoise``) stays in the original order. A second visit scrambles
    further. A control, not a published method.
    """

    role = "control"
    units = ()
    stream_names = (BUFFER,)

    sense: SenseOf = "mnist"

    def needs(self) -> Needs:
        seen = source_named(self.sense)
        return Needs({seen.sense_name: replace(seen.sense, scrambled=True)})

    def cost(self, brain: nn.Module) -> Cost:
        if not self._wirings(name for name, _ in brain.named_buffers()):
            mend = (
                "give its image sense one, (D,) int64, where sense.scrambled is set: pixel wiring[i] is seen in place i"
            )
            raise ValueError(f"{type(brain).__name__} has no buffer {BUFFER!r}; {mend}")
        return Cost()

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        height, width, *colours = source_named(self.sense).shape
        for name in self._wirings(cohort.buffers):  # one in each tower, all alike
            wiring = cohort.buffers[name]
            order = torch.from_numpy(context.streams(BUFFER).permutation(height * width)).to(wiring.device)
            for count in colours:
                order = (order.unsqueeze(-1) * count + torch.arange(count, device=order.device)).flatten(1)
            wiring.copy_(wiring.gather(1, order))  # (N, D)
        yield {}

    def _wirings(self, names: Iterable[str]) -> list[str]:
        """The buffers that order the pixels: of the sense, where their names say so, or all."""
        found = [name for name in names if name.rpartition(".")[2] == BUFFER]
        own = f"senses.{source_named(self.sense).sense_name}.{BUFFER}"
        return [name for name in found if name.endswith(own)] or found
