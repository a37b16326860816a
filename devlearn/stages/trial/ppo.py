"""Play: proximal policy optimisation in any Gymnasium environment."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs, Sense, memory_bytes, memory_size, split_observation
from devlearn.learners.objectives import ClippedSurrogate
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.running_moments import merge_moments
from devlearn.learners.schedule import factor
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import (
    ActionScaling,
    ActsRandomly,
    AdamRate,
    EnvKwargs,
    RateSchedule,
    ReflexGain,
    StepTimeout,
    Vocabulary,
    Wrappers,
)
from devlearn.stages.shared.apprenticeship import given_metrics
from devlearn.stages.shared.intrinsic import CURIOSITY_METRICS, SHAM, STREAM, Curiosity, Intrinsic
from devlearn.stages.shared.lessons import (
    LESSON_METRICS,
    TEACHER,
    Curriculum,
    LessonsKey,
    TeacherKey,
    happened,
    order_given,
)
from devlearn.stages.shared.random_control import live_randomly
from devlearn.stages.shared.yoking import StreamOf, Yoke, left, stream_given
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.acting import Acting
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.reflex import Inborn, refuse_gain
from devlearn.tasks.envs.rollout import collect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.scenario.controls import Control
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Happening, Metrics
    from devlearn.tasks.envs.policy import Policy

PPO_METRICS = ("loss", "policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction")


@stage("trial.ppo")
@final
class PPO(Stage):
    """Proximal policy optimisation (Schulman et al. 2017) with generalised advantage estimation.

    One yield is one rollout with its updates; its metrics are means over these updates. Brains with memory learn whole
    sequences: a minibatch is some environments' rollouts, unrolled from what was remembered. A truncated episode is
    bootstrapped from the value of its last observation, a terminated one is not. ``rho`` is the probability (or
    density) of an action over that at the time of acting, ``A`` the advantage, ``R = A + V_old`` the target of V.

    An action may have several factors (choices and numbers); log-probabilities and entropies are sums over them. Where
    an environment says which actions are allowed, the others have probability zero. A learner that was born with a
    reflex in this environment (``innate.reflex``) learns a residual on top of it: the actor's logits and means are
    added to what the reflex says.

    With ``intrinsic`` learners are curious: novelty earns a bonus that is added to the environment's rewards. The
    metric ``return`` stays the environment's. A claim about curiosity needs its sham, the same bonuses in random order.

    With ``lessons`` the environment's keyword arguments change from one episode to the next, as a ``teacher`` says, for
    each learner by itself; every change is in events.csv. A claim that an order helped needs one in which the order
    means nothing, the teacher random or growing.

    With ``of`` a learner is yoked: it goes through the episodes of another arm's learner of its seed, in which that
    one's actions are done again, and gives answers of its own where the environment asks for them. Where it answers
    nothing, the other's action is the only one allowed, so the policy has no gradient from it; what follows is observed
    and valued. Keyword arguments that change observations alone may differ: so one may know which action was done
    (``efference``) and another not. It needs an environment that says which actions are answers, as
    ``devlearn/ThreeStories-v0``.

    With ``random`` it acts without learning: metrics of learning are nan.

    Metrics:
        return: mean undiscounted return of the last 100 completed training episodes
        length: mean length of the last 100 completed training episodes, in steps
        loss: ``policy_loss - entropy_weight * entropy + value_weight * value_loss`` (keys ``entropy`` and ``value``)
        policy_loss: mean of ``max(-A rho, -A clamp(rho, 1 - clip, 1 + clip))``, eq. 7 of the paper negated
        value_loss: half the mean of ``(V - R)^2``, or of the larger of it and
            ``(V_old + clamp(V - V_old, -clip, clip) - R)^2`` with ``clip_values``
        entropy: mean entropy of the policy in nats
        approx_kl: mean of ``rho - 1 - log rho``, an estimate of the divergence from the policy that acted
        clip_fraction: share of actions with ``|rho - 1| > clip``
        bonus: standard deviation over steps of what was added to rewards, whose mean is 0; with ``intrinsic`` alone, as
            the next
        novelty: mean over steps of the bonus before it was centred and scaled, in the unit of its kind
        lesson: mean over copies of which lesson they are in, by its number, 0 the first, or by its place in the ranges,
            from 0 to 1; with ``lessons`` alone
        giver_env_steps: with ``of``, or the teacher ``replay``, what the life of who acted, or had these lessons, had
            consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Schulman, Wolski, Dhariwal, Radford and Klimov (2017), Proximal policy optimization algorithms; Schulman et al.
        (2016) for generalised advantage estimation; Schulman (2020), Approximating KL divergence, for ``approx_kl``.
        Of curiosity: Burda et al. (2018), Exploration by random network distillation (``rnd``); Pathak et al. (2017),
        Curiosity-driven exploration by self-supervised prediction (``icm``); Kim et al. (2020), Active world model
        learning with progress curiosity (``progress``); Tang et al. (2017), #Exploration (``count``). Of teachers:
        Portelas et al. (2019), Teacher algorithms for curriculum learning of Deep RL in continuously parameterized
        environments (``progress``); Wu et al. (2021), When do curricula work? (``growing``). Of the yoked: Held and
        Hein (1963), Movement-produced stimulation in the development of visually guided behavior.

    Deviations:
        The details of CleanRL's ppo.py, not of the paper's appendix: advantages normalised per minibatch, clipped value
        loss, orthogonal heads where the brain asks for it, Adam with eps 1e-5, the gradient's norm bounded. Unlike
        CleanRL, a truncated episode is not treated as terminated. Observation statistics are merged after a rollout's
        updates, so that a rollout is acted and learned under one scale. Bonuses and rewards have one critic and one
        discount, and end with an episode; so bonuses are centred (Burda et al. have two critics, and bonuses that go
        on). Models of curiosity read the observation as a flat vector, without convolutions.
    """

    role = "trial"
    units = ("env_steps", "updates", "flops")
    metrics = ("return", "length", *PPO_METRICS, *CURIOSITY_METRICS, *LESSON_METRICS)
    controls = ("sham", "order")
    sham_key = ("intrinsic", "sham")
    stream_names = ("rollout", "order", STREAM, SHAM, TEACHER, EPISODE)
    immutable_keys = (
        "env",
        "env_kwargs",
        "wrappers",
        "num_envs",
        "vocabulary",
        "action_scaling",
        "random",
        "lessons",
        "teacher",
        "of",
    )
    renamed: ClassVar = {
        "keys": "env_kwargs",
        "copies": "num_envs",
        "lam": "gae_lambda",
        "max_grad": "max_grad_norm",
    }

    env: str = Field(description="a Gymnasium id: devlearn/Name-v0, CartPole-v1, package.module:Name-v0")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    num_envs: int = Field(8, ge=1, description="environments of each learner")
    rollout: int = Field(128, ge=1, description="steps in each environment between updates")
    epochs: int = Field(4, ge=1, description="passes over a rollout")
    minibatches: int = Field(4, ge=1, description="updates in each pass")
    lr: AdamRate = 2.5e-4
    schedule: RateSchedule = "linear"
    gamma: float = Field(0.99, ge=0, le=1, description="discount")
    gae_lambda: float = Field(0.95, ge=0, le=1, description="decay of the generalised advantage estimate")
    clip: float = Field(0.2, gt=0, description="of the probability ratio, and of the value loss")
    entropy: float = Field(0.01, ge=0, description="weight of the entropy bonus")
    value: float = Field(0.5, ge=0, description="weight of the value loss")
    max_grad_norm: float = Field(0.5, gt=0, description="largest norm of each learner's gradient")
    normalise_advantages: bool = Field(True, description="over each minibatch")
    clip_values: bool = Field(True, description="clip the value loss around the old values")
    normalise_observations: bool = Field(
        False, description="by running statistics, each number of what is seen (words excepted) for itself"
    )
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"
    random: ActsRandomly = False
    reflex: ReflexGain = None
    intrinsic: Intrinsic | None = Field(None, description="curiosity; empty: none")
    lessons: LessonsKey = None
    teacher: TeacherKey = None
    of: StreamOf = None

    @model_validator(mode="after")
    def _learns_from_bonuses(self) -> PPO:
        if self.random and self.intrinsic is not None:
            raise ValueError("learners that act at random learn from no bonus either; drop random or intrinsic")
        return self

    @model_validator(mode="after")
    def _can_be_taught(self) -> PPO:
        self.curriculum.refuse(self.random)
        if self.of is not None and (self.random or self.curriculum):
            raise ValueError("a yoked learner has the episodes and actions of another; drop random and lessons, or of")
        return self

    @property
    def curriculum(self) -> Curriculum:
        """Its lessons, and who teaches them."""
        return Curriculum(self.lessons, self.teacher)

    @property
    def yoke(self) -> Yoke:
        """Whose stream it follows, and that it has one."""
        return Yoke(self.of, self.env_spec, self.num_envs)

    def columns(self) -> tuple[str, ...]:
        curious = CURIOSITY_METRICS if self.intrinsic else ()
        return ("return", "length", *PPO_METRICS, *curious, *self.curriculum.metrics, *self.yoke.metrics)

    def needed_controls(self) -> tuple[Control, ...]:
        curious = self.intrinsic is not None and self.intrinsic.weight > 0
        return (*(("sham",) if curious else ()), *self.curriculum.controls)

    def environments(self) -> tuple[EnvSpec, ...]:
        return self.curriculum.environments(self.env_spec)

    def happened(self, state: State) -> Iterable[Happening]:
        return happened(state)

    def gives(self, state: State) -> dict[str, Tensor]:
        return {**order_given(state), **stream_given(state)}

    def unable_to_follow(self, giver: Any) -> str:
        if isinstance(giver, PPO) and (giver.until is not None or giver.curriculum):
            return "it had lessons, or a gate lets its learners go at their own time; give it neither lessons nor until"
        return self.yoke.unable_to_follow(giver.yoke if isinstance(giver, PPO) else None) or self._too_long(giver)

    def _too_long(self, giver: PPO) -> str:
        """That it goes on when the other has stopped, where their budgets say so."""
        own, other = self.budget(), giver.budget()
        alike = all(getattr(self, key) == getattr(giver, key) for key in ("rollout", "epochs", "minibatches"))
        if own and other and own[0] == other[0] and alike and own[1] > other[1]:
            return f"it is over after {other[1]:,} {other[0]}, and {own[1]:,} are wanted; give both the same budget"
        return ""

    def _policy(self) -> tuple[Needs, Policy]:
        return policy_of(self.env_spec, self.normalise_observations)

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    def needs(self) -> Needs:
        self.curriculum.check(self.env_spec)
        return self._policy()[0]

    def objective(self, policy: Policy, gate: str | None = None) -> ClippedSurrogate:
        keys = ("clip", "entropy", "value", "normalise_advantages", "clip_values")
        settings = {key: getattr(self, key) for key in keys}
        parts = (policy.sense, policy.actor, policy.critic, policy.factors.discrete)
        return ClippedSurrogate(*parts, factors=policy.factors, gate=gate, **settings)

    def minibatch(self, memory: int) -> tuple[int, ...]:
        """Rows of a minibatch: (B,) steps or, with memory, (B, T) sequences. Raises ValueError where they don't fit."""
        if not memory:
            return (self.num_envs * self.rollout // self.minibatches,)
        if self.num_envs % self.minibatches:
            why = f"a brain with memory learns whole rollouts, and num_envs = {self.num_envs} can't be split evenly"
            raise ValueError(f"{why} into {self.minibatches} minibatches; make num_envs a multiple of minibatches")
        return self.num_envs // self.minibatches, self.rollout

    def follows_budget(self) -> bool:
        return not self.random and (self.curriculum.follows_budget or super().follows_budget())

    def cost(self, brain: nn.Module) -> Cost:
        needs, policy = self._policy()
        if self.reflex is not None:
            refuse_gain(brain, policy.actor, self.env, self.random)
        if self.random:
            lived = self.num_envs * self.rollout
            return Cost(env_steps=lived, memory=self.yoke.bytes(self._steps(Cost(env_steps=lived))))
        inborn = Inborn.of(brain, policy.actor)
        space, factors = needs.senses[policy.sense].space, policy.factors
        memory, remembered = memory_size(brain), memory_bytes(brain, self.num_envs)
        rows, updates = self.minibatch(memory), self.epochs * self.minibatches
        seen = torch.uint8 if space.dtype == "uint8" else torch.float32
        actions = (*rows, *factors.shape), torch.int64 if factors.discrete else torch.float32
        shapes = {"observations": ((*rows, *space.shape), seen), "actions": actions}
        shapes |= {name: (rows, torch.float32) for name in ("log_p", "advantages", "returns", "values")}
        if inborn:
            shapes |= {"reflex": ((*rows, factors.outputs), torch.float32)}
        if memory:
            shapes |= {"starts": (rows, torch.bool), "hidden": ((rows[0], memory), torch.float32)}
        acting = flops.blank_batch({"x": ((self.num_envs, *space.shape), seen)})["x"]
        act = flops.forward(brain, acting, policy.sense, (policy.actor, policy.critic, *inborn.gates))
        act += inborn.flops * self.num_envs
        learn = flops.update(brain, self.objective(policy, next(iter(inborn.gates), None)), shapes)
        lived, spent, kept = self.num_envs * self.rollout, act * self.rollout + learn * updates, 0
        if self.intrinsic is not None:
            curious, kept = self.intrinsic.costs(space, factors, lived, self.minibatches)
            spent += curious
        cost = Cost(updates=updates, env_steps=lived, flops=spent)
        return replace(cost, memory=kept + remembered + self.curriculum.bytes + self.yoke.bytes(self._steps(cost)))

    def _steps(self, each: Cost) -> int:
        """The env_steps of the whole stage, where a yield costs ``each``; 0 without a budget."""
        unit, size = self.budget() or ("env_steps", 0)
        spent: int = getattr(each, unit)
        return -(-size // max(spent, 1)) * each.env_steps

    def begin(self, cohort: Cohort, context: Context) -> State:
        state: State = {"done": 0, "moments": {}, "world": None, "memory": None, "reflexes": None}
        curiosity = self._curiosity(cohort, context, None)
        state |= {} if curiosity is None else {"curiosity": curiosity.state()}
        return {**state, **self.curriculum.begin(), **self.yoke.begin(cohort.n, context)}

    def _curiosity(self, cohort: Cohort, context: Context, state: State | None) -> Curiosity | None:
        """Newborn, or as it was; None where learners have none."""
        if self.intrinsic is None:
            return None
        needs, policy = self._policy()
        space, factors = needs.senses[policy.sense].space, policy.factors
        sizes = (self.num_envs, self.minibatches)
        return Curiosity.of(self.intrinsic, space, factors, *sizes, self.gamma, cohort, context, state)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        if self.random:
            factors = self._policy()[1].factors
            keys = (self.env_spec, factors, self.num_envs, self.rollout, PPO_METRICS, self.yoke)
            return live_randomly(state, context, *keys)
        return self._play(cohort, state, context)

    def _play(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Act and learn."""
        needs, policy = self._policy()
        optimiser = Optimiser(cohort, state["moments"], "adam", self.lr, eps=1e-5)
        course = self.curriculum.course(context, self.num_envs, state)
        stream, place = self.yoke.course(context, state)
        given = given_metrics(self.of, context)
        world = place.world(self.env_spec, self.num_envs, state["world"], lessons=course.lessons, stream=stream)
        going_on = () if world.restarted else (state["memory"], state.get("reflexes"))
        acting = Acting.of(cohort, policy, self.num_envs, *going_on)
        if self.reflex is not None:
            acting.reflexes.strengthen(self.reflex)
        objective = self.objective(policy, next(iter(acting.reflexes.gates), None))
        curiosity = self._curiosity(cohort, context, state.get("curiosity"))
        try:
            while True:
                optimiser.set_lr(self.lr * factor(self.schedule, state["done"], context.planned))
                course.at(state["done"] / context.planned)
                noise = context.streams("rollout", counter=state["done"])
                motive = None if curiosity is None else partial(curiosity.rewards, block=state["done"])
                rollout = collect(acting, world, noise, self.rollout, self.gamma, self.gae_lambda, motive)
                metrics = self._learn(cohort, rollout, objective, optimiser, context, state["done"])
                if self.normalise_observations:
                    _merge(cohort, needs, policy.sense, rollout["observations"])
                state["done"] += 1
                returns, lengths, _ = world.completed
                metrics |= {**({} if curiosity is None else curiosity.found), **course.tell(state), **given}
                yield {"return": torch.from_numpy(returns), "length": torch.from_numpy(lengths), **metrics}
        finally:
            state |= {"world": world.state(), "memory": acting.memory.state(), "reflexes": acting.reflexes.state}
            state |= {} if curiosity is None else {"curiosity": curiosity.state()}
            state |= course.state() | left(stream, state)
            world.close()

    def _learn(
        self,
        cohort: Cohort,
        rollout: dict[str, Tensor],
        objective: ClippedSurrogate,
        optimiser: Optimiser,
        context: Context,
        done: int,
    ) -> dict[str, Tensor]:
        """All updates of one rollout; the mean of their metrics."""
        totals = {name: torch.zeros(cohort.n) for name in PPO_METRICS}
        rows, size = rollout["log_p"].shape[1], self.minibatch(cohort.memory_size)[0]
        learners = torch.arange(cohort.n, device=cohort.device)[:, None] * rows
        rollout = {name: entry.flatten(0, 1) for name, entry in rollout.items()}  # (N * rows, ...)
        orders = context.streams("order", counter=done)
        for _ in range(self.epochs):
            order = torch.from_numpy(orders.permutation(rows)).to(cohort.device)
            for k in range(self.minibatches):
                index = learners + order[:, k * size : (k + 1) * size]  # (N, B)
                taken = {name: entry.index_select(0, index.flatten()) for name, entry in rollout.items()}
                batch = {name: entry.unflatten(0, index.shape) for name, entry in taken.items()}
                for name, value in cohort.update(objective, batch, optimiser, self.max_grad_norm).items():
                    totals[name] += value.cpu()
        return {name: total / (self.epochs * self.minibatches) for name, total in totals.items()}


def _merge(cohort: Cohort, needs: Needs, sense: str, observations: Tensor) -> None:
    """Merge a rollout's observations (N, ..., *space) into the statistics of their senses, where the brain has any."""
    entries = split_observation(observations, needs.senses[sense]) or {sense: observations}
    for entry, seen in entries.items():
        for name in [name for name in cohort.buffers if f".{name}".endswith(f".{entry}.normaliser.mean")]:
            mean, var, count = (cohort.buffers[name.removesuffix("mean") + part] for part in ("mean", "var", "count"))
            rows = _scaled(seen.reshape(cohort.n, -1, mean.shape[-1]).to(mean.dtype), needs.senses[entry])
            merged = merge_moments(mean, var, count, rows)
            for buffer, value in zip((mean, var, count), merged, strict=True):
                buffer.copy_(value)


def _scaled(rows: Tensor, sense: Sense) -> Tensor:
    """As a brain normalises them: bytes in 0..1."""
    return rows / 255 if sense.space.dtype == "uint8" else rows
