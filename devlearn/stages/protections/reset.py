"""Some weights are born again when a stage begins."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, final

from pydantic import Field

from devlearn.stages.protections.freeze import matching
from devlearn.stages.protections.protection import Protecting, Protection, Surcharge, protection
from devlearn.stages.shared.weight_rewrite import newborn_weights, rewrite_weights

if TYPE_CHECKING:
    from torch import nn

    from devlearn.stages.stage import Stage


@protection("reset")
@final
class Reset(Protection):
    """Draws some weights anew, as at birth, whenever a stage begins but the first.

    They are those whose qualified names match a pattern, when the second protected stage begins and each after it. It
    protects the ability to learn, and not what was learned. With ``"*"`` it is a new life, which tells what an old one
    is worth. It keeps nothing.

    Source:
        Nikishin et al. 2022, The primacy bias in deep reinforcement learning: its last layers.

    Deviations:
        Once a stage, where the paper resets every so many steps of one task and keeps the replay buffer. The
        optimiser's moments are those that the stage begins with: fresh, unless it says ``optimiser: continue``.
    """

    weights: str = Field(
        "heads.*", description="a shell pattern of qualified names: heads.*, body.trunk.*, or * for all"
    )

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        matching(brain, self.weights)
        return Surcharge()

    def begin(self, at: Protecting) -> None:
        if at.earlier:
            fresh = newborn_weights(at.cohort, at.context)
            chosen = {name: weight for name, weight in fresh.items() if fnmatch.fnmatchcase(name, self.weights)}
            rewrite_weights(at.cohort, chosen)
