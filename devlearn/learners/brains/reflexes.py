"""Where a learner keeps the reflexes that it is born with: buffers, so that nothing learns them."""

from __future__ import annotations

import torch
from torch import nn

from devlearn.learners.brains.needs import Slot


class Reflex(nn.Module):
    """The buffers of one slot, for ONE learner; all zero, and ``gain`` one, until a stage puts a reflex in.

    ``present`` is how much of the reflex the learner was born with and 0 where it has none, ``gain`` how much of that
    acts now. ``acts`` says, of a network whose FLOPs are counted, whether a reflex was put in by then.
    """

    acts = False

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self.slot = slot
        for name, (shape, integers) in slot.buffers.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.int64 if integers else torch.get_default_dtype()))
        self.register_buffer("gain", torch.ones(1))
