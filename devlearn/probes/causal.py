"""What a learner makes of its trials: the chances it gives to each answer, beside those of an ideal observer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe, unless_diverged
from devlearn.stages.context import Context
from devlearn.stages.fields import EnvKwargs
from devlearn.tasks.envs import EnvSpec
from devlearn.tasks.envs.acting import Acting, allowed
from devlearn.tasks.envs.answers import answers_of, question_of
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.reflex import Reflexes, script

if TYPE_CHECKING:
    from torch import Tensor, nn

    from devlearn.tasks.envs.actions import Array

LEAST = 1e-4  # a probability, so that its logarithm is a number


def _observer(name: str) -> str:
    """Raises ValueError where there is no such function."""
    script(name)
    return name


@probe("causal")
class Causal(Probe):
    """Probabilities that learners give to the answers of an environment, trial by trial, against an ideal observer's.

    After each of ``trials`` trials, and before the first, a learner is asked: it is shown its observation with the
    number that asks for an answer set to 1, and ``p_a`` are the probabilities of its answers a alone (a softmax over
    their logits, reflexes included). ``q_a`` are those of the ideal observer, a softmax over its logits. Where learners
    may choose their trials, they take their likeliest action. Learners are trained to answer after the last trial only;
    what they say before it follows from that. The metrics take the expectation under ``q`` instead of the answer that
    was right in the episode, which has the same mean for an ideal observer and less noise.

    Beside the metrics below there are, after each number t of trials from 0 on, ``network_t``, the mean over episodes
    of ``sum_a q_a p_a``, which is the probability given to what is right, and ``ideal_t``, that of ``sum_a q_a^2``, the
    same of the ideal observer, whose probabilities are calibrated. Giving all to the likeliest answer, as rewards
    teach, has more. Both are better when higher.

    Metrics:
        difference: mean over episodes, after the last trial, of ``(1/2) sum_a |p_a - q_a|``
        divergence: mean over episodes, after the last trial, of ``sum_a q_a log(q_a / p_a)`` in nats; in the logarithm
            no probability is below 1e-4
        on_the_way: the mean of that divergence over episodes and all moments before the last trial's end
        named: mean over episodes of ``q_a`` for the learner's likeliest answer a, after the last trial: how often it is
            right
        ideal: mean over episodes of ``max_a q_a``, how often the ideal observer is; it may be told more than the
            learner
    """

    metrics: ClassVar = {
        "difference": Metric("lower", 1.0, unit="share"),
        "divergence": Metric("lower", -math.log(LEAST), unit="nats"),
        "on_the_way": Metric("lower", -math.log(LEAST), unit="nats"),
        "named": Metric("higher", 0.0, unit="share"),
        "ideal": Metric("higher", 0.0, unit="share"),
    }

    env: str = Field("devlearn/ThreeStories-v0", description="one of our environments that say what answers are")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    observer: Annotated[str, AfterValidator(_observer)] = Field(
        "devlearn_envs.story_observers:observe",
        description="the ideal observer, module:function as of innate.reflex: observations to logits, of answers too",
    )
    trials: int = Field(6, ge=1, description="trials of an episode, after which it asks for the answer")
    episodes: int = Field(200, ge=1, description="episodes of each learner, each in a copy of its own")

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        return EnvSpec.of(self.env, self.env_kwargs)

    def needs(self) -> Needs:
        if not answers_of(self.env_spec) or question_of(self.env_spec) is None:
            why = f"{self.env} does not say which actions are answers, and where it is seen that one is wanted"
            raise ValueError(f"{why}; the probe causal is for environments that do, as devlearn/ThreeStories-v0")
        return policy_of(self.env_spec)[0]

    def named_metrics(self) -> Mapping[str, Metric]:
        each = {f"{who}_{t}": self.metrics["named"] for who in ("network", "ideal") for t in range(self.trials + 1)}
        return {**self.metrics, **each}

    def check_brain(self, brain: nn.Module) -> None:
        """Raises ValueError where the environment asks after another number of trials."""
        world = Context((0,), "trials", 0, torch.device("cpu"), 0, measuring=True).world(self.env_spec, 1)
        answers, trials = list(answers_of(self.env_spec)), 0
        try:
            while trials <= self.trials and not (world.mask is None or world.mask[..., answers].any()):
                world.step(world.mask.argmax(-1))  # any trial that is allowed
                trials += 1
        finally:
            world.close()
        if trials != self.trials:
            when = f"after {trials} trials" if trials <= self.trials else f"after more than {self.trials} trials"
            raise ValueError(f"{self.env_spec} asks {when}, and the probe has trials: {self.trials}; give it as many")

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        policy, answers = policy_of(self.env_spec)[1], list(answers_of(self.env_spec))
        world = probing.context.world(self.env_spec, self.episodes)
        acting = Acting.of(cohort, policy, self.episodes)
        own, ideal = [], []
        try:
            for t in range(self.trials + 1):
                self._asks(world.mask, answers, t)
                asked = world.observation.copy()
                asked[..., question_of(self.env_spec)] = 1
                own.append(_shares(self._said(acting, asked)[..., answers].double().cpu().numpy()))
                ideal.append(_shares(self._ideal(asked)[..., answers]))
                output = acting.look(world)[0]
                step = world.step(policy.factors.greedy(output, allowed(world, output.device)).cpu().numpy())
                acting.end(step.terminated | step.truncated)
        finally:
            world.close()
        found = self._found(np.stack(own), np.stack(ideal))
        return Measurement({name: unless_diverged(torch.from_numpy(value), cohort) for name, value in found.items()})

    def _asks(self, mask: Array | None, answers: list[int], t: int) -> None:
        """Raises ValueError where the environment does not ask after so many trials, and only then."""
        asks = mask is None or bool(mask[..., answers].any())
        if asks != (t == self.trials):
            when = f"asks after {t} trials" if asks else f"does not ask after {t}"
            raise ValueError(f"{self.env_spec} {when}, and the probe causal has trials {self.trials}; give it as many")

    def _said(self, acting: Acting, asked: Array) -> Tensor:
        """The actor's output for what is shown, (N, E, O), without remembering it."""
        cohort, policy = acting.cohort, acting.policy
        shown = torch.from_numpy(asked).to(cohort.device)
        output = acting.memory.peek(shown, policy.sense, policy.actor)
        if not acting.reflexes:
            return output
        aside = Reflexes.of(cohort, policy, self.episodes, acting.reflexes.state)
        gates = [acting.memory.peek(shown, policy.sense, gate) for gate in acting.reflexes.gates]
        return policy.factors.moved(output, aside.act(asked), gates[0] if gates else None)

    def _ideal(self, asked: Array) -> Array:
        rows = asked.reshape(-1, asked.shape[-1]).astype(np.float64)
        said = script(self.observer)(rows, np.zeros((len(rows), 0)))[0]
        return said.reshape(*asked.shape[:2], -1)

    def _found(self, own: Array, ideal: Array) -> dict[str, Array]:
        """All metrics (N,), of shares (T + 1, N, E, answers)."""
        logs = np.log(np.maximum(ideal, LEAST)) - np.log(np.maximum(own, LEAST))
        apart = (ideal * logs).sum(-1).mean(-1)  # (T + 1, N)
        last, chosen = ideal[-1], own[-1].argmax(-1)[..., None]
        values: dict[str, Any] = {
            "difference": np.abs(own[-1] - last).sum(-1).mean(-1) / 2,
            "divergence": apart[-1],
            "on_the_way": apart[:-1].mean(0),
            "named": np.take_along_axis(last, chosen, -1)[..., 0].mean(-1),
            "ideal": last.max(-1).mean(-1),
        }
        for t in range(self.trials + 1):
            values[f"network_{t}"] = (own[t] * ideal[t]).sum(-1).mean(-1)
            values[f"ideal_{t}"] = (ideal[t] ** 2).sum(-1).mean(-1)
        return values


def _shares(logits: Array) -> Array:
    """The softmax over the last axis."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    found: Array = weights / weights.sum(-1, keepdims=True)
    return found
