"""Reflexes: small policies that learners are born with, which act in every copy of an environment.

What a reflex says is added to the actor's output, so that what is learned is a residual on top of it. Its numbers are
buffers of the learner (``Slot``, ``Reflex`` in learners/brains); what it is doing (phases, steps, what a script
remembers) is a state of each copy, begins anew with each episode and is part of exact resume.

A script is a function ``controller(observation, memory) -> (action, memory)`` over rows: observations (K, D) as a
learner sees them, float64; memory (K, S), zeros where an episode begins, where its attribute ``memory`` says S (0 by
default); actions (K, A) in the policy's range, [-1, 1] for bounded numbers under ``action_scaling: affine``, or logits
(K, O) for choices. Each row depends on itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from devlearn.lazy import torch
from devlearn.learners.brains.needs import OSCILLATOR, TABLE, Slot
from devlearn.registry import NoPlugin, imported
from devlearn.tasks.envs.actions import random_action
from devlearn.tasks.envs.failures import failures, raised
from devlearn.tasks.envs.oscillators import pull, run, settle
from devlearn.tasks.envs.registration import make
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.learners.cohort import Cohort
    from devlearn.tasks.envs.policy import Policy
    from devlearn.tasks.envs.spec import EnvSpec

Array: TypeAlias = "np.ndarray[Any, Any]"
Controller: TypeAlias = "Callable[[Array, Array], tuple[Array, Array]]"
BIRTH_RADIUS = 0.1  # of an oscillator whose radius has yet to settle
TRIED = 4  # steps that a script is asked about before anything is trained
AWAY = 7919  # rows of a table between the places at which two copies begin: a prime, so that they are all over it


def script(name: str) -> Controller:
    """The controller ``module:function``. Raises ValueError, with the mend, where there is none."""
    if ":" not in name:
        raise ValueError(f"no controller {name!r}; write module:function")
    try:
        found = imported(name)
    except NoPlugin as error:
        raise ValueError(f"no controller: {error}") from error
    if not callable(found):
        raise ValueError(f"{name} is no function; a controller is called with observations and its memory")
    controller: Controller = found
    return controller


def slot_name(slot: Slot) -> str:
    """The name of a slot: equal where, and only where, slots are."""
    told = [
        slot.env,
        slot.controller,
        slot.outputs,
        *slot.angles,
        "v",
        *slot.velocities,
        slot.lags,
        slot.rows,
        slot.gate,
    ]
    return "_".join(re.sub(r"\W", "_", str(part)) for part in told)


@dataclass(frozen=True)
class Reflexes:
    """The reflexes of N learners in E copies of the environment that a policy acts in.

    Attributes:
        acting: their slots by name, of those that any learner was born with.
        state: of each, {name: array (N, E, ...)}.
    """

    cohort: Cohort
    acting: dict[str, Slot]
    state: dict[str, dict[str, Array]]

    @classmethod
    def of(
        cls, cohort: Cohort, policy: Policy, copies: int, state: dict[str, dict[str, Array]] | None = None
    ) -> Reflexes:
        """Those of a cohort where ``policy`` acts. ``state`` continues bit for bit; by default episodes begin now."""
        slots = {
            name: module.slot
            for name, module in slots_of(cohort.model, policy.actor).items()
            if bool(cohort.buffers[f"reflexes.{name}.present"].any())
        }
        if state is None:
            return cls(cohort, slots, {name: begun(slot, cohort.n, copies) for name, slot in slots.items()})
        return cls(cohort, slots, {name: {k: array.copy() for k, array in own.items()} for name, own in state.items()})

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.acting)

    @property
    def gates(self) -> tuple[str, ...]:
        """The head that scales them, if any does."""
        return tuple(dict.fromkeys(slot.gate for slot in self.acting.values() if slot.gate))

    def act(self, observation: Array) -> Tensor:
        """What they say together, (N, E, O), at observations (N, E, ...); their state goes on by a step."""
        seen = observation.reshape(*observation.shape[:2], -1).astype(np.float64)
        total: Array = np.zeros(())
        for name, slot in self.acting.items():
            own = {leaf: self._buffer(name, leaf) for leaf in slot.buffers}
            said = _late(slot, own, self.state[name], output_of(slot, own, self.state[name], seen))
            total = total + (own["present"] * own["gain"])[:, None] * said
        return torch.from_numpy(total).to(self.cohort.device, self.cohort.dtype)

    def foresee(self, observation: Array) -> Tensor:
        """What they would say at observations (N, E, ...), with which their episodes go on; their state stays."""
        state = {name: {leaf: array.copy() for leaf, array in own.items()} for name, own in self.state.items()}
        return replace(self, state=state).act(observation)

    def end(self, ended: Array) -> None:
        """Say whose episode has just ended, (N, E) bool: their reflexes begin anew."""
        if not ended.any():
            return
        for name, slot in self.acting.items():
            for leaf, fresh in begun(slot, *ended.shape).items():
                self.state[name][leaf][ended] = fresh[ended]

    def strengthen(self, gain: float) -> None:
        """Let so much of each act from now on."""
        for name in self.acting:
            self.cohort.buffers[f"reflexes.{name}.gain"].fill_(gain)

    def _buffer(self, name: str, leaf: str) -> Array:
        array: Array = self.cohort.buffers[f"reflexes.{name}.{leaf}"].cpu().numpy()
        return array if array.dtype.kind == "i" else array.astype(np.float64)


def slots_of(brain: Any, actor: str) -> dict[str, Any]:
    """The reflexes of a brain that add to the head ``actor``, by name."""
    return {name: part for name, part in getattr(brain, "reflexes", {}).items() if f"actor_{part.slot.env}" == actor}


@dataclass(frozen=True)
class Inborn:
    """The reflexes by which a learner acts when its stage is planned: those that stages before it have put in."""

    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, brain: Any, actor: str) -> Inborn:
        return cls(tuple(part.slot for part in slots_of(brain, actor).values() if part.acts))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.slots)

    @property
    def gates(self) -> tuple[str, ...]:
        """The head that scales them, if any does."""
        return tuple(dict.fromkeys(slot.gate for slot in self.slots if slot.gate))

    @property
    def flops(self) -> int:
        """FLOPs of what they say at one step of one copy."""
        return sum(map(flops_of, self.slots))


def refuse_gain(brain: Any, actor: str, env: str, random: bool) -> None:
    """Raises ValueError where a trial's key ``reflex`` would do nothing."""
    if random:
        raise ValueError("learners that act at random act by no reflex either; drop random or reflex")
    if not slots_of(brain, actor):
        raise ValueError(f"no stage of this scenario gives a learner a reflex in {env}; add an innate.reflex")


