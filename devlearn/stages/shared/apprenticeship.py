"""Learning from somebody who acts in the same environment: who shows, what was shown, and the updates on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.brains.needs import Needs, memory_size
from devlearn.learners.objectives import Imitation
from devlearn.stages.shared.off_policy import weights_bytes
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost
from devlearn.tasks.demonstrations import controller
from devlearn.tasks.envs import EnvSpec
from devlearn.tasks.envs.acting import Acting, allowed
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.reflex import refuse_reflexes
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.tasks.envs.transitions import collect_transitions

if TYPE_CHECKING:
    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.flops import Shapes
    from devlearn.scenario import Of
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs import VectorEnv
    from devlearn.tasks.envs.policy import Policy

Sham = Literal["none", "actions"]
METRICS = ("loss", "error", "return", "demonstrations", "demonstrator_steps", "imitator_steps")
GIVEN = ("giver_env_steps", "giver_updates", "giver_flops")  # with another arm's learner as demonstrator


class Demonstrator(Protocol):
    """Somebody who acts in every copy of an environment, and can be asked there what to do."""

    def begin(self, context: Context, block: int) -> None:
        """A rollout begins, the ``block``-th."""

    def ask(self, world: VectorEnv, device: torch.device) -> Tensor:
        """Their actions (N, E, ...) for what is seen now; asked once before every step."""

    def end(self, ended: np.ndarray[Any, Any]) -> None:
        """Say whose episode has just ended, (N, E) bool."""

    def state(self) -> State:
        """All that a resume needs."""


class Scripted:
    """A scripted controller. Draws from ``demonstrator``."""

    def __init__(self, name: str, spec: EnvSpec) -> None:
        self._controller = controller(name, spec)

    def begin(self, context: Context, block: int) -> None:
        self._rngs = context.streams("demonstrator", counter=block).generators

    def ask(self, world: VectorEnv, device: torch.device) -> Tensor:
        return torch.from_numpy(self._controller.actions(np.array(world.observation), self._rngs)).to(device)

    def end(self, ended: np.ndarray[Any, Any]) -> None:
        pass

    def state(self) -> State:
        return {}


class ByLearners:
    """Learners of another arm, each for the learner of its seed: they do what they find likeliest, reflexes included.

    ``state`` continues bit for bit; by default all episodes begin now.
    """

    def __init__(self, learners: Cohort, policy: Policy, copies: int, state: State) -> None:
        self._acting = Acting.of(learners, policy, copies, reflexes=state.get("reflexes"))

    def begin(self, context: Context, block: int) -> None:
        pass

    def ask(self, world: VectorEnv, device: torch.device) -> Tensor:
        with torch.no_grad():
            output, _, _ = self._acting.look(world)
        return self._acting.policy.factors.greedy(output, allowed(world, output.device)).to(device)

    def end(self, ended: np.ndarray[Any, Any]) -> None:
        self._acting.end(ended)

    def state(self) -> State:
        return {"reflexes": self._acting.reflexes.state}


def demonstrator(
    who: str | Of, copying: Copying, copies: int, cohort: Cohort, context: Context, state: State
) -> Demonstrator:
    """The controller of a name, or what another arm gives; ``state`` is what its own ``state`` gave, or empty."""
    if isinstance(who, str):
        return Scripted(who, copying.env_spec)
    return ByLearners(context.learners_of(who).cohort(cohort), copying.policy, copies, state)


def given_metrics(who: str | Of | None, context: Context) -> dict[str, Tensor]:
    """What the lives of other arms' learners had consumed, (N,) each; nothing of anybody else."""
    if who is None or isinstance(who, str):
        return {}
    ledger = context.artifacts[who].ledger
    return {name: ledger[name.removeprefix("giver_")].cpu() for name in GIVEN}


