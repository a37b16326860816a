"""A learner acts in an environment, and somebody who acts there well says of every action whether it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners import flops
from devlearn.learners.objectives import Feedback, FeedbackRule
from devlearn.stages.context import EPISODE
from devlearn.stages.fields import (
    AdamRate,
    ControllerName,
    EnvKwargs,
    LearnerOf,
    RateSchedule,
    StepTimeout,
    Vocabulary,
    Wrappers,
)
from devlearn.stages.shared.apprenticeship import GIVEN, Copying, demonstrator, given_metrics
from devlearn.stages.shared.feedback import JUDGED, Caregiver
from devlearn.stages.shared.off_policy import weights_bytes
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.demonstrations import tried
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.transitions import collect_transitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from devlearn.learners.brains.needs import Needs
    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.shared.apprenticeship import Demonstrator
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs import VectorEnv


@stage("caregiver.judge")
@final
class Judge(Stage):
    """Acts in an environment and is judged at every step by somebody who acts there well.

    An action is right where it is the one that the judge would take. What the judge ``says``: *none*, nothing;
    *judgement*, whether the action was right; *label*, which one is. A yield is ``rollout`` steps in each of
    ``num_envs`` environments, and one update on each of ``minibatches`` parts of them. The learner draws its actions
    from its policy; under ``rule: tamer`` it takes the one whose predicted judgement is the best. Rewards of the
    environment are not learned from.

    The judge is a ``controller``, or with ``of`` the learner of the same seed in another arm. What that one's life
    consumed is no part of this learner's ledger, and on record beside it. FLOPs of its answers are on the ledger, and
    so are ``feedback_events``, the actions that were judged, and ``feedback_bits``, counted as in `caregiver.guess`: of
    K actions ``H(1/K)`` for a judgement and ``log2 K`` for the label.

    Metrics:
        loss: mean over steps of that of `caregiver.guess`, of the actions as guesses
        reward: share of the actions of this rollout that were right
        return: mean undiscounted return of the last 100 completed episodes
        giver_env_steps: with ``of``, what the judge's life had consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Knox and Stone (2009), Interactively shaping agents via human reinforcement, for ``tamer``; MacGlashan et al.
        (2017), Interactive learning from policy-dependent human feedback, for ``coach``.

    Deviations:
        Each judgement is of one action and comes at once, so there is no credit over time and no eligibility trace; the
        judge is no human, and knows one right action even where others are as good. COACH's human judges against what
        the learner usually does; this one says 1 or -1. Where an environment forbids actions the loss does not know of
        it. Brains with memory are refused, and so are actions that are more than one choice.
    """

    role = "caregiver"
    units = ("env_steps", "updates", "flops")
    metrics = ("loss", "reward", "return", *GIVEN)
    stream_names = ("demonstrator", "act", "noise", "order", EPISODE)
    immutable_keys = ("env", "env_kwargs", "wrappers", "vocabulary", "controller", "of", "num_envs")

    env: str = Field(description="a Gymnasium id: devlearn/Name-v0, CartPole-v1, package.module:Name-v0")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    controller: ControllerName = None
    of: LearnerOf = None
    says: Literal["none", "judgement", "label"] = Field("judgement", description="what the judge says of an action")
    rule: FeedbackRule = Field(
        "coach",
        description="how judgements are learned from: coach, reinforce, tamer, or the likelihood of the actions that "
        "are left, which fits the label too",
    )
    baseline: Literal["none", "mean"] = Field(
        "mean", description="reinforce: taken from each reward, nothing or the mean of the minibatch's other rewards"
    )
    noise: float = Field(0.0, ge=0, le=1, description="share of what is said that is wrong")
    num_envs: int = Field(8, ge=1, description="environments of each learner")
    rollout: int = Field(32, ge=1, description="steps in each environment between updates")
    minibatches: int = Field(4, ge=1, description="updates after each rollout, each on its own part of the steps")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    vocabulary: Vocabulary = None

    @model_validator(mode="after")
    def _possible(self) -> Judge:
        if (self.controller is None) == (self.of is None):
            raise ValueError("give exactly one judge: controller or of")
        if self.rule != "likelihood" and self.says not in JUDGED:
            why = f"{self.rule} learns of how good an action was, and {self.says!r} tells the right one"
            raise ValueError(f"{why}: use rule: likelihood, or says: judgement")
        if self._steps % self.minibatches:
            raise ValueError(f"{self._steps} steps of a rollout don't make {self.minibatches} minibatches of as many")
        return self

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        return EnvSpec.of(self.env, self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary)

    @property
    def _steps(self) -> int:
        return self.num_envs * self.rollout

    @property
    def _acting(self) -> Copying:
        return Copying(self.env_spec, self._steps // self.minibatches)

    @property
    def _caregiver(self) -> Caregiver:
        return Caregiver(self.says, self._acting.policy.factors.outputs, noise=self.noise)

    @property
    def objective(self) -> Feedback:
        policy = self._acting.policy
        return Feedback(policy.sense, policy.actor, self.rule, self.baseline)

    def doubts(self) -> Iterator[tuple[str, str]]:
        if self.says == "judgement":  # which has as many bits whatever there is to choose from
            yield from Caregiver(self.says, 2, noise=self.noise).doubts()

    def columns(self) -> tuple[str, ...]:
        return self.metrics if self.of is not None else self.metrics[:3]

    def needs(self) -> Needs:
        factors = self._acting.policy.factors
        if not factors.discrete or factors.shape:
            raise ValueError(
                f"one choice is right or wrong, and actions of {self.env_spec} are more; use imitate.dagger"
            )
        if self.controller is not None:
            tried(self.controller, self.env_spec)
        return self._acting.needs

    def cost(self, brain: nn.Module) -> Cost:
        acting, steps, said = self._acting, self._steps, self._caregiver
        acting.refuse(brain)
        rows, bools = (acting.batch, 1), torch.bool
        batch = {"images": acting.observations(acting.batch)["x"], "guesses": (rows, torch.int64)}
        batch |= {"possible": ((*rows, said.classes), bools), "right": (rows, bools), "heard": (rows, bools)}
        learned = flops.update(brain, self.objective, batch) * self.minibatches
        acted = acting.act_flops(brain, self.num_envs) * self.rollout * (1 + (self.of is not None))
        told = 0 if self.says == "none" else steps
        kept = steps * acting.row_bytes() + (weights_bytes(brain) if self.of is not None else 0)
        return Cost(
            updates=self.minibatches, env_steps=steps, flops=learned + acted, memory=kept, feedback_events=told,
            feedback_bits=told * said.bits,
        )  # fmt: skip

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}, "world": None, "demonstrator": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        descent, who = Descent(self.lr, self.schedule), self.of or self.controller
        assert who is not None
        optimiser = descent.make_optimiser(cohort, state["moments"])
        world = context.world(self.env_spec, self.num_envs, state["world"])
        judge = demonstrator(who, self._acting, self.num_envs, cohort, context, state["demonstrator"])
        given = given_metrics(self.of, context)
        try:
            while True:
                block = state["done"]
                optimiser.set_lr(descent.learning_rate(block, context))
                judged, right = self._judged(cohort, world, judge, context, block)
                loss = torch.zeros(cohort.n)
                for batch in self._parts(judged, context, block):
                    loss += cohort.update(self.objective, batch, optimiser)["loss"].cpu() / self.minibatches
                state["done"] = block + 1
                yield {"loss": loss, "reward": right, "return": torch.from_numpy(world.completed[0]), **given}
        finally:
            state["world"], state["demonstrator"] = world.state(), judge.state()
            world.close()

    def _judged(
        self, cohort: Cohort, world: VectorEnv, judge: Demonstrator, context: Context, block: int
    ) -> tuple[dict[str, Tensor], Tensor]:
        """A rollout with what was said of it, (N, T * E, ...), and the share of actions that were right, (N,)."""
        acting, said, answers = self._acting, self._caregiver, []
        judge.begin(context, block)
        noise = acting.policy.factors.noise(context.streams("act", counter=block), self.rollout, self.num_envs)

        def act(seen: Tensor, t: int) -> Tensor:
            answers.append(judge.ask(world, seen.device))
            if self.rule == "tamer":
                return acting.likeliest(cohort, seen, world)
            return acting.tried(cohort, seen, world, noise[:, t])

        lived = collect_transitions(world, act, self.rollout, cohort.device, judge.end)
        guesses, labels = (
            each.long().unsqueeze(-1) for each in (lived["actions"], torch.stack(answers, 1).flatten(1, 2))
        )
        meant = labels
        if self.noise:
            drawn = torch.from_numpy(context.streams("noise", counter=block).random(2, self._steps, 1))
            meant = said.meant(guesses, labels, *drawn.to(cohort.device).unbind(1))
        heard = torch.full_like(guesses, self.says != "none", dtype=torch.bool)
        batch = {"images": lived["images"], "guesses": guesses, "right": meant == guesses, "heard": heard}
        batch["possible"] = said.possible(guesses, labels, meant)
        return batch, (guesses == labels).double().mean((1, 2)).cpu()

    def _parts(self, judged: dict[str, Tensor], context: Context, block: int) -> Iterator[dict[str, Tensor]]:
        """The steps in random order, each learner's in its own, in ``minibatches`` parts."""
        order = torch.from_numpy(context.streams("order", counter=block).permutation(self._steps))
        learners = torch.arange(len(order))[:, None]
        for index in order.chunk(self.minibatches, 1):
            yield {name: entry[learners, index] for name, entry in judged.items()}
