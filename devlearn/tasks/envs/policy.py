"""Acting: which sense and heads of a brain an environment uses, and how actions are drawn from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gymnasium import spaces

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs, Sense, sense_name
from devlearn.streams import Streams
from devlearn.tasks.envs import spaces as spaces_of
from devlearn.tasks.envs.spec import EnvSpec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Policy:
    """Which sense and heads act, and how: ``discrete`` actions are sampled, others are Gaussian."""

    sense: str
    actor: str
    critic: str
    discrete: bool
    actions: int

    def noise(self, streams: Streams, *shape: int) -> Tensor:
        """The randomness of sampled actions, (N, *shape, actions): Gumbel or normal."""
        if self.discrete:
            return torch.from_numpy(streams.exponential(*shape, self.actions)).log_().neg_()
        return torch.from_numpy(streams.normal(*shape, self.actions))

    def sample(self, parameters: Tensor, noise: Tensor) -> Tensor:
        """Actions from the actor's output (N, E, .) and noise (N, E, A): (N, E) int64 or (N, E, A)."""
        if self.discrete:
            return (parameters + noise).argmax(-1)
        mean, log_std = parameters.chunk(2, -1)
        return mean + log_std.exp() * noise

    def greedy(self, parameters: Tensor) -> Tensor:
        """The likeliest actions."""
        return parameters.argmax(-1) if self.discrete else parameters.chunk(2, -1)[0]


def policy_of(spec: EnvSpec) -> tuple[Needs, Policy]:
    """What acting in an environment needs of a brain, and which of its parts act."""
    observation, action = spaces_of(spec)
    sense, name = sense_name(observation, spec.id), re.sub(r"\W", "_", spec.id)
    actor, critic = f"actor_{name}", f"critic_{name}"
    discrete = isinstance(action, spaces.Discrete)
    size = int(action.n) if isinstance(action, spaces.Discrete) else int(action.shape[0])
    heads = {actor: Head(size, gain=0.01, gaussian=not discrete), critic: Head(1, critic=True)}
    return Needs({sense: Sense(observation)}, heads), Policy(sense, actor, critic, discrete, size)
