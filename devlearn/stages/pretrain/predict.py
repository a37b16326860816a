"""Looking and moving: foresee the next observation of a world that one acts in, or that one sees others act in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Literal, final

from gymnasium import spaces as kinds
from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Head, Needs, Sense, sense_name
from devlearn.learners.objectives import Forecast, surprise
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import AdamRate, DemonstrationsOf, EnvKwargs, RateSchedule, StepTimeout, Wrappers
from devlearn.stages.shared.train import Descent, evaluate_objective
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.data.sham import scattered
from devlearn.tasks.demonstrations import demonstrations, encoded, episodes
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec, spaces
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.transitions import collect_transitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs import VectorEnv
    from devlearn.tasks.envs.transitions import Act

HELD = 32  # steps of a held-out world in each copy
TWICE = ("images", "targets")


@stage("pretrain.predict", version=2)
@final
class Predict(Stage):
    """Predicts the next observation of an environment from this one and the action. Rewards are never read.

    One yield is ``rollout`` steps in each of ``num_envs`` environments and one update on all of them. For each action
    the head guesses every pixel ``x`` of the next observation, in 0..1, by a probability ``q``; the guess for the
    action that was done counts. Actions are uniformly random, or those that the learner is curious about: action a is
    done with probability ``softmax_a(H_a / temperature)``, where ``H_a`` is the entropy in nats of the guess for a,
    which is the loss that the learner itself expects. That favours error, not progress: what can't be predicted (a
    noisy television) stays attractive for ever.

    With ``demonstrations`` the learner does not act: a yield is one update on as many recorded steps of somebody else's
    episodes, in a new order every epoch. They are no steps of an environment, so the budget is in updates. What is
    measured (``evaluate``) stays the world itself.

    Metrics:
        loss: Bernoulli cross-entropy, the mean over steps and pixels of ``-x log q - (1 - x) log(1 - q)``
        error: mean over steps and pixels of ``(q - x)^2``
        activity: entropy of the actions done in the update's steps, in nats, at most ``ln A``

    Source:
        Schmidhuber (1991), A possibility for implementing curiosity and boredom in model-building neural controllers;
        Oh, Guo, Lee, Lewis and Singh (2015), Action-conditional video prediction using deep networks in Atari games.

    Deviations:
        Pixels are guessed independently of each other, one step ahead, without memory. Schmidhuber's controller is
        trained on the model's error as its reward; here actions are drawn by the expected error one step ahead.
    """

    role = "pretrain"
    units = ("env_steps", "updates", "flops")
    metrics = ("loss", "error", "activity")
    controls = ("shuffle", "sham", "compute")
    stream_names = ("actions", "sham", EPISODE)
    immutable_keys = ("env", "env_kwargs", "wrappers", "num_envs", "demonstrations")
    renamed: ClassVar = {"keys": "env_kwargs", "copies": "num_envs"}

    env: str = Field(description="a Gymnasium id with pictures (bytes) to see and discrete actions")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    demonstrations: DemonstrationsOf = None
    policy: Literal["random", "curious"] = Field(
        "random", description="how actions are chosen, where no demonstrations show them"
    )
    temperature: float = Field(
        1.0, gt=0, description="curious: nats of expected loss that make an action e times as likely"
    )
    sham: bool = Field(
        False, description="a control: each pixel's values over a rollout in random order, before and after"
    )
    num_envs: int = Field(32, ge=1, description="environments of each learner")
    rollout: int = Field(8, ge=1, description="steps in each environment between updates")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"

    @model_validator(mode="after")
    def _lived_or_shown(self) -> Predict:
        if self.demonstrations is not None and self.env_steps is not None:
            raise ValueError("demonstrations are no steps of an environment: give the budget in updates or flops")
        return self

    def _seen(self) -> tuple[str, kinds.Box, Forecast]:
        """The sense, its space and the objective. Raises ValueError for a world that can't be foreseen so."""
        seen, acts = spaces(self.env_spec)
        if seen.dtype != "uint8" or len(seen.shape) != 2 or not isinstance(acts, kinds.Discrete):
            needs = f"{self.kind} foresees one picture (H, W) of bytes after one of several actions"
            view, controls = view_and_controls(self.env_spec)
            shows = f"{self.env} shows {view} and takes {controls}"
            raise ValueError(f"{needs}, and {shows}; name another env, or wrap this one so that it has them")
        sense = sense_name(seen, self.env)
        return sense, seen, Forecast(sense, "next_" + re.sub(r"\W", "_", self.env), int(acts.n))

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        return EnvSpec.of(self.env, self.env_kwargs, self.wrappers, self.step_timeout)

    def needs(self) -> Needs:
        sense, seen, objective = self._seen()
        if self.demonstrations is not None:
            encoded(episodes(self.demonstrations), self.env_spec)  # what is not of this environment is refused
        size = objective.actions * seen.shape[0] * seen.shape[1]
        return Needs({sense: Sense(seen)}, {objective.head: Head(size)})

    def cost(self, brain: nn.Module) -> Cost:
        sense, seen, objective = self._seen()
        lived = rows = self.num_envs * self.rollout
        if self.demonstrations is not None:
            lived, rows = 0, min(rows, episodes(self.demonstrations).steps)
        image, actions = ((rows, *seen.shape), torch.uint8), ((rows,), torch.int64)
        learn = flops.update(brain, objective, {"images": image, "targets": image, "actions": actions})
        looked = flops.blank_batch({"x": image})["x"]
        act = flops.forward(brain, looked, sense, objective.head) if self.policy == "curious" else 0
        return Cost(updates=1, env_steps=lived, flops=learn + act)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}, "world": None}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        live = self._live if self.demonstrations is None else self._watch
        return live(cohort, state, context)

    def _live(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        objective, descent = self._seen()[2], Descent(self.lr, self.schedule)
        optimiser = descent.make_optimiser(cohort, state["moments"])
        world = context.world(self.env_spec, self.num_envs, state["world"])
        try:
            while True:
                optimiser.set_lr(descent.learning_rate(state["done"], context))
                batch = self._lived(cohort, world, context, state["done"], self.policy, self.rollout)
                metrics = cohort.update(objective, batch, optimiser)
                state["done"] += 1
                yield {**metrics, "activity": _entropy(batch["actions"], objective.actions)}
        finally:
            state["world"] = world.state()
            world.close()

    def _watch(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Learn from the demonstrations."""
        assert self.demonstrations is not None
        objective, descent = self._seen()[2], Descent(self.lr, self.schedule)
        optimiser = descent.make_optimiser(cohort, state["moments"])
        told = demonstrations(self.demonstrations, self.env_spec, cohort.device)
        for index in context.minibatches(len(told), self.num_envs * self.rollout, state["done"], "actions"):
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            batch = self._scattered(told.transitions(index), context, state["done"])
            metrics = cohort.update(objective, batch, optimiser)
            state["done"] += 1
            yield {**metrics, "activity": _entropy(batch["actions"], objective.actions)}

    def _lived(
        self, cohort: Cohort, world: VectorEnv, context: Context, block: int, policy: str, length: int
    ) -> dict[str, Tensor]:
        """A rollout, (N, T * E, ...) each, the ``block``-th of its streams."""
        act = self._act(cohort, world, context, block, policy, length)
        return self._scattered(collect_transitions(world, act, length, cohort.device), context, block)

    def _scattered(self, batch: dict[str, Tensor], context: Context, block: int) -> dict[str, Tensor]:
        """A rollout as it is or, of a sham, without structure."""
        if not self.sham:
            return batch
        streams = context.streams("sham", counter=block)
        return {**batch, **{name: scattered(batch[name], streams) for name in TWICE}}

    def _act(self, cohort: Cohort, world: VectorEnv, context: Context, block: int, policy: str, length: int) -> Act:
        """Gumbel noise alone draws allowed actions evenly; added to what the learner expects, by its curiosity."""
        objective = self._seen()[2]
        drawn = context.streams("actions", counter=block).exponential(length, self.num_envs, objective.actions)
        noise = -torch.from_numpy(drawn).log().to(cohort.device)  # (N, T, E, A)

        def act(observation: Tensor, t: int) -> Tensor:
            drawn = noise[:, t]
            if policy != "random":
                with torch.no_grad():
                    answers = cohort(observation, objective.sense, objective.head)
                drawn = surprise(answers, objective.actions) / self.temperature + drawn
            if world.mask is not None:
                drawn = drawn.masked_fill(~torch.from_numpy(world.mask).to(drawn.device), -torch.inf)
            return drawn.argmax(-1)

        return act

    def evaluate(self, cohort: Cohort, context: Context) -> Metrics:
        """Steps of a world of the measurement's own, moved at random: the same for all policies."""
        world = context.world(self.env_spec, self.num_envs)
        try:
            batch = self._lived(cohort, world, context, 0, "random", HELD)
        finally:
            world.close()
        return evaluate_objective(cohort, self._seen()[2], batch)


def _entropy(actions: Tensor, count: int) -> Tensor:
    """Of the actions done, (N, B) -> (N,) in nats."""
    shares = torch.nn.functional.one_hot(actions, count).double().mean(1)
    return -torch.xlogy(shares, shares).sum(-1)
