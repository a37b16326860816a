"""Play: deep Q-learning in any Gymnasium environment with one choice of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs, memory_size
from devlearn.learners.objectives import TemporalDifference, q_targets
from devlearn.learners.optimiser import Optimiser
from devlearn.learners.schedule import factor
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import (
    ActsRandomly,
    AdamRate,
    EnvKwargs,
    RateSchedule,
    StepTimeout,
    Vocabulary,
    Wrappers,
)
from devlearn.stages.shared.lessons import (
    LESSON_METRICS,
    TEACHER,
    Curriculum,
    LessonsKey,
    TeacherKey,
    happened,
    order_given,
)
from devlearn.stages.shared.off_policy import OffPolicy, weights_bytes
from devlearn.stages.shared.random_control import live_randomly
from devlearn.stages.shared.sequences import Sequences
from devlearn.stages.shared.target_network import follow, target_network
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.recurrent_state import Memory
from devlearn.tasks.envs.reflex import refuse_reflexes
from devlearn.tasks.envs.replay import Replay, replay_bytes
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.scenario.controls import Control
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Happening, Metrics
    from devlearn.streams import Streams
    from devlearn.tasks.envs.policy import Policy
    from devlearn.tasks.envs.replay import Act

DQN_METRICS = ("loss", "q_value", "epsilon")


@stage("trial.dqn")
@final
class DQN(Stage):
    """Deep Q-learning (Mnih et al. 2015): values of actions, learned from a replay of past steps.

    One yield is ``rollout`` steps in each of ``num_envs`` environments and ``gradient_steps`` updates, whose metrics
    are means; the first one is ``learning_starts`` steps without updates. The outputs of the environment's actor are
    the values ``Q(o, a)`` of its actions, so the probe ``return`` takes the action of largest value. With probability
    epsilon, which falls linearly, an action is random. A target ``y`` sums the rewards of ``n_step`` steps and adds the
    discounted value of the best action behind them, as the target network has it; ``double`` lets the network that
    learns say which is best. Nothing follows where an episode terminated; a truncated one is bootstrapped from its last
    observation. Where an environment says which actions are allowed, no other is done or counts.

    Brains with memory learn sequences of ``sequence_length`` successive steps, ``batch`` steps in all; each is unrolled
    from what was remembered when it was lived, and its targets from the same.

    With ``lessons`` the environment's keyword arguments change from one episode to the next, as a ``teacher`` says, for
    each learner by itself, as in ``trial.ppo``; the replay keeps steps of all lessons.

    With ``random`` it acts without learning: metrics of learning are nan.

    Metrics:
        return: mean undiscounted return of the last 100 completed training episodes
        length: mean length of the last 100 completed training episodes, in steps
        loss: mean of ``(Q(o, a) - y)^2`` over the updates' minibatches
        q_value: mean of ``Q(o, a)``
        epsilon: probability of a random action at the yield's last step
        lesson: mean over copies of which lesson they are in, by its number, 0 the first, or by its place in the ranges,
            from 0 to 1; with ``lessons`` alone
        giver_env_steps: with the teacher ``replay``, what the life of who had these lessons had consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Mnih et al. (2015), Human-level control through deep reinforcement learning; van Hasselt, Guez and Silver
        (2016), Deep reinforcement learning with double Q-learning; Sutton and Barto (2018), ch. 7, for n steps;
        Hausknecht and Stone (2015), Deep recurrent Q-learning for partially observable MDPs, and Kapturowski et al.
        (2019), Recurrent experience replay in distributed reinforcement learning, for sequences with stored states.

    Deviations:
        The details of CleanRL's dqn.py: Adam, squared error without clipping, epsilon that falls while the replay is
        filled too. Steps that follow within n are those of the policy that acted then, uncorrected; at the latest step
        and at an episode's end n is what there is. Behind a truncation all actions count. The target network moves at
        the end of the yield that passes a multiple of ``target_every``.
    """

    role = "trial"
    units = ("env_steps", "updates", "flops")
    metrics = ("return", "length", *DQN_METRICS, *LESSON_METRICS)
    controls = ("order",)
    stream_names = ("rollout", "replay", TEACHER, EPISODE)
    immutable_keys = (
        "env",
        "env_kwargs",
        "wrappers",
        "num_envs",
        "vocabulary",
        "capacity",
        "learning_starts",
        "sequence_length",
        "random",
        "lessons",
        "teacher",
    )

    env: str = Field(description="a Gymnasium id whose actions are one choice")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    num_envs: int = Field(1, ge=1, description="environments of each learner")
    rollout: int = Field(10, ge=1, description="steps in each environment between updates")
    gradient_steps: int = Field(1, ge=1, description="updates after them")
    batch: int = Field(128, ge=1, description="steps from the replay an update")
    sequence_length: int = Field(16, ge=1, description="successive steps that a brain with memory learns at a time")
    capacity: int = Field(10_000, ge=1, description="steps of each learner that the replay keeps, the latest")
    learning_starts: int = Field(10_000, ge=0, description="env_steps of each learner before the first update")
    lr: AdamRate = 2.5e-4
    schedule: RateSchedule = "constant"
    max_grad_norm: float | None = Field(None, gt=0, description="largest norm of each learner's gradient; empty: any")
    gamma: float = Field(0.99, ge=0, le=1, description="discount")
    n_step: int = Field(1, ge=1, description="steps whose rewards a target sums before it bootstraps")
    double: bool = Field(False, description="the network that learns says which action is best, the target its value")
    target_every: int = Field(500, ge=1, description="env_steps of each learner between moves of the target network")
    tau: float = Field(1.0, gt=0, le=1, description="share by which the target network moves; 1: a copy")
    epsilon_start: float = Field(1.0, ge=0, le=1, description="probability of a random action at first")
    epsilon_end: float = Field(0.05, ge=0, le=1, description="and in the end")
    exploration: float = Field(0.5, ge=0, le=1, description="share of the budget over which it falls; 0: at once")
    vocabulary: Vocabulary = None
    random: ActsRandomly = False
    lessons: LessonsKey = None
    teacher: TeacherKey = None

    @model_validator(mode="after")
    def _learns_at_all(self) -> DQN:
        self._life.check_budget(self.env_steps, self.random)
        self.curriculum.refuse(self.random)
        return self

    @property
    def curriculum(self) -> Curriculum:
        """Its lessons, and who teaches them."""
        return Curriculum(self.lessons, self.teacher)

    def columns(self) -> tuple[str, ...]:
        return ("return", "length", *DQN_METRICS, *self.curriculum.metrics)

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
    def _sequences(self) -> Sequences:
        return Sequences(self.batch, self.sequence_length)

    def _policy(self) -> tuple[Needs, Policy]:
        """Raises ValueError for an environment whose actions are not one choice."""
        needs, policy = policy_of(self.env_spec)
        if not policy.factors.discrete or policy.factors.shape:
            takes = f"{self.env} takes {view_and_controls(self.env_spec)[1]}"
            mend = "use trial.ppo, or trial.sac for numbers alone; or wrap it so that its actions are Discrete"
            raise ValueError(f"{self.kind} learns the value of each of several actions, and {takes}; {mend}")
        return Needs(needs.senses, {policy.actor: needs.heads[policy.actor]}), policy

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        return EnvSpec.of(self.env, self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary)

    def needs(self) -> Needs:
        self.curriculum.check(self.env_spec)
        return self._policy()[0]

    def follows_budget(self) -> bool:
        explores = self.exploration > 0 and self.epsilon_start != self.epsilon_end
        follows = explores or self.curriculum.follows_budget
        return not self.random and (follows or super().follows_budget())

    def cost(self, brain: nn.Module) -> Cost:
        if self.random:
            return Cost(env_steps=self.num_envs * self.rollout)
        needs, policy = self._policy()
        why = "values of actions have no policy that a reflex could be added to"
        refuse_reflexes(brain, policy.actor, self.kind, why, "use trial.ppo, or leave the reflex out of this arm")
        space = needs.senses[policy.sense].space
        seen = torch.uint8 if space.dtype == "uint8" else torch.float32
        rows, copies = (self.batch, *space.shape), (self.num_envs, *space.shape)
        memory = replay_bytes(space, policy.factors, self.capacity, self.num_envs) + weights_bytes(brain)
        shapes: flops.Shapes = {
            "observations": (rows, seen),
            "actions": (rows[:1], torch.int64),
            "targets": (rows[:1], torch.float32),
        }
        if remembers := memory_size(brain) > 0:
            self._sequences.check(self._life, self.capacity, self.n_step)
            memory += self._sequences.bytes(brain, self._life, self.capacity)
            shapes = self._sequences.shapes(brain, space, seen)
        looked = flops.blank_batch({"acting": (copies, seen), "next": (rows, seen)})
        act = flops.forward(brain, looked["acting"], policy.sense, policy.actor)
        judge = flops.forward(brain, looked["next"], policy.sense, policy.actor) * (1 + self.double) * (1 + remembers)
        learn = flops.update(brain, TemporalDifference(policy.sense, policy.actor), shapes)
        memory += self.curriculum.bytes
        return self._life.cost(act, learn + judge, memory)

    def begin(self, cohort: Cohort, context: Context) -> State:
        state: State = {"done": 0, "moments": {}, "world": None, "replay": None, "target": None}
        return {**state, **self.curriculum.begin()}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        if self.random:
            factors = self._policy()[1].factors
            return live_randomly(state, context, self.env_spec, factors, self.num_envs, self.rollout, DQN_METRICS)
        return self._play(cohort, state, context)

    def _play(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Act and learn."""
        policy, life = self._policy()[1], self._life
        optimiser = Optimiser(cohort, state["moments"], "adam", self.lr)
        course = self.curriculum.course(context, self.num_envs, state)
        world = context.world(self.env_spec, self.num_envs, state["world"], lessons=course.lessons)
        memory = Memory(cohort, self.num_envs, None if world.restarted else state.get("memory"))
        replay = Replay(world, policy.factors, self.capacity, cohort.device, state["replay"], memory=memory)
        target = target_network(cohort, state["target"])
        try:
            while True:
                done, before = state["done"], life.env_steps(state["done"])
                course.at(before / life.env_steps(context.planned))
                optimiser.set_lr(self.lr * factor(self.schedule, done, context.planned))
                epsilon = self._epsilon(done, context)
                replay.live(self._act(memory, policy, epsilon, context, done), life.length(done))
                if life.fills(done):
                    learned = {name: torch.full((cohort.n,), torch.nan) for name in ("loss", "q_value")}
                else:
                    learned = self._learn(
                        cohort, target, replay, policy, optimiser, context.streams("replay", counter=done)
                    )
                    if before // self.target_every < life.env_steps(done + 1) // self.target_every:
                        follow(target, cohort, self.tau)
                state["done"] += 1
                returns, lengths, _ = world.completed
                lived = {"return": torch.from_numpy(returns), "length": torch.from_numpy(lengths)}
                yield {**lived, **learned, "epsilon": torch.full((cohort.n,), float(epsilon[-1])), **course.tell(state)}
        finally:
            state["world"], state["replay"], state["target"] = world.state(), replay.state(), target.parameters()
            state |= course.state() | ({"memory": memory.state()} if memory else {})
            world.close()

    def _epsilon(self, done: int, context: Context) -> Tensor:
        """The probability of a random action at each step of a yield, (T,)."""
        life, share = self._life, self.exploration * self._life.env_steps(context.planned)
        steps = life.env_steps(done) + self.num_envs * torch.arange(life.length(done), dtype=torch.float64)
        fallen = (steps / share).clamp(max=1.0) if share else torch.ones_like(steps)
        return self.epsilon_start + (self.epsilon_end - self.epsilon_start) * fallen

    def _act(self, memory: Memory, policy: Policy, epsilon: Tensor, context: Context, done: int) -> Act:
        draws, shape = context.streams("rollout", counter=done), (len(epsilon), self.num_envs)
        explores = torch.from_numpy(draws.random(*shape)) < epsilon[:, None]  # (N, T, E)
        noise = policy.factors.noise(draws, *shape)  # (N, T, E, A)

        def act(observation: Tensor, mask: Tensor | None, t: int) -> Tensor:
            with torch.no_grad():
                values = memory.look(observation, policy.sense, policy.actor)  # (N, E, A)
            drawn = policy.factors.greedy(noise[:, t].to(values.device), mask)
            return torch.where(explores[:, t].to(values.device), drawn, policy.factors.greedy(values, mask))

        return act

    def _learn(
        self, cohort: Cohort, target: Cohort, replay: Replay, policy: Policy, optimiser: Optimiser, draws: Streams
    ) -> dict[str, Tensor]:
        """The updates of one yield; the mean of their metrics."""
        objective = TemporalDifference(policy.sense, policy.actor)
        found = []
        for _ in range(self.gradient_steps):
            if replay.memory is not None:
                judge = cohort if self.double else None
                told = self._sequences.drawn(replay, draws, self.gamma, policy, target, judge)
            else:
                told = self._steps(cohort, target, replay, policy, draws)
            found.append(cohort.update(objective, told, optimiser, self.max_grad_norm))
        return {name: torch.stack([each[name] for each in found]).mean(0).cpu() for name in found[0]}

    def _steps(
        self, cohort: Cohort, target: Cohort, replay: Replay, policy: Policy, draws: Streams
    ) -> dict[str, Tensor]:
        """One update's single steps, with targets."""
        batch = replay.sample(draws, self.batch, self.n_step, self.gamma)
        with torch.no_grad():
            values = target(batch["next_observations"], policy.sense, policy.actor)
            judged = cohort(batch["next_observations"], policy.sense, policy.actor) if self.double else None
        told = {name: batch[name] for name in ("observations", "actions")}
        return {**told, "targets": q_targets(batch, values, judged)}
