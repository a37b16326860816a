"""What a cohort remembers of the episodes that it is in. Brains without memory take the same path and pay nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devlearn.lazy import torch
from devlearn.learners.cohort import Cohort

if TYPE_CHECKING:
    from torch import Tensor


class Memory:
    """The hidden state of N learners in E copies each, carried from step to step.

    Args:
        cohort: whose memory it is.
        copies: E.
        state: what ``state()`` returned, to continue bit for bit; by default every episode begins now.

    Attributes:
        hidden: (N, E, H); H is 0 for brains without memory.
        starts: (N, E) bool, where an episode begins at the next observation and memory is emptied before it.
    """

    def __init__(self, cohort: Cohort, copies: int, state: dict[str, Tensor] | None = None) -> None:
        self.cohort = cohort
        if state is None:
            hidden = torch.zeros(cohort.n, copies, cohort.memory_size, dtype=cohort.dtype, device=cohort.device)
            state = {"hidden": hidden, "starts": torch.ones(cohort.n, copies, dtype=torch.bool, device=cohort.device)}
        self.hidden, self.starts = state["hidden"], state["starts"]

    def __bool__(self) -> bool:
        """Whether the brains remember at all."""
        return self.cohort.memory_size > 0

    def look(self, observation: Tensor, sense: str, head: str | tuple[str, ...]) -> Any:
        """Outputs (N, E, head size) for observations (N, E, ...), which are remembered."""
        outputs, self.hidden = self._step(observation, self.hidden, self.starts, sense, head)
        return outputs

    def peek(self, observation: Tensor, sense: str, head: str, hidden: Tensor | None = None) -> Tensor:
        """Outputs (N, K, head size) for observations (N, K, ...), which are not remembered.

        They follow on ``hidden`` (N, K, H); by default they are what ``look`` would see next.
        """
        if hidden is None:
            hidden, starts = self.hidden, self.starts
        else:
            starts = torch.zeros(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        outputs: Tensor = self._step(observation, hidden, starts, sense, head)[0]
        return outputs

    def end(self, ended: Tensor) -> None:
        """Say whose episode has just ended, (N, E) bool."""
        self.starts = ended.to(self.starts.device)

    def state(self) -> dict[str, Tensor]:
        """All that a resume needs."""
        return {"hidden": self.hidden, "starts": self.starts}

    def _step(self, observation: Tensor, hidden: Tensor, starts: Tensor, sense: str, head: Any) -> tuple[Any, Tensor]:
        if not self:
            return self.cohort(observation, sense, head), hidden
        return self.cohort.forward_sequence(observation.unsqueeze(2), hidden, starts.unsqueeze(2), sense, head)
