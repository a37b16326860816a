"""A reflex: a small policy that a body is born with, in one environment."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, final

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import OSCILLATOR, TABLE, Slot
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import ActionScaling, EnvKwargs, StepTimeout, Vocabulary, Wrappers
from devlearn.stages.shared.innate_policy import Oscillator, needs_for, put_in, refuse, silence
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.acting import allowed
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.reflex import Reflexes, flops_of, script, slot_name, try_script
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs.actions import Controls
    from devlearn.tasks.envs.reflex import Array
    from devlearn.tasks.envs.spec import Scaling


def _exists(name: str) -> str:
    if name != OSCILLATOR:
        script(name)
    return name


@stage("innate.reflex", version=2)
@final
class Reflex(Stage):
    """Gives learners a walking reflex, or another small policy that they act by in one environment from birth on.

    In every later ``trial`` in that environment, and in probes, a learner acts as reflex plus residual: what the reflex
    says, ``strength * gain * (1 + gate) * reflex``, is added to the actor's means of numbers and logits of choices. The
    actor's last layer is set to zero, so that a newborn acts by its reflex alone. Reflexes are buffers: nothing learns
    them. ``gain`` is 1 until a trial stage says otherwise (its key ``reflex``, which ``change`` lets fade, as newborn
    stepping does). With ``gate: learned`` the gate is a read-out of what is seen, 0 at birth; else there is none.

    ``trial.ppo`` and ``trial.sac`` learn on top of it, the latter before its tanh. ``trial.dqn`` and ``imitate.*``
    refuse learners that have one in their environment. FLOPs of oscillators (by a formula), of tables and of the gate
    are on the ledger; those of a script are not counted, as those of environments are not.

    A controller is ``oscillator`` or a script. Oscillators: every output has one, with phase ``theta`` and radius
    ``r``, whose target is ``amplitude * r * sin(theta) + offset``. Phases begin at ``phase`` and run at ``swing`` where
    their sine is positive, at ``stance`` elsewhere; ``coupling`` pulls them towards the differences of ``phase``. Where
    ``angles`` say which numbers of an observation are joint angles, a PD controller gives ``stiffness * (target -
    angle) - damping * velocity``; elsewhere the target is the action. A script is a function of observations and of its
    own memory of each copy, and returns actions (``devlearn/tasks/envs/reflex.py``).

    ``sham`` makes a control. ``phases``: phases are drawn at random, and each output of a script comes late by steps of
    its own: every joint moves as before, their coordination is gone. ``noise``: what the reflex did in ``sham_steps``
    steps, each output's in random order and over and over: its amplitudes, without rhythm or answer to what is felt.
    ``posture``: the mean of it, held for ever. ``absent``: none, behind the same silent actor and exploration.

    Source:
        Silver, Allen, Tenenbaum and Kaelbling (2018), Residual policy learning; Johannink et al. (2019), Residual
        reinforcement learning for robot control. Raffin et al. (2024), An open-loop baseline for reinforcement learning
        locomotion tasks, for oscillators.

    Deviations:
        Raffin et al. have neither radius nor coupling: keep ``convergence`` and ``coupling`` at 0. Silver et al. let
        the critic learn before the residual does; here nothing of the trial stage changes.
    """

    role = "innate"
    units = ()
    stream_names = ("phases", "order", EPISODE)
    controls = ("sham",)

    env: str = Field(description="the Gymnasium id in which it acts")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"
    controller: Annotated[str, AfterValidator(_exists)] = Field(
        OSCILLATOR, description="oscillator, or a script module:function, as devlearn_envs.reflexes:bipedal_walk"
    )
    oscillator: Oscillator = Field(default_factory=Oscillator, description="its keys, for controller: oscillator")
    strength: float = Field(1.0, gt=0, description="how much of it learners are born with")
    gate: Literal["fixed", "learned"] = Field("fixed", description="learned: what is seen comes to scale it")
    deviation: float | None = Field(
        None, gt=0, description="standard deviation of the numbers that a newborn tries; empty: 1, as the brain has it"
    )
    sham: Literal["none", "phases", "noise", "posture", "absent"] = Field(
        "none",
        description="a control: phases or lags at random, noise of its amplitudes, its mean posture, or none of it",
    )
    lags: int = Field(32, ge=2, description="of sham: phases: outputs of a script come late by less than so many steps")
    sham_steps: int = Field(500, ge=1, description="of sham: noise and posture: recorded steps in each copy")
    num_envs: int = Field(4, ge=1, description="of sham: noise and posture: copies that are recorded")

    @model_validator(mode="after")
    def _fits(self) -> Reflex:
        if self.controller == OSCILLATOR:
            self.oscillator.fit_to(self.env_spec)
        elif self.oscillator != Oscillator():
            raise ValueError("'oscillator' says what controller: oscillator does, and a script is asked for; drop one")
        return self

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    def slots(self) -> tuple[Slot, Slot]:
        """Of the reflex itself, and of what learners are born with; one and the same where it is no sham."""
        policy = policy_of(self.env_spec)[1]
        env = policy.actor.removeprefix("actor_")
        pd = self.controller == OSCILLATOR
        own = Slot(
            env,
            policy.factors.outputs,
            self.controller,
            angles=self.oscillator.angles if pd else (),
            velocities=self.oscillator.velocities if pd else (),
            gate=f"gate_{env}" if self.gate == "learned" else "",
        )
        if self.sham == "phases" and not pd:
            return own, replace(own, lags=self.lags)
        if self.sham in ("noise", "posture"):
            rows = self.sham_steps * self.num_envs if self.sham == "noise" else 1
            return own, Slot(env, own.outputs, TABLE, rows=rows, gate=own.gate)
        return own, own

    def needs(self) -> Needs:
        if self.controller != OSCILLATOR:
            try_script(self.controller, self.env_spec)
        return needs_for(self.env_spec, self.slots())

    def cost(self, brain: nn.Module) -> Cost:
        policy, born = policy_of(self.env_spec)[1], self.slots()[1]
        heads = (policy.actor, born.gate) if born.gate else (policy.actor,)
        refuse(brain, heads, numbers=self.deviation is not None)
        recorded = self.sham_steps * self.num_envs if born.controller == TABLE else 0
        return Cost(env_steps=recorded, flops=recorded * flops_of(self.slots()[0]))

    def reflexes(self) -> tuple[str, ...]:
        return () if self.sham == "absent" else (slot_name(self.slots()[1]),)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        policy, (own, born) = policy_of(self.env_spec)[1], self.slots()
        silence(cohort, policy, (born.gate,) if born.gate else (), self.deviation)
        if self.sham != "absent":
            put_in(cohort, born, self.strength, self._numbers(cohort, context, own, born))
        yield {}

    def _numbers(self, cohort: Cohort, context: Context, own: Slot, born: Slot) -> dict[str, Tensor]:
        """What the slot that learners are born with holds."""
        numbers = self.oscillator.numbers(own.outputs) if self.controller == OSCILLATOR else {}
        if born.controller == TABLE:
            done = self._record(cohort, context, own, numbers)  # (N, R, O)
            if self.sham == "posture":
                return {"table": torch.from_numpy(done.mean(1, keepdims=True))}
            order = np.stack([context.streams("order", str(k)).permutation(born.rows) for k in range(own.outputs)], -1)
            return {"table": torch.from_numpy(np.take_along_axis(done, order, 1))}
        if self.sham == "phases" and self.controller == OSCILLATOR:
            return numbers | {"phase": torch.from_numpy(context.streams("phases").random(own.outputs)) * 2 * math.pi}
        if self.sham == "phases":
            return {"lag": torch.from_numpy(context.streams("phases").integers(self.lags, own.outputs))}
        return numbers

    def _record(self, cohort: Cohort, context: Context, own: Slot, numbers: dict[str, Tensor]) -> Array:
        """What learners with the reflex itself do: outputs (N, R, O), within the bounds that actions have."""
        policy, name, done = policy_of(self.env_spec)[1], slot_name(own), []
        put_in(cohort, own, 1.0, numbers)
        world = context.world(self.env_spec, self.num_envs)
        reflexes = replace(Reflexes.of(cohort, policy, self.num_envs), acting={name: own})
        silent = torch.zeros(cohort.n, self.num_envs, own.outputs * (1 if policy.factors.discrete else 2))
        controls = view_and_controls(self.env_spec)[1]
        try:
            for _ in range(self.sham_steps):
                said = reflexes.act(world.observation).cpu()
                moved = policy.factors.moved(silent.to(said), said)
                action = policy.factors.greedy(moved, allowed(world, moved.device)).numpy()
                done.append(said.numpy() if policy.factors.choices else _bounded(action, controls, self.action_scaling))
                step = world.step(action)
                reflexes.end(step.terminated | step.truncated)
        finally:
            world.close()
        cohort.buffers[f"reflexes.{name}.present"].zero_()
        return np.stack(done, 1).reshape(cohort.n, -1, own.outputs)


def _bounded(actions: Array, controls: Controls, scaling: Scaling) -> Array:
    """Numbers (N, E, A) of a policy as the environment has them, which bounds cut, in the policy's range again."""
    rows = controls.unscaled(controls.clean(actions.reshape(-1, actions.shape[-1]), scaling), scaling)
    return rows.reshape(actions.shape)
