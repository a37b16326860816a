"""A network whose forward gives what each of its layers makes of an observation."""

from typing import Any

from torch import Tensor, nn


class Features(nn.Module):
    """A module whose forward is another's ``features``: ``functional_call`` knows no other method."""

    def __init__(self, brain: nn.Module) -> None:
        super().__init__()
        self.brain = brain

    def forward(self, *args: Any) -> tuple[Tensor, ...]:
        return tuple(self.brain.features(*args))  # type: ignore[operator]
