"""Acting: which sense and heads of a brain an environment uses, and what its actions are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from devlearn.learners.brains.needs import Head, Needs, Sense
from devlearn.learners.objectives import Factors
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.spec import EnvSpec


@dataclass(frozen=True)
class Policy:
    """Which sense and heads act, and what an action is made of."""

    sense: str
    actor: str
    critic: str
    factors: Factors


def policy_of(spec: EnvSpec, normalise: bool = False) -> tuple[Needs, Policy]:
    """What acting in an environment needs of a brain, and which of its parts act.

    ``normalise``: everything that is seen but words is scaled by running statistics, entry by entry.
    """
    view, controls = view_and_controls(spec)
    senses = {name: replace(sense, normalise=normalise and _has_scale(sense)) for name, sense in view.senses.items()}
    name, factors = re.sub(r"\W", "_", spec.id), controls.factors
    actor, critic = f"actor_{name}", f"critic_{name}"
    heads = {
        actor: Head(factors.outputs, gain=0.01, gaussian=not factors.discrete),
        critic: Head(1, critic=True),
    }
    return Needs(senses, heads), Policy(view.sense, actor, critic, factors)


def spread_of(policy: Policy) -> str:
    """The head of log standard deviations that depend on what is seen, of stages that ask for one."""
    return policy.actor.replace("actor", "spread", 1)


def _has_scale(sense: Sense) -> bool:
    return not sense.words and not sense.parts