def refuse_reflexes(brain: Any, actor: str, kind: str, why: str, mend: str) -> None:
    """Raises ValueError for a learner that was born with a reflex where a stage can't act by it."""
    if inborn := Inborn.of(brain, actor).slots:
        had = f"{kind} has no way to act by the reflex ({inborn[0].controller}) that an earlier stage gave this learner"
        raise ValueError(f"{had}: {why}; {mend}")


def flops_of(slot: Slot) -> int:
    """FLOPs of what one reflex says at one step of one copy; a script's are somebody's own, and not counted.

    Of each output: strength, gain and the sum over reflexes 3; of an oscillator what is wanted 4, its phase a step on
    15, the pull on it 4 and 3 for each oscillator, its radius 7; PD 2, and its damping 2. A sine, a root, a division
    and a remainder count one each.
    """
    each = 3
    if slot.controller == OSCILLATOR:
        each += 4 + 15 + 4 + 3 * slot.outputs + 7 + 2 * bool(slot.angles) + 2 * bool(slot.velocities)
    return each * slot.outputs


def begun(slot: Slot, n: int, copies: int) -> dict[str, Array]:
    """The state in which an episode begins: arrays (N, E, ...)."""
    each = (n, copies)
    state: dict[str, Array] = {"steps": np.zeros(each, np.int64)}
    if slot.lags:
        state["said"] = np.zeros((*each, slot.lags, slot.outputs))
    if slot.controller == OSCILLATOR:
        state |= {"theta": np.zeros((*each, slot.outputs)), "radius": np.full((*each, slot.outputs), BIRTH_RADIUS)}
    elif slot.controller != TABLE:
        state["memory"] = np.zeros((*each, getattr(script(slot.controller), "memory", 0)))
    return state


