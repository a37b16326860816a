"""Play: soft actor-critic in any Gymnasium environment whose actions are numbers between bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from gymnasium import spaces as kinds
from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs, Part, Sense
from devlearn.learners.objectives import Factors, SoftPolicy, TemporalDifference, soft_targets, temperature_slope
from devlearn.learners.optimiser import Optimiser, Weights
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import ActsRandomly, AdamRate, EnvKwargs, ReflexGain, StepTimeout, Vocabulary, Wrappers
from devlearn.stages.shared.lessons import (
    LESSON_METRICS,
    TEACHER,
    Curriculum,
    LessonsKey,
    TeacherKey,
    happened,
    order_given,
)
from devlearn.stages.shared.off_policy import OffPolicy, refuse_memory, weights_bytes
from devlearn.stages.shared.random_control import live_randomly
from devlearn.stages.shared.twin_critics import COPIES, TwinCritics
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.actions import EDGE, UNBOUNDED
from devlearn.tasks.envs.policy import policy_of, spread_of
from devlearn.tasks.envs.reflex import Inborn, Reflexes, refuse_gain
from devlearn.tasks.envs.replay import Replay, replay_bytes
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.scenario.controls import Control
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Happening, Metrics
    from devlearn.tasks.envs.replay import Act

SAC_METRICS = ("loss", "critic_loss", "q_value", "entropy", "temperature")


@dataclass(frozen=True)
class Parts:
    """Which parts of a brain act, and by which critics judge: ``judged`` is the sense of what was seen and done."""

    policy: SoftPolicy
    critic: TemporalDifference
    factors: Factors
    space: kinds.Box


@stage("trial.sac")
@final
class SAC(Stage):
    """Soft actor-critic (Haarnoja et al. 2018): a policy of numbers between bounds, learned from a replay.

    One yield is ``rollout`` steps in each of ``num_envs`` environments and ``gradient_steps`` updates, whose metrics
    are means; the first one is ``learning_starts`` steps at random, evenly between the bounds, without updates. The
    action is ``tanh u``, scaled to the bounds, where u is Gaussian: its means are the environment's actor, so a probe
    ``return`` with ``action_scaling: squash`` does what is likeliest; its log standard deviations are a head of their
    own, in [-20, 2]. Two critics estimate the value of an action: networks of the brain's kind and width that exist in
    this stage alone, each initialised by itself. The smaller of their values counts. The temperature, the weight of
    entropy in the loss, is learned so that the policy's entropy is ``target_entropy``. Nothing follows where an episode
    terminated; a truncated one is bootstrapped from its last observation.

    A learner that was born with a reflex in this environment (``innate.reflex``) learns a residual on top of it: its
    means, before tanh, are added to what the reflex says. The steps at random at first are without it.

    With ``lessons`` the environment's keyword arguments change from one episode to the next, as a ``teacher`` says, for
    each learner by itself, as in ``trial.ppo``; the replay keeps what was lived in any.

    With ``random`` it acts without learning, its u standard normal: metrics of learning are nan.

    Metrics:
        return: mean undiscounted return of the last 100 completed training episodes
        length: mean length of the last 100 completed training episodes, in steps
        loss: mean of ``temperature log p(a) - min_k Q_k(o, a)`` over minibatches, a drawn anew
        critic_loss: mean of ``(Q_k(o, a) - y)^2`` over minibatches and both critics
        q_value: mean of ``Q_k(o, a)`` over these
        entropy: mean of ``-log p(a)``, in nats, of actions in (-1, 1)
        temperature: after the last update
        lesson: mean over copies of which lesson they are in, by its number, 0 the first, or by its place in the ranges,
            from 0 to 1; with ``lessons`` alone
        giver_env_steps: with the teacher ``replay``, what the life of who had these lessons had consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Haarnoja, Zhou, Abbeel and Levine (2018), Soft actor-critic; Haarnoja et al. (2018), Soft actor-critic
        algorithms and applications, for the temperature; Fujimoto, van Hoof and Meger (2018), for twin critics.

    Deviations:
        The details of stable-baselines3: one learning rate for policy, critics and temperature, whose logarithm is
        followed; Adam, every update moves all three. Squared errors of critics are not halved, which Adam's steps do
        not see. Critics see neither the phase nor the memory of a reflex.
    """

    role = "trial"
    units = ("env_steps", "updates", "flops")
    metrics = ("return", "length", *SAC_METRICS, *LESSON_METRICS)
    controls = ("order",)
    stream_names = ("rollout", "replay", "policy", "critics", TEACHER, EPISODE)
    immutable_keys = (
        "env",
        "env_kwargs",
        "wrappers",
        "num_envs",
        "vocabulary",
        "capacity",
        "learning_starts",
        "random",
        "lessons",
        "teacher",
    )

    env: str = Field(description="a Gymnasium id whose actions are numbers between bounds")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    num_envs: int = Field(1, ge=1, description="environments of each learner")
    rollout: int = Field(1, ge=1, description="steps in each environment between updates")
    gradient_steps: int = Field(1, ge=1, description="updates after them")
    batch: int = Field(256, ge=1, description="steps from the replay an update")
    capacity: int = Field(1_000_000, ge=1, description="steps of each learner that the replay keeps, the latest")
    learning_starts: int = Field(100, ge=0, description="env_steps of each learner before the first update")
    lr: AdamRate = 3e-4
    gamma: float = Field(0.99, ge=0, le=1, description="discount")
    tau: float = Field(0.005, gt=0, le=1, description="share by which the target critics follow after an update")
    target_entropy: float | None = Field(
        None, description="entropy in nats that the policy is held to; empty: -1 for each number of an action"
    )
    vocabulary: Vocabulary = None
    action_scaling: Literal["squash"] = Field("squash", description="how numbers become actions: by tanh")
    random: ActsRandomly = False
    reflex: ReflexGain = None
    lessons: LessonsKey = None
    teacher: TeacherKey = None

    @model_validator(mode="after")
    def _learns_at_all(self) -> SAC:
        self._life.check_budget(self.env_steps, self.random)
        self.curriculum.refuse(self.random)
        return self

    @property
    def curriculum(self) -> Curriculum:
        """Its lessons, and who teaches them."""
        return Curriculum(self.lessons, self.teacher)

    def columns(self) -> tuple[str, ...]:
        return ("return", "length", *SAC_METRICS, *self.curriculum.metrics)

    def needed_controls(self) -> tuple[Control, ...]:
        return self.curriculum.controls

    def environments(self) -> tuple[EnvSpec, ...]:
        return self.curriculum.environments(self.env_spec)

    def happened(self, state: State) -> Iterable[Happening]:
        return happened(state)

    def gives(self, state: State) -> dict[str, Tensor]:
        return order_given(state)

    @property
    def _life(self) -> OffPolicy:
        return OffPolicy(self.num_envs, self.rollout, self.gradient_steps, self.learning_starts)

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    def _parts(self) -> tuple[Needs, Parts]:
        """Raises ValueError for an environment whose actions are not numbers with bounds alone."""
        own, policy = policy_of(self.env_spec)
        controls, count = view_and_controls(self.env_spec)[1], policy.factors.numbers
        takes = f"and {self.env} takes {controls}"
        if policy.factors.choices:
            mend = "use trial.dqn for one choice, trial.ppo for any; or wrap it so that its actions are a Box"
            raise ValueError(f"{self.kind} learns numbers, {takes}; {mend}")
        assert isinstance(controls.space, kinds.Box)
        if not (np.abs([controls.space.low, controls.space.high]) < UNBOUNDED).all():
            mend = "wrap it so that its Box has them, or use trial.ppo"
            raise ValueError(f"{self.kind} learns numbers between bounds, {takes} without; {mend}")
        name, sense = re.sub(r"\W", "_", self.env), own.senses[policy.sense]
        did, judged, size = f"did_{name}", f"did_and_saw_{name}", int(np.prod(sense.space.shape))
        seen = sense.parts or (Part(policy.sense, 0, sense.space.shape),)
        both = Sense(_box(size + count), parts=(*seen, Part(did, size, (count,))))
        spread, worth = spread_of(policy), f"worth_{name}"
        heads = {policy.actor: own.heads[policy.actor], spread: Head(count, gain=0.01), worth: Head(1, gain=1.0)}
        needs = Needs({**own.senses, did: Sense(_box(count)), judged: both}, heads)
        parts = SoftPolicy(policy.sense, policy.actor, spread), TemporalDifference(judged, worth)
        return needs, Parts(*parts, policy.factors, sense.space)

    def needs(self) -> Needs:
        self.curriculum.check(self.env_spec)
        return self._parts()[0]

    def follows_budget(self) -> bool:
        return not self.random and self.curriculum.follows_budget

    def cost(self, brain: nn.Module) -> Cost:
        parts = self._parts()[1]
        if self.reflex is not None:
            refuse_gain(brain, parts.policy.actor, self.env, self.random)
        if self.random:
            return Cost(env_steps=self.num_envs * self.rollout)
        refuse_memory(self.kind, brain)
        inborn = Inborn.of(brain, parts.policy.actor)
        parts = _with_gate(parts, inborn.gates)
        space, count, size = parts.space, parts.factors.numbers, self.batch
        seen = torch.uint8 if space.dtype == "uint8" else torch.float32
        rows = {"observations": ((size, *space.shape), seen)}
        pairs = {"observations": ((size, int(np.prod(space.shape)) + count), torch.float32)}
        targets = {"targets": ((size,), torch.float32)}
        drawn = {name: ((size, count), torch.float32) for name in ("noise", "slopes", *["reflex"] * bool(inborn))}
        judged = {"values": ((size,), torch.float32), "temperature": ((), torch.float32)}
        heads = parts.policy.heads
        looked = flops.blank_batch({"x": ((self.num_envs, *space.shape), seen)})["x"]
        act = flops.forward(brain, looked, parts.policy.sense, heads) + 2 * inborn.flops * self.num_envs  # now and next
        again = flops.forward(brain, flops.blank_batch(rows)["observations"], parts.policy.sense, heads)
        critic, told = parts.critic, flops.blank_batch(pairs)["observations"]
        judge = flops.forward(brain, told, critic.sense, critic.head)
        learn = 2 * again + flops.update(brain, parts.policy, {**rows, **drawn, **judged})
        # of each twin: its target's value, a step, and its value with the slope along what is done
        learn += 2 * (judge + flops.update(brain, critic, {**pairs, **targets}) + 2 * judge)
        memory = replay_bytes(space, parts.factors, self.capacity, self.num_envs, bool(inborn))
        memory += COPIES * weights_bytes(brain)
        memory += self.curriculum.bytes
        return self._life.cost(act, learn, memory)

    def begin(self, cohort: Cohort, context: Context) -> State:
        temperature = torch.zeros(cohort.n, 1, dtype=cohort.dtype, device=cohort.device)  # its logarithm
        moments: dict[str, Any] = {"moments": {}, "critic_moments": {}, "temperature_moments": {}}
        kept = dict.fromkeys(("world", "replay", "critics", "target", "reflexes"))
        taught = self.curriculum.begin()
        return {"done": 0, **moments, **kept, "temperature": temperature, **taught}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        if self.random:
            factors = self._parts()[1].factors
            return live_randomly(state, context, self.env_spec, factors, self.num_envs, self.rollout, SAC_METRICS)
        return self._play(cohort, state, context)

    def _play(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Act and learn."""
        parts, life = self._parts()[1], self._life
        course = self.curriculum.course(context, self.num_envs, state)
        world = context.world(self.env_spec, self.num_envs, state["world"], lessons=course.lessons)
        policy, going_on = policy_of(self.env_spec)[1], None if world.restarted else state.get("reflexes")
        reflexes = Reflexes.of(cohort, policy, self.num_envs, going_on)
        if self.reflex is not None:
            reflexes.strengthen(self.reflex)
        parts = _with_gate(parts, reflexes.gates)
        replay = Replay(world, parts.factors, self.capacity, cohort.device, state["replay"], reflexes=reflexes)
        learner = _Learner(self, parts, cohort, state, context)
        try:
            while True:
                done = state["done"]
                course.at(life.env_steps(done) / life.env_steps(context.planned))
                fills = life.fills(done)
                act = self._at_random(context, done) if fills else self._act(cohort, parts, replay, context, done)
                replay.live(act, life.length(done))
                learned = dict.fromkeys(SAC_METRICS, torch.full((cohort.n,), torch.nan))
                if not fills:
                    learned = learner.learn(replay, context, done)
                state["done"] += 1
                returns, lengths, _ = world.completed
                lived = {"return": torch.from_numpy(returns), "length": torch.from_numpy(lengths)}
                yield {**lived, **learned, **course.tell(state)}
        finally:
            state |= {"world": world.state(), "replay": replay.state(), "reflexes": reflexes.state}
            state |= {**learner.critics.state(), **course.state()}
            world.close()

    def _at_random(self, context: Context, done: int) -> Act:
        """Evenly between the bounds."""
        shape = (self._life.length(done), self.num_envs, self._parts()[1].factors.numbers)
        # in double precision: a vectorised atanh rounds by the place that a number has among others
        drawn = torch.from_numpy(context.streams("rollout", counter=done).random(*shape)).double()  # (N, T, E, A)
        numbers = (2 * drawn - 1).clamp(-1 + EDGE, 1 - EDGE).atanh()
        return lambda observation, mask, t: numbers[:, t].to(observation.device)

    def _act(self, cohort: Cohort, parts: Parts, replay: Replay, context: Context, done: int) -> Act:
        noise = parts.factors.noise(context.streams("rollout", counter=done), self.rollout, self.num_envs)

        def act(observation: Tensor, mask: Tensor | None, t: int) -> Tensor:
            with torch.no_grad():
                return parts.policy.act(cohort, observation, noise[:, t].to(observation.device), replay.said)[0]

        return act


