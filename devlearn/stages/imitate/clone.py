"""Behavioural cloning: supervised learning of what somebody does in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import (
    ActionScaling,
    AdamRate,
    ControllerName,
    Count,
    DemonstrationsOf,
    EnvKwargs,
    LearnerOf,
    RateSchedule,
    StepTimeout,
    Vocabulary,
    Wrappers,
)
from devlearn.stages.shared.apprenticeship import GIVEN, METRICS, Apprenticeship, Copying, permuted
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.demonstrations import demonstrations, encoded, episodes, tried
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("imitate.clone")
@final
class Clone(Stage):
    """Does what a demonstrator did where it was: the likelihood of its actions is maximised (behavioural cloning).

    With ``demonstrations``, a file of episodes, a yield is one update on a minibatch of its steps, every epoch in a new
    order; nothing is lived, so the budget is in updates. With a ``controller``, or another arm's learner (``of``),
    somebody acts while the learner watches: a yield is ``rollout`` steps of the demonstrator in each of ``num_envs``
    environments and ``minibatches`` updates on steps drawn from all that were shown. These steps are on the learner's
    ledger as env_steps.

    A file and a controller are data, as a data set is: all learners have the same demonstrator, each has weights,
    order and (of a controller) episodes of its own, and what is claimed holds for this demonstrator. With ``of`` the
    learner of the same seed in another arm acts, which has been trained before: every learner has a demonstrator of its
    own. What that one's life consumed is no part of this learner's ledger, and on record beside it.

    Metrics:
        loss: mean over steps of ``-log p(a | s)``, for actions ``a`` of the demonstrator: the cross-entropy of choices,
            the density of a Gaussian for numbers
        error: mean over steps and factors of 1 for a choice that is not the likeliest, and of the squared difference
            between the demonstrator's number, before scaling, and the mean
        return: mean undiscounted return of the demonstrator: of its last 100 episodes, or of the file
        demonstrations: steps that the learner was shown, or that the file has
        demonstrator_steps: steps of an environment that the demonstrator did for this learner
        imitator_steps: steps of an environment that the learner did itself: none
        giver_env_steps: with ``of``, what the demonstrator's life had consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Pomerleau (1991), Efficient training of artificial neural networks for autonomous navigation; Ross and Bagnell
        (2010), Efficient reductions for imitation learning, on the errors that add up.

    Deviations:
        A Gaussian's standard deviation counts as 0.01 at least. Where an environment forbids actions the loss does not
        know of it. Steps are imitated one by one, so brains with memory are refused.
    """

    role = "imitate"
    units = ("env_steps", "updates", "flops")
    metrics = (*METRICS, *GIVEN)
    controls = ("sham",)
    stream_names = ("demonstrator", "order", "sham", EPISODE)
    immutable_keys = (
        *("env", "env_kwargs", "wrappers", "vocabulary", "action_scaling"),
        *("demonstrations", "episodes", "controller", "of", "num_envs", "sham"),
    )
    renamed: ClassVar = {}

    env: str = Field(description="a Gymnasium id: devlearn/Name-v0, CartPole-v1, package.module:Name-v0")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    demonstrations: DemonstrationsOf = None
    episodes: Count | None = Field(None, description="of a file, so many episodes from its beginning; empty: all")
    controller: ControllerName = None
    of: LearnerOf = None
    sham: Literal["none", "actions"] = Field(
        "none", description="a control: actions shows the same steps with the actions in random order"
    )
    num_envs: int = Field(8, ge=1, description="environments in which a controller acts for each learner")
    rollout: int = Field(32, ge=1, description="steps of a controller in each environment between updates")
    minibatches: int = Field(8, ge=1, description="updates after each rollout of a controller")
    batch: int = Field(64, ge=1, description="steps an update")
    capacity: int = Field(100_000, ge=1, description="steps that a learner keeps of what a controller has shown")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"

    @model_validator(mode="after")
    def _one_demonstrator(self) -> Clone:
        if sum(who is not None for who in (self.demonstrations, self.controller, self.of)) != 1:
            raise ValueError("give exactly one demonstrator: demonstrations, controller or of")
        if self.demonstrations is not None and self.env_steps is not None:
            raise ValueError("demonstrations are no steps of an environment: give the budget in updates or flops")
        if self.episodes is not None:
            if self.demonstrations is None:
                raise ValueError("episodes are those of a file: name demonstrations, or leave it out")
            if self.episodes > (there := len(episodes(self.demonstrations).lengths)):
                raise ValueError(f"{self.demonstrations} has {there:,} episodes, not {self.episodes:,}")
        return self

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    @property
    def _descent(self) -> Descent:
        return Descent(self.lr, self.schedule)

    def _copying(self) -> Copying:
        return Copying(self.env_spec, self.batch if self.demonstrations is None else min(self.batch, self._steps))

    @property
    def _steps(self) -> int:
        """Of the file."""
        assert self.demonstrations is not None
        return int(episodes(self.demonstrations).lengths[: self.episodes].sum())

    def _apprenticeship(self) -> Apprenticeship:
        who = self.of or self.controller
        assert who is not None
        sizes = (self.num_envs, self.rollout, self.minibatches, self.capacity)
        return Apprenticeship(self._copying(), who, *sizes, self._descent, self.sham)

    def columns(self) -> tuple[str, ...]:
        return METRICS if self.of is None else self.metrics

    def needs(self) -> Needs:
        if self.demonstrations is not None:
            encoded(episodes(self.demonstrations), self.env_spec)  # what is not of this environment is refused
        if self.controller is not None:
            tried(self.controller, self.env_spec)
        return self._copying().needs

    def cost(self, brain: nn.Module) -> Cost:
        if self.demonstrations is None:
            return self._apprenticeship().cost(brain, apprentice_acts=False, most=self.env_steps)
        return Cost(updates=1, flops=self._copying().update_flops(brain))

    def begin(self, cohort: Cohort, context: Context) -> State:
        if self.demonstrations is None:
            return self._apprenticeship().begin(cohort)
        return self._descent.begin(context)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        if self.demonstrations is None:
            return self._apprenticeship().segment(cohort, state, context)
        return self._read(cohort, state, context)

    def _read(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        """Learn from the file."""
        assert self.demonstrations is not None
        copying, descent, steps = self._copying(), self._descent, self._steps
        told = demonstrations(self.demonstrations, self.env_spec, cohort.device)
        actions = told.actions[:steps].expand(cohort.n, *told.actions[:steps].shape)
        if self.sham == "actions":
            actions = permuted(actions, context, 0)
        learners = torch.arange(cohort.n, device=cohort.device)[:, None]
        known = {
            "return": torch.full((cohort.n,), float(told.returns[: self.episodes].mean())),
            "demonstrations": torch.full((cohort.n,), steps),
            "demonstrator_steps": torch.zeros(cohort.n),
            "imitator_steps": torch.zeros(cohort.n),
        }
        optimiser = descent.make_optimiser(cohort, state["moments"])
        for index in context.minibatches(steps, copying.batch, state["done"]):
            optimiser.set_lr(descent.learning_rate(state["done"], context))
            batch = {"observations": told.seen[told.before[index]], "actions": actions[learners, index]}
            metrics = cohort.update(copying.objective, batch, optimiser)
            state["done"] += 1
            yield {**metrics, **known}