@dataclass(frozen=True)
class Copying:
    """The likelihood of somebody's actions in an environment: what a brain needs for it, and what an update costs."""

    env_spec: EnvSpec
    batch: int

    @property
    def _acting(self) -> tuple[Needs, Policy]:
        return policy_of(self.env_spec)

    @property
    def needs(self) -> Needs:
        """The sense and the heads of the environment."""
        return self._acting[0]

    @property
    def policy(self) -> Policy:
        """Which of these act."""
        return self._acting[1]

    @property
    def objective(self) -> Imitation:
        return Imitation(self.policy.sense, self.policy.actor, self.policy.factors)

    def observations(self, *rows: int) -> Shapes:
        """So many observations of one learner, ``x``, for counting FLOPs."""
        space = self.needs.senses[self.policy.sense].space
        return {"x": ((*rows, *space.shape), torch.uint8 if space.dtype == "uint8" else torch.float32)}

    def refuse(self, brain: nn.Module) -> None:
        """Raises ValueError for a brain that remembers, or has a reflex here."""
        if memory_size(brain):
            why = "single steps are learned from, and a brain with memory acts by what came before"
            raise ValueError(f"{why}; give the brain memory: none")
        why = "it learns all that is done, and the reflex would be added to that"
        refuse_reflexes(
            brain, self.policy.actor, "imitation", why, "leave the reflex out of this arm, or use trial.ppo"
        )

    def update_flops(self, brain: nn.Module) -> int:
        """FLOPs of one update of one learner. Raises ValueError for a brain that it has to ``refuse``."""
        self.refuse(brain)
        factors = self.policy.factors
        actions = (self.batch, *factors.shape), torch.int64 if factors.discrete else torch.float32
        seen = self.observations(self.batch)["x"]
        return flops.update(brain, self.objective, {"observations": seen, "actions": actions})

    def act_flops(self, brain: nn.Module, rows: int) -> int:
        """FLOPs of choosing ``rows`` actions."""
        seen = flops.blank_batch(self.observations(rows))["x"]
        return flops.forward(brain, seen, self.policy.sense, self.policy.actor)

    def row_bytes(self) -> int:
        """What one step takes in memory: what was seen, and the action."""
        space, factors = self.needs.senses[self.policy.sense].space, self.policy.factors
        seen = math.prod(space.shape) * (1 if space.dtype == "uint8" else 4)
        return seen + math.prod(factors.shape) * (8 if factors.discrete else 4)

    def done(self, actions: Tensor) -> Tensor:
        """Actions (N, S, ...) as the policy would say what was done: a number beyond its bounds does what these do."""
        if self.policy.factors.discrete:
            return actions
        controls, scaling = view_and_controls(self.env_spec)[1], self.env_spec.action_scaling
        given = controls.clean(actions.flatten(0, 1).cpu().numpy(), scaling)
        return torch.from_numpy(controls.unscaled(given, scaling)).to(actions).view_as(actions)

    def likeliest(self, cohort: Cohort, observation: Tensor, world: VectorEnv) -> Tensor:
        """What learners would do: their likeliest allowed actions (N, E, ...)."""
        return self.policy.factors.greedy(self._output(cohort, observation), allowed(world, observation.device))

    def tried(self, cohort: Cohort, observation: Tensor, world: VectorEnv, noise: Tensor) -> Tensor:
        """What learners try: actions (N, E, ...) that are drawn as their policy says, by ``noise`` (N, E, outputs)."""
        output, mask = self._output(cohort, observation), allowed(world, observation.device)
        return self.policy.factors.sample(output, noise.to(output.device), mask)

    def _output(self, cohort: Cohort, observation: Tensor) -> Tensor:
        with torch.no_grad():
            output: Tensor = cohort(observation, self.policy.sense, self.policy.actor)
        return output


def permuted(actions: Tensor, context: Context, block: int) -> Tensor:
    """Actions (N, S, ...) in random order, each learner's in its own; the sham of demonstrations.

    Draws from ``sham``.
    """
    order = torch.from_numpy(context.streams("sham", counter=block).permutation(actions.shape[1])).to(actions.device)
    return actions[torch.arange(len(actions), device=actions.device)[:, None], order]