class _Learner:
    """Policy, critics and temperature of N learners, and how they learn from a replay."""

    def __init__(self, stage: SAC, parts: Parts, cohort: Cohort, state: State, context: Context) -> None:
        self.stage, self.parts, self.cohort = stage, parts, cohort
        self.critics = TwinCritics(parts.critic, cohort, state, context, stage.lr)
        self.temperature = Weights.of({"log": state["temperature"]})  # (N, 1)
        self.optimiser = Optimiser(cohort, state["moments"], "adam", stage.lr)
        self.temperature_optimiser = Optimiser(self.temperature, state["temperature_moments"], "adam", stage.lr)

    def learn(self, replay: Replay, context: Context, done: int) -> dict[str, Tensor]:
        """The updates of one yield; the mean of their metrics."""
        steps, size = self.stage.gradient_steps, self.stage.batch
        draws = context.streams("replay", counter=done)
        noise = self.parts.factors.noise(context.streams("policy", counter=done), steps, 2, size)  # (N, U, 2, B, A)
        found = [
            self._update(replay.sample(draws, size, 1, self.stage.gamma), noise[:, k].to(self.cohort.device))
            for k in range(steps)
        ]
        return {name: torch.stack([each[name] for each in found]).mean(0).cpu() for name in SAC_METRICS}

    def _update(self, batch: dict[str, Tensor], noise: Tensor) -> dict[str, Tensor]:
        """One update of temperature, critics, policy and targets, in this order; noise (N, 2, B, A)."""
        policy, critics, stage = self.parts.policy, self.critics, self.stage
        log = self.temperature.weights["log"]
        temperature = log.detach().exp().squeeze(-1)  # (N,)
        with torch.no_grad():
            done, log_p = policy.act(self.cohort, batch["observations"], noise[:, 0], batch.get("reflex"))
            seen, said = batch["next_observations"], batch.get("next_reflex")
            following, its_log_p = policy.act(self.cohort, seen, noise[:, 1], said)
            values = critics.values(seen, following.tanh(), targets=True)
            targets = soft_targets(batch, values, its_log_p, temperature)  # (N, B)

        entropy = -float(self.parts.factors.numbers) if stage.target_entropy is None else stage.target_entropy
        log.grad = temperature_slope(log_p, entropy).unsqueeze(-1)
        self.temperature_optimiser.step()

        done_then = batch["actions"].to(self.cohort.dtype).tanh()
        judged = critics.update(batch["observations"], done_then, targets)

        own = done.tanh().requires_grad_()
        least = critics.values(batch["observations"], own).min(-2).values  # (N, B)
        (slopes,) = torch.autograd.grad(least.sum(), own)
        told = {"observations": batch["observations"], "noise": noise[:, 0], "slopes": slopes}
        told |= {"values": least.detach(), "temperature": temperature}
        told |= {name: batch[name] for name in ("reflex",) if name in batch}
        metrics = self.cohort.update(policy, told, self.optimiser)
        critics.follow(stage.tau)
        found = {"critic_loss": judged["loss"], "q_value": judged["q_value"]}
        return {**metrics, **found, "temperature": log.detach().exp().squeeze(-1)}


def _with_gate(parts: Parts, gates: tuple[str, ...]) -> Parts:
    """They with the head that scales what a reflex says, if any does."""
    return replace(parts, policy=replace(parts.policy, gate=next(iter(gates), None)))


def _box(size: int) -> kinds.Box:
    return kinds.Box(-np.inf, np.inf, (size,), np.float32)
