"""How errors travel back: by the weights, or by fixed random feedback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from devlearn.learners.brains import fed_back
from devlearn.learners.objectives.objective import Batch, Objective

if TYPE_CHECKING:
    from torch import Tensor, nn

Rule = Literal["backprop", "feedback_alignment"]


@dataclass(frozen=True)
class FeedbackAlignment:
    """Another objective, whose errors travel back by fixed random feedback in every layer behind the first.

    Loss and metrics are the other's. Source: Lillicrap et al. (2016), Random synaptic feedback weights support error
    backpropagation for deep learning. Their feedback is drawn uniformly, at a scale of its own; here as the weights.
    """

    other: Objective
    compiles: ClassVar[bool] = False  # the rule is on while the other runs, which torch can't follow

    @property
    def stacks(self) -> bool:
        return getattr(self.other, "stacks", False)

    def __call__(self, brain: Any, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        from devlearn.learners.brains.layers import feedback

        with feedback():
            return self.other(brain, batch)


def learned_by(rule: Rule, objective: Objective) -> Objective:
    """The objective as the rule learns it."""
    return objective if rule == "backprop" else FeedbackAlignment(objective)


def check_rule(rule: Rule, brain: nn.Module) -> None:
    """Raises ValueError, with the mend, for a brain that can't learn by the rule."""
    if rule == "feedback_alignment" and not fed_back(name for name, _ in brain.named_buffers()):
        mend = "where needs.feedback is set, build the layers behind the first as Linear(.., fed_back=True)"
        raise ValueError(f"{type(brain).__name__} has no buffer 'feedback' for rule: feedback_alignment; {mend}")