def output_of(slot: Slot, own: dict[str, Array], state: dict[str, Array], seen: Array) -> Array:
    """What one reflex says now, (N, E, O); ``state`` goes on by a step."""
    n, copies = seen.shape[:2]
    steps = state["steps"].copy()
    state["steps"] += 1
    if slot.controller == TABLE:
        places = (steps + AWAY * np.arange(copies)) % slot.rows
        rows: Array = own["table"][np.arange(n)[:, None], places]
        return rows
    if slot.controller == OSCILLATOR:
        return _oscillate(slot, own, state, seen)
    kept = state["memory"].reshape(n * copies, -1)
    rows, memory = _asked(slot, seen.reshape(n * copies, -1), kept)
    for what, array, wanted in (("actions", rows, (n * copies, slot.outputs)), ("memory", memory, kept.shape)):
        if np.shape(array) != wanted:
            gave = f"controller {slot.controller} gave {what} of shape {np.shape(array)} for {n * copies} observations"
            raise ValueError(f"{gave}; {slot.env} takes {wanted}")
    state["memory"] = memory.reshape(state["memory"].shape)
    return rows.reshape(n, copies, slot.outputs)


def _asked(slot: Slot, seen: Array, memory: Array) -> tuple[Array, Array]:
    """What a script answers. Raises ValueError, with its name, for what it raises and for what is no pair."""
    try:
        answer = script(slot.controller)(seen, memory)
    except failures() as error:
        raise ValueError(f"controller {slot.controller}: {raised(error)}") from error
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ValueError(f"controller {slot.controller} gave {type(answer).__name__}; return (action, memory)")
    return answer


@cache
def try_script(name: str, spec: EnvSpec) -> None:
    """Ask a script what to do in the first steps of an episode. Raises ValueError where it can't be told."""
    view, controls = view_and_controls(spec)
    slot = Slot(spec.id, controls.factors.outputs, name)
    state, env = begun(slot, 1, 1), make(spec)
    actions = deepcopy(env.action_space)
    actions.seed(0)
    try:
        observation, info = env.reset(seed=0)
        for _ in range(TRIED):
            said = output_of(slot, {}, state, view.read(observation).reshape(1, 1, -1).astype(np.float64))
            if not np.isfinite(said).all():
                raise ValueError(f"controller {name} gave an action that is not finite: {said.ravel().tolist()}")
            observation, _, terminated, truncated, info = env.step(random_action(env, actions, info))
            if terminated or truncated:
                break
    finally:
        env.close()


def _oscillate(slot: Slot, own: dict[str, Array], state: dict[str, Array], seen: Array) -> Array:
    amplitude, offset, phase = (own[leaf][:, None] for leaf in ("amplitude", "offset", "phase"))  # (N, 1, O)
    swing, stance = np.where(own["speeds"] > 0, own["speeds"], 1).T[:, :, None, None]  # learners without stand by
    seconds, coupling, convergence, stiffness, damping = own["rates"].T[:, :, None, None]
    begins = (state["steps"] == 1)[..., None]
    theta = np.where(begins, phase, state["theta"])
    radius = np.where(begins & (convergence == 0), 1.0, state["radius"])
    wanted: Array = amplitude * radius * np.sin(theta) + offset
    state["theta"] = run(theta, swing, stance, seconds) + seconds * coupling * pull(theta, phase)
    state["radius"] = settle(radius, convergence, seconds)
    if not slot.angles:
        return wanted
    torque: Array = stiffness * (wanted - seen[..., slot.angles])
    return torque - damping * seen[..., slot.velocities] if slot.velocities else torque


def _late(slot: Slot, own: dict[str, Array], state: dict[str, Array], said: Array) -> Array:
    """What was said ``lag`` steps ago, output by output; before that, what was said first."""
    if not slot.lags:
        return said
    first = (state["steps"] == 1)[..., None, None]
    past = np.where(first, said[..., None, :], np.concatenate([said[..., None, :], state["said"][..., :-1, :]], -2))
    state["said"] = past
    lag = np.broadcast_to(own["lag"][:, None, None], (*said.shape[:2], 1, slot.outputs))
    result: Array = np.take_along_axis(past, lag, -2)[..., 0, :]
    return result
