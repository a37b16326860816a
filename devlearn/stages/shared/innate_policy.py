"""What stages that give learners a reflex share: the oscillators' keys, and how a newborn comes to act by it alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Head, Needs, Slot
from devlearn.tasks.envs.policy import policy_of, spread_of
from devlearn.tasks.envs.reflex import slot_name
from devlearn.tasks.envs.registration import UnknownEnv, WorldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.tasks.envs import EnvSpec
    from devlearn.tasks.envs.policy import Policy

Each = float | tuple[float, ...]


class Oscillator(BaseModel):
    """Oscillators, one for each output of the actor. A key with one number holds for all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    amplitude: Each = Field(default=0.5, description="of what is wanted")
    offset: Each = Field(default=0.0, description="the middle of what is wanted")
    phase: Each = Field(default=0.0, description="of each output where an episode begins, in rad")
    swing: float = Field(default=2 * math.pi, gt=0, description="rad/s where the sine of the phase is positive")
    stance: float = Field(default=2 * math.pi, gt=0, description="rad/s elsewhere")
    seconds: float = Field(default=0.02, gt=0, description="that a step of the environment takes")
    coupling: float = Field(default=0.0, ge=0, description="1/s, how strongly phases are pulled to their differences")
    convergence: float = Field(default=0.0, ge=0, description="1/s, of the radius to 1; 0: it is 1 from birth on")
    angles: tuple[int, ...] = Field(default=(), description="places of joint angles in an observation; empty: no PD")
    velocities: tuple[int, ...] = Field(default=(), description="places of the joints' velocities; empty: no damping")
    stiffness: float = Field(default=1.0, ge=0, description="of PD")
    damping: float = Field(default=0.0, ge=0, description="of PD")

    def fit(self, outputs: int, numbers: int) -> None:
        """Raises ValueError for lists not as long as an actor has ``outputs``, or places not in an observation."""
        for key in ("amplitude", "offset", "phase", "angles", "velocities"):
            given = getattr(self, key)
            if isinstance(given, tuple) and (given or key in ("amplitude", "offset", "phase")):
                if len(given) != outputs:
                    raise ValueError(f"oscillator.{key} has {len(given)} entries, and the actor has {outputs} outputs")
                if key in ("angles", "velocities") and not all(0 <= place < numbers for place in given):
                    raise ValueError(f"oscillator.{key} names places outside of an observation of {numbers} numbers")
        if self.velocities and not self.angles:
            raise ValueError("oscillator.velocities damp what oscillator.angles hold; give both")

    def fit_to(self, spec: EnvSpec) -> None:
        """``fit`` to an environment. Raises ValueError too where that can't be made: a package may be lacking."""
        try:
            needs, policy = policy_of(spec)
        except (UnknownEnv, WorldError) as error:
            raise ValueError(str(error)) from error
        self.fit(policy.factors.outputs, math.prod(needs.senses[policy.sense].space.shape))

    def numbers(self, outputs: int) -> dict[str, Tensor]:
        """What the buffers of its slot hold, of one learner."""
        each = {key: np.broadcast_to(getattr(self, key), outputs) for key in ("amplitude", "offset", "phase")}
        rates = (self.seconds, self.coupling, self.convergence, self.stiffness, self.damping)
        return {name: torch.tensor(np.array(value)) for name, value in each.items()} | {
            "speeds": torch.tensor((self.swing, self.stance)),
            "rates": torch.tensor(rates),
        }


def needs_for(spec: EnvSpec, slots: Iterable[Slot]) -> Needs:
    """What learners need to act in an environment with reflexes."""
    needs = policy_of(spec)[0]
    gates = {slot.gate: Head(1) for slot in slots if slot.gate}
    return needs | Needs(heads=gates, reflexes={slot_name(slot): slot for slot in slots})


def refuse(brain: nn.Module, heads: Iterable[str], numbers: bool) -> None:
    """Raises ValueError for a brain of which it can't be told what makes a head's output, or how it explores."""
    names = [name for name, _ in brain.named_parameters()]
    for head in heads:
        if not _of_head(names, head):
            raise ValueError(
                f"{type(brain).__name__} has no parameters of a head {head!r} that could be set to zero; name them "
                f"heads.{head}.layer.weight and .bias"
            )
    if numbers and not any(name.endswith(".log_std") for name in names):
        raise ValueError(f"{type(brain).__name__} has no log_std, which 'deviation' sets; leave the key out")


def silence(cohort: Cohort, policy: Policy, gates: Iterable[str], deviation: float | None) -> None:
    """Set the last layer of the actor and of gates to zero, and what a newborn tries beside it to ``deviation``.

    Raises ValueError where outputs are not zero then.
    """
    parameters = cohort.parameters()
    for head in (policy.actor, *gates):
        for name in _of_head(parameters, head):
            parameters[name].zero_()
    if deviation is not None:
        for name in parameters:
            if f".{policy.actor}." in f".{name}" and name.endswith(".log_std"):
                parameters[name].fill_(math.log(deviation))
        for name in _of_head(parameters, spread_of(policy)):
            parameters[name].fill_(math.log(deviation) if name.endswith(".bias") else 0)


def _of_head(names: Iterable[str], head: str) -> list[str]:
    """The parameters of a head, but those that say how it explores."""
    return [name for name in names if f".{head}." in f".{name}" and not name.endswith(".log_std")]


def put_in(cohort: Cohort, slot: Slot, strength: float, numbers: Mapping[str, Tensor]) -> None:
    """Fill a slot of every learner: ``numbers`` are its buffers, of one learner or (N, ..)."""
    name = slot_name(slot)
    for leaf, value in {**numbers, "present": torch.tensor(strength), "gain": torch.ones(1)}.items():
        cohort.buffers[f"reflexes.{name}.{leaf}"].copy_(value)
