"""The return of episodes, greedy ones by default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement, Metric, Probe, Probing, probe, unless_diverged
from devlearn.stages.fields import ActionScaling, EnvKwargs, StepTimeout, Vocabulary, Wrappers
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.acting import Acting, allowed
from devlearn.tasks.envs.lessons import check_lessons, told
from devlearn.tasks.envs.optimum import optimum
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.render import render_episode

if TYPE_CHECKING:
    from torch import Tensor

    from devlearn.learners.objectives import Factors
    from devlearn.tasks.envs.actions import Array


def named(lesson: Mapping[str, Any]) -> str:
    """A lesson as part of a metric's name: ``door_5``."""
    return re.sub(r"\W+", "_", told(lesson).replace("-", "minus_"))


def _apart(lessons: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Raises ValueError where two lessons would be one metric."""
    names = [named(lesson) for lesson in lessons]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"lesson {number + 1} is called {name} as lesson {names.index(name) + 1} is")
    return lessons


ProbedLessons = Annotated[
    tuple[dict[str, Any], ...],
    AfterValidator(_apart),
    Field(description="lessons, of a list as a stage has one, whose returns are measured too, each by itself"),
]


@probe("return")
class Return(Probe):
    """Undiscounted return and length of episodes in which the likeliest action is taken, reflexes included.

    Each of a learner's E = ``episodes`` episodes is played in a copy of the environment, always from the same seeds, to
    its end or for ``limit`` steps; ``r_et`` is the reward of step t of episode e. With ``sampled`` actions are drawn as
    in training: the likeliest actions of a policy that has learned nothing may still lead somewhere. Where an
    environment says what the best agent gets (a function ``optimum(**env_kwargs)`` of its class), that is on record as
    the metric's optimum.

    With ``lessons``, as a stage has them, there are as many episodes again of each: the metrics ``return_LESSON``, as
    ``return_door_5`` of ``{door: 5}``, show what of earlier lessons is kept. They are no part of ``return``.

    Full measurements keep a filmstrip of the first learner's first episode: up to eight moments, played again in an
    environment of its own. One that can't be drawn (no renderer, or none installed) leaves its observations instead.

    Metrics:
        return: mean over episodes of the sum of rewards, ``(1/E) sum_e sum_t r_et``
        length: mean number of steps of an episode
    """

    metrics: ClassVar = {
        "return": Metric("higher", None, unit="return"),
        "length": Metric("higher", None, unit="steps"),
    }
    renamed: ClassVar = {"keys": "env_kwargs"}

    env: str = Field(description="a Gymnasium id")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    episodes: int = Field(16, ge=1, description="episodes of each learner, each in a copy of its own")
    limit: int = Field(
        10_000, ge=1, description="steps after which an episode that does not end is counted as it stands"
    )
    sampled: bool = Field(False, description="draw actions as in training, instead of the likeliest")
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"
    lessons: ProbedLessons = ()

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    def needs(self) -> Needs:
        check_lessons(self.env_spec, enumerate(self.lessons))
        return policy_of(self.env_spec)[0]

    def named_metrics(self) -> Mapping[str, Metric]:
        return {**self.metrics, **{f"return_{named(lesson)}": self.metrics["return"] for lesson in self.lessons}}

    def metrics_here(self) -> Mapping[str, Metric]:
        best = {"return": optimum(self.env_spec)}
        best |= {f"return_{named(lesson)}": optimum(self.env_spec.also(**lesson)) for lesson in self.lessons}
        return {name: metric._replace(optimum=best.get(name)) for name, metric in self.named_metrics().items()}

    def environments(self) -> tuple[EnvSpec, ...]:
        return (self.env_spec, *(self.env_spec.also(**lesson) for lesson in self.lessons))

    def measure(self, cohort: Cohort, probing: Probing, full: bool) -> Measurement:
        returns, lengths, seed, actions = self.played(self.env_spec, cohort, probing)
        values = {"return": returns, "length": lengths}
        for lesson in self.lessons:
            values[f"return_{named(lesson)}"] = self.played(self.env_spec.also(**lesson), cohort, probing)[0]
        strip = render_episode(self.env_spec, seed, actions) if full else {}
        return Measurement(
            {name: unless_diverged(torch.from_numpy(value), cohort) for name, value in values.items()},
            pictures={name: torch.from_numpy(array) for name, array in strip.items()},
        )

    def played(self, spec: EnvSpec, cohort: Cohort, probing: Probing) -> tuple[Array, Array, int, list[Array]]:
        """Mean return and length, (N,) each; the seed and the actions of the first learner's first episode."""
        _, policy = policy_of(self.env_spec)
        world = probing.context.world(spec, self.episodes)
        acting = Acting.of(cohort, policy, self.episodes)
        returns, lengths = np.zeros((2, cohort.n, self.episodes))
        running = np.ones((cohort.n, self.episodes), bool)
        seed, actions = world.episode_seed(0, 0), []
        try:
            for t in range(self.limit):
                output, _, _ = acting.look(world)
                action = self._act(policy.factors, output, allowed(world, cohort.device), probing, t)
                actions += [action[0, 0].cpu().numpy()] if running[0, 0] else []
                step = world.step(action.cpu().numpy())
                returns += np.where(running, step.reward, 0)
                lengths += running
                ended = step.terminated | step.truncated
                acting.end(ended)
                running &= ~ended
                if not running.any():
                    break
        finally:
            world.close()
        return returns.mean(1), lengths.mean(1), seed, actions

    def _act(self, factors: Factors, output: Tensor, mask: Tensor | None, probing: Probing, t: int) -> Tensor:
        """The actions of step ``t``."""
        if not self.sampled:
            return factors.greedy(output, mask)
        noise = factors.noise(probing.context.streams("actions", counter=t), self.episodes)
        return factors.sample(output, noise.to(output.device), mask)
