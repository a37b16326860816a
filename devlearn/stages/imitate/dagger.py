"""DAgger: the demonstrator says what it would do where the learner goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.learners.brains.needs import Needs
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import (
    ActionScaling,
    AdamRate,
    ControllerName,
    EnvKwargs,
    LearnerOf,
    RateSchedule,
    StepTimeout,
    Vocabulary,
    Wrappers,
)
from devlearn.stages.shared.apprenticeship import GIVEN, METRICS, Apprenticeship, Copying
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.demonstrations import tried
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics


@stage("imitate.dagger")
@final
class Dagger(Stage):
    """Acts, is told at every step what the demonstrator would do there, and learns that (dataset aggregation, DAgger).

    A yield is ``rollout`` steps in each of ``num_envs`` environments and ``minibatches`` updates on steps drawn from
    all that have been told. In rollout k, from 0, each step is the demonstrator's with probability ``beta^k``, and else
    the learner's likeliest action; what is learned is the demonstrator's answer in either case. So the first rollout is
    the demonstrator's own, and with ``beta: 0`` all others are the learner's.

    The demonstrator is a ``controller``, or with ``of`` the learner of the same seed in another arm. What that one's
    life consumed is no part of this learner's ledger, and on record beside it. FLOPs of its answers are on the ledger.

    Metrics:
        loss: mean over steps of ``-log p(a | s)``, for answers ``a`` of the demonstrator: the cross-entropy of choices,
            the density of a Gaussian for numbers
        error: mean over steps and factors of 1 for a choice that is not the likeliest, and of the squared difference
            between the demonstrator's number, before scaling, and the mean
        return: mean undiscounted return of the last 100 completed episodes of whoever acts
        demonstrations: steps for which the demonstrator has said what it would do
        demonstrator_steps: steps of an environment in which its action was done
        imitator_steps: steps of an environment in which the learner's was; both are on the ledger as env_steps
        giver_env_steps: with ``of``, what the demonstrator's life had consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Ross, Gordon and Bagnell (2011), A reduction of imitation learning and structured prediction to no-regret online
        learning, algorithm 3.1 with ``beta_i = p^(i - 1)``.

    Deviations:
        Who acts is drawn for every step anew, in small rollouts, and learning goes on from the weights of the rollout
        before: the paper trains a policy from the beginning on all data and picks the best on validation. A Gaussian's
        standard deviation counts as 0.01 at least. Where an environment forbids actions the loss does not know of it.
        Brains with memory are refused.
    """

    role = "imitate"
    units = ("env_steps", "updates", "flops")
    metrics = (*METRICS, *GIVEN)
    controls = ("sham",)
    stream_names = ("demonstrator", "mixture", "order", "sham", EPISODE)
    immutable_keys = (
        *("env", "env_kwargs", "wrappers", "vocabulary", "action_scaling"),
        *("controller", "of", "num_envs", "sham"),
    )

    env: str = Field(description="a Gymnasium id: devlearn/Name-v0, CartPole-v1, package.module:Name-v0")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    controller: ControllerName = None
    of: LearnerOf = None
    beta: float = Field(
        0.5, ge=0, le=1, description="to the power of the rollouts before: how often its action is done"
    )
    sham: Literal["none", "actions"] = Field(
        "none", description="a control: actions tells the answers of a rollout in random order"
    )
    num_envs: int = Field(8, ge=1, description="environments of each learner")
    rollout: int = Field(32, ge=1, description="steps in each environment between updates")
    minibatches: int = Field(8, ge=1, description="updates after each rollout")
    batch: int = Field(64, ge=1, description="steps an update")
    capacity: int = Field(100_000, ge=1, description="steps that a learner keeps, the last ones")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"

    @model_validator(mode="after")
    def _one_demonstrator(self) -> Dagger:
        if (self.controller is None) == (self.of is None):
            raise ValueError("give exactly one demonstrator: controller or of")
        return self

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    def _apprenticeship(self) -> Apprenticeship:
        sizes = (self.num_envs, self.rollout, self.minibatches, self.capacity)
        descent = Descent(self.lr, self.schedule)
        who = self.of or self.controller
        assert who is not None
        return Apprenticeship(Copying(self.env_spec, self.batch), who, *sizes, descent, self.sham)

    def columns(self) -> tuple[str, ...]:
        return METRICS if self.of is None else self.metrics

    def needs(self) -> Needs:
        if self.controller is not None:
            tried(self.controller, self.env_spec)
        return Copying(self.env_spec, self.batch).needs

    def cost(self, brain: nn.Module) -> Cost:
        return self._apprenticeship().cost(brain, apprentice_acts=True, most=self.env_steps)

    def begin(self, cohort: Cohort, context: Context) -> State:
        return self._apprenticeship().begin(cohort)

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        return self._apprenticeship().segment(cohort, state, context, lambda rollout: self.beta**rollout)