@dataclass(frozen=True)
class Apprenticeship:
    """Rollouts in which a demonstrator says at every step what it would do, and updates on all that it has said.

    The fields are a stage's keys of these names; ``who`` demonstrates. Draws from ``demonstrator``, ``order``, ``sham``
    and, where the apprentice acts too, ``mixture``.
    """

    copying: Copying
    who: str | Of
    num_envs: int
    rollout: int
    minibatches: int
    capacity: int
    descent: Descent
    sham: Sham = "none"

    @property
    def steps(self) -> int:
        """Of a rollout, in all environments of a learner."""
        return self.num_envs * self.rollout

    def cost(self, brain: nn.Module, apprentice_acts: bool, most: int | None) -> Cost:
        """Of one yield. ``most``: env_steps that a budget allows, if it does."""
        taught = not isinstance(self.who, str)
        acting = self.copying.act_flops(brain, self.num_envs) * self.rollout * (taught + apprentice_acts)
        learning = self.copying.update_flops(brain) * self.minibatches
        kept = min(self.capacity, most or self.capacity) * self.copying.row_bytes()
        memory = kept + (weights_bytes(brain) if taught else 0)
        return Cost(updates=self.minibatches, env_steps=self.steps, flops=learning + acting, memory=memory)

    def begin(self, cohort: Cohort) -> State:
        """Nothing shown, no environment yet."""
        led = torch.zeros(cohort.n, dtype=torch.int64)
        return {"done": 0, "moments": {}, "world": None, "shown": {}, "led": led, "demonstrator": {}}

    def segment(
        self, cohort: Cohort, state: State, context: Context, share: Callable[[int], float] | None = None
    ) -> Iterator[Metrics]:
        """``share(k)`` is the probability that the demonstrator's action is the one that is done, in rollout k.

        Without it the learner does not act.
        """
        optimiser = self.descent.make_optimiser(cohort, state["moments"])
        world = context.world(self.copying.env_spec, self.num_envs, state["world"])
        shows = demonstrator(self.who, self.copying, self.num_envs, cohort, context, state["demonstrator"])
        given = given_metrics(self.who, context)
        try:
            while True:
                done = state["done"]
                optimiser.set_lr(self.descent.learning_rate(done, context))
                told, led = self._shown(cohort, world, shows, context, done, None if share is None else share(done))
                state["led"] = state["led"] + led
                state["shown"] = kept_steps(state["shown"], told, self.capacity)
                totals = {"loss": torch.zeros(cohort.n), "error": torch.zeros(cohort.n)}
                for batch in self._minibatches(state["shown"], context, done):
                    for name, value in cohort.update(self.copying.objective, batch, optimiser).items():
                        totals[name] += value.cpu()
                state["done"] = done + 1
                lived = self.steps * state["done"]
                yield {
                    **{name: total / self.minibatches for name, total in totals.items()},
                    "return": torch.from_numpy(world.completed[0]),
                    "demonstrations": torch.full((cohort.n,), lived),
                    "demonstrator_steps": state["led"],
                    "imitator_steps": lived - state["led"],
                    **given,
                }
        finally:
            state["world"], state["demonstrator"] = world.state(), shows.state()
            world.close()

    def _shown(
        self, cohort: Cohort, world: VectorEnv, shows: Demonstrator, context: Context, block: int, share: float | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """What was seen and what the demonstrator would have done, (N, T * E, ...); how often it acted, (N,)."""
        shows.begin(context, block)
        leads = torch.ones(cohort.n, self.rollout, self.num_envs, dtype=torch.bool)
        if share is not None:
            drawn = context.streams("mixture", counter=block).random(self.rollout, self.num_envs)
            leads = torch.from_numpy(drawn) < share
        leads = leads.to(cohort.device)
        said = []

        def act(observation: Tensor, t: int) -> Tensor:
            said.append(shows.ask(world, observation.device))
            if share is None:
                return said[-1]
            own, theirs = self.copying.likeliest(cohort, observation, world), leads[:, t]
            return torch.where(theirs.reshape(*theirs.shape, *[1] * (own.dim() - 2)), said[-1].to(own.dtype), own)

        seen = collect_transitions(world, act, self.rollout, cohort.device, shows.end)["images"]
        actions = torch.stack(said, 1).flatten(1, 2)
        if self.sham == "actions":
            actions = permuted(actions, context, block)
        return {"observations": seen, "actions": actions}, leads.flatten(1).sum(1).cpu()

    def _minibatches(self, shown: dict[str, Tensor], context: Context, block: int) -> Iterator[dict[str, Tensor]]:
        """Steps (N, B, ...) each, drawn evenly and with replacement from all that is kept."""
        n, kept = shown["observations"].shape[:2]
        streams = context.streams("order", counter=block)
        places = torch.from_numpy(streams.integers(kept, self.minibatches, self.copying.batch))
        learners = torch.arange(n)[:, None]
        for index in places.unbind(1):
            yield {name: entry[learners, index] for name, entry in shown.items()}


def kept_steps(kept: dict[str, Tensor], more: dict[str, Tensor], capacity: int) -> dict[str, Tensor]:
    """The last ``capacity`` steps of what is kept, if anything is, and more of them, (N, S, ...) each."""
    if kept:
        more = {name: torch.cat([kept[name], entry], 1) for name, entry in more.items()}
    return {name: entry[:, -capacity:] for name, entry in more.items()}
