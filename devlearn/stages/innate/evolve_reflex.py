"""A reflex that evolved: oscillators in open loop whose numbers were found by evolution strategies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import OSCILLATOR, Slot
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import (
    ActionScaling,
    EnvKwargs,
    Lineages,
    Population,
    SlopeRate,
    StepTimeout,
    Vocabulary,
    Wrappers,
)
from devlearn.stages.shared.ancestors import Ancestors
from devlearn.stages.shared.evolution_strategy import centred_ranks
from devlearn.stages.shared.innate_policy import Oscillator, needs_for, put_in, refuse, silence
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.acting import allowed
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.reflex import begun, flops_of, output_of, slot_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs.reflex import Array

EACH = ("amplitude", "offset", "phase")  # a number of each output; behind them the logarithms of swing and stance
BETA = (0.9, 0.999)  # of Adam's moments


@stage("innate.evolve_reflex", version=2)
@final
class EvolveReflex(Stage):
    """Evolves the oscillators that a body is born with, each learner's in its own life before birth.

    A generation: P = ``population`` bodies move by oscillators in open loop whose amplitudes, offsets and phases (one
    of each for every output of the actor) and two speeds are those of the ancestor plus and minus ``sigma`` times P/2
    normal directions. A body counts by its return until its first episode ends, or over ``limit`` steps; the ancestor
    follows the rank-weighted mean of the directions, by Adam. Episodes are drawn anew in every generation. No network
    acts or learns: then the actor is silenced, as by ``innate.reflex``, and learners are born with what was found.

    All bodies move for ``limit`` steps, and all of these are charged as ``env_steps``; ``updates`` counts generations.
    FLOPs are those of the oscillators; what evolution itself computes is element-wise, and not counted.
    With ``symmetric`` offsets stay as they are and both speeds change together: the second half of a cycle is the
    first's mirror image. A body that has no ground to tell it where it is heading swims in circles without that.

    With ``oscillator: {angles, velocities, ..}`` a PD controller follows the oscillators, as in ``innate.reflex``.

    ``sham`` makes a control of the same evolution. ``phases``: every learner's phases are drawn at random afterwards,
    so joints move as they did and their coordination is gone. ``absent``: what was found is not passed on.

    Metrics:
        return: mean return of a generation's bodies, until their first episode ends
        length: mean steps until then

    Source:
        Raffin, Sigaud, Kober, Albu-Schaeffer, Silverio and Stulp (2024), An open-loop baseline for reinforcement
        learning locomotion tasks. Salimans, Ho, Chen, Sidor and Sutskever (2017), for evolution strategies.

    Deviations:
        Raffin et al. search with CMA-ES and have one amplitude, offset and phase for each joint, as here, within bounds
        of their own; here nothing is bounded but the actions. Salimans et al. perturb a network's weights.
    """

    role = "innate"
    units = ("updates", "env_steps")
    metrics = ("return", "length")
    stream_names = ("noise", "phases", EPISODE)
    immutable_keys = (
        *("env", "env_kwargs", "wrappers", "vocabulary", "action_scaling"),
        *("oscillator", "lineages", "population", "limit", "symmetric", "sham"),
    )
    controls = ("sham", "experience")

    env: str = Field(description="the Gymnasium id in which it acts")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"
    oscillator: Oscillator = Field(default_factory=Oscillator, description="where evolution begins, and its other keys")
    population: Population = 32
    sigma: float = Field(0.1, gt=0, description="standard deviation of the perturbation of every number")
    lr: SlopeRate = 0.1
    limit: int = Field(200, ge=1, description="steps for which each body moves")
    symmetric: bool = Field(False, description="offsets stay as they are, and swing and stance change together")
    lineages: Lineages = None
    strength: float = Field(1.0, gt=0, description="how much of it learners are born with")
    deviation: float | None = Field(
        None, gt=0, description="standard deviation of the numbers that a newborn tries; empty: 1, as the brain has it"
    )
    sham: Literal["none", "phases", "absent"] = Field(
        "none", description="a control: phases at random, or nothing of what was found"
    )

    @model_validator(mode="after")
    def _fits(self) -> EvolveReflex:
        self.oscillator.fit_to(self.env_spec)
        return self

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    @property
    def ancestors(self) -> Ancestors:
        return Ancestors(self.lineages)

    def lineage(self, seed: int) -> str | None:
        return self.ancestors.lineage(self.kind, seed)

    def slot(self) -> Slot:
        policy, keys = policy_of(self.env_spec)[1], self.oscillator
        env = policy.actor.removeprefix("actor_")
        return Slot(env, policy.factors.outputs, OSCILLATOR, angles=keys.angles, velocities=keys.velocities)

    def needs(self) -> Needs:
        return needs_for(self.env_spec, (self.slot(),))

    def cost(self, brain: nn.Module) -> Cost:
        refuse(brain, (policy_of(self.env_spec)[1].actor,), numbers=self.deviation is not None)
        steps = self.population * self.limit
        return Cost(updates=1, env_steps=steps, flops=steps * flops_of(self.slot()))

    def reflexes(self) -> tuple[str, ...]:
        return () if self.sham == "absent" else (slot_name(self.slot()),)

    def begin(self, cohort: Cohort, context: Context) -> State:
        """``found`` (K, 3 O + 2) are the ancestors' numbers, K of them or one for each learner."""
        numbers = self.oscillator.numbers(self.slot().outputs)
        start = torch.cat([*(numbers[key] for key in EACH), numbers["speeds"].log()]).double()
        found = start.repeat(len(self.ancestors.context(context).seeds), 1)
        zero = torch.zeros_like(found)
        return {"ancestors": {"done": 0, "found": found, "mean": zero, "square": zero.clone()}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        own, theirs = state["ancestors"], self.ancestors.context(context)
        silence(cohort, policy_of(self.env_spec)[1], (), self.deviation)
        while True:
            metrics = self._generation(own, theirs)
            cohort.updates += 1
            if self.sham != "absent":
                put_in(cohort, self.slot(), self.strength, self._born_with(own["found"], context))
            yield {name: self.ancestors.inherited(value, context) for name, value in metrics.items()}

    def _generation(self, own: State, context: Context) -> Metrics:
        """One generation of every ancestor, which moves on in place; what its bodies did, (K,) each."""
        pairs, size = self.population // 2, own["found"].shape[1]
        directions = context.streams("noise", counter=own["done"]).normal(pairs, size).astype(np.float64)
        if self.symmetric:
            outputs = self.slot().outputs
            directions[..., outputs : 2 * outputs] = 0
            directions[..., -1] = directions[..., -2]
        steps = self.sigma * np.concatenate([directions, -directions], 1)  # (K, P, D)
        returns, lengths = self._move(own["found"].numpy()[:, None] + steps, own["done"], context)
        for row, (fitness, tried) in enumerate(zip(returns, directions, strict=True)):
            rank = centred_ranks(torch.from_numpy(fitness).view(2, pairs)).numpy()
            slope = torch.from_numpy((rank[0] - rank[1]) @ tried / (self.population * self.sigma))
            self._climb(own, row, slope)
        own["done"] += 1
        return {"return": torch.from_numpy(returns.mean(1)), "length": torch.from_numpy(lengths.mean(1))}

    def _climb(self, own: State, row: int, slope: Tensor) -> None:
        """A step of Adam of one ancestor, uphill."""
        step, scaled = own["done"] + 1, []
        for name, beta, value in (("mean", BETA[0], slope), ("square", BETA[1], slope**2)):
            own[name][row].mul_(beta).add_((1 - beta) * value)
            scaled.append(own[name][row] / (1 - beta**step))
        own["found"][row] += self.lr * scaled[0] / (scaled[1].sqrt() + 1e-8)

    def _move(self, found: Array, generation: int, context: Context) -> tuple[Array, Array]:
        """Bodies with the numbers ``found`` (K, P, D) move: returns and lengths (K, P) of their first episode."""
        policy, slot, each = policy_of(self.env_spec)[1], self.slot(), found.shape[:2]
        world = context.world(self.env_spec, each[1], purpose=f"generation-{generation}")
        rows = math.prod(each)
        own = {name: _rows(value, rows) for name, value in self._numbers(torch.from_numpy(found).flatten(0, 1)).items()}
        state = begun(slot, rows, 1)
        silent = torch.zeros(*each, slot.outputs * (1 if policy.factors.discrete else 2))
        returns, lengths, running = np.zeros(each), np.zeros(each), np.ones(each, bool)
        try:
            for _ in range(self.limit):
                seen = world.observation.reshape(rows, 1, -1).astype(np.float64)
                wanted = torch.from_numpy(output_of(slot, own, state, seen).reshape(*each, -1)).to(silent)
                moved = policy.factors.moved(silent, wanted)
                step = world.step(policy.factors.greedy(moved, allowed(world, moved.device)).numpy())
                returns += np.where(running, step.reward, 0)
                lengths += running
                running &= ~(step.terminated | step.truncated)
        finally:
            world.close()
        return returns, lengths

    def _numbers(self, found: Tensor) -> dict[str, Tensor]:
        """The buffers of a slot from numbers (.., 3 O + 2)."""
        outputs = self.slot().outputs
        parts = dict(zip((*EACH, "speeds"), found.split([outputs, outputs, outputs, 2], -1), strict=True))
        return {**parts, "speeds": parts["speeds"].exp(), "rates": self.oscillator.numbers(outputs)["rates"]}

    def _born_with(self, found: Tensor, context: Context) -> dict[str, Tensor]:
        """What learners are born with, (N, ..)."""
        numbers = self._numbers(self.ancestors.inherited(found, context))
        if self.sham == "phases":
            drawn = torch.from_numpy(context.streams("phases").random(self.slot().outputs))
            return {**numbers, "phase": drawn * 2 * math.pi}
        return numbers


def _rows(value: Tensor, rows: int) -> Array:
    """A buffer's numbers for each of ``rows`` bodies."""
    array: Array = np.broadcast_to(value.numpy().astype(np.float64), (rows, value.shape[-1]))
    return array
