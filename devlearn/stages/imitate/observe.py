"""Imitation from observation: what somebody did is told from what was seen, by a model of one's own play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, model_validator

from devlearn.lazy import torch
from devlearn.learners.brains.needs import Needs
from devlearn.learners.objectives import misses
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
from devlearn.stages.shared.apprenticeship import GIVEN, Copying, demonstrator, given_metrics, kept_steps
from devlearn.stages.shared.inverse_models import InverseKeys, InverseModels, Steps, at
from devlearn.stages.shared.off_policy import weights_bytes
from devlearn.stages.shared.train import Descent
from devlearn.stages.stage import Cost, Stage, stage
from devlearn.tasks.demonstrations import demonstrations, encoded, episodes, tried
from devlearn.tasks.envs import STEP_TIMEOUT, EnvSpec
from devlearn.tasks.envs.acting import allowed
from devlearn.tasks.envs.transitions import collect_transitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from devlearn.learners.cohort import Cohort
    from devlearn.learners.optimiser import Optimiser
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Metrics
    from devlearn.tasks.envs import VectorEnv
    from devlearn.tasks.envs.transitions import Act, End

METRICS = (
    *("loss", "error", "model_error", "inferred_error", "return"),
    *("demonstrations", "demonstrator_steps", "imitator_steps"),
)
HELD_OUT = 10  # one step in so many of the play at random is not learned from


@stage("imitate.observe")
@final
class Observe(Stage):
    """Clones behaviour from observations alone: an inverse model that is learned in play infers the actions.

    The first yield learns no policy. The learner acts at random for ``play`` steps in all, and an inverse model of its
    own learns ``p(a | s, s')`` from them in ``model_updates`` updates. A ``controller``, or another arm's learner
    (``of``), is watched for ``observed`` steps; with ``demonstrations`` the file is what is watched. From then on a
    yield is ``minibatches`` updates of the policy on steps of the demonstrator, with the actions that the model finds
    likeliest between what was seen before and after. With ``rollout: 0`` that is all, and the budget is in updates
    (BCO(0)). Else the learner first acts by its policy, drawing actions, for ``rollout`` steps in each environment, and
    the model takes as many updates on all its play as the policy does (BCO(alpha)).

    Steps of play and of a demonstrator who is watched are on the ledger as env_steps. Updates of the model are none of
    the learner's; their FLOPs are. What the actions were, where demonstrations say it, is read for ``inferred_error``
    alone.

    Metrics:
        loss: mean over steps of ``-log p(a | s)``, for the actions that the model tells
        error: mean over steps and factors of 1 for a choice that is not the policy's likeliest, and of the squared
            difference between the number that the model tells, before scaling, and the mean
        model_error: the same of the model, on the learner's own play that it has not learned from: the last tenth of
            the play at random, and of a rollout all of it before it is learned. Where there is one choice
            1 - model_error is the model's accuracy
        inferred_error: the same of the model, on the steps of the demonstrator that the policy has just learned from
        return: mean undiscounted return of the demonstrator: of the last 100 episodes that were watched, or of the file
        demonstrations: steps that were observed
        demonstrator_steps: steps of an environment that the demonstrator did for this learner
        imitator_steps: steps of an environment that the learner did itself
        giver_env_steps: with ``of``, what the demonstrator's life had consumed by then
        giver_updates: likewise
        giver_flops: likewise

    Source:
        Torabi, Warnell and Stone (2018), Behavioral cloning from observation, arXiv:1805.01954, algorithm 1.

    Deviations:
        Models and policies are not trained anew to convergence in every round: each goes on from where it was. A
        rollout of own play is as long as the keys say, not a share alpha of the play at random. All play but what is
        held out is kept and learned from, up to ``capacity``. The whole observation stands for the agent's own part of
        it. A Gaussian's standard deviation counts as 0.01 at least in the policy and is 1 in the model. Where an
        environment forbids actions neither loss knows of it. Brains with memory are refused.
    """

    role = "imitate"
    units = ("env_steps", "updates", "flops")
    metrics = (*METRICS, *GIVEN)
    controls = ("sham",)
    stream_names = ("demonstrator", "play", "inverse", "order", "sham", EPISODE)
    immutable_keys = (
        *("env", "env_kwargs", "wrappers", "vocabulary", "action_scaling"),
        *("demonstrations", "episodes", "controller", "of", "observed", "play", "num_envs", "model_hidden", "sham"),
    )

    env: str = Field(description="a Gymnasium id: devlearn/Name-v0, CartPole-v1, package.module:Name-v0")
    env_kwargs: EnvKwargs = Field(default_factory=dict)
    wrappers: Wrappers = ()
    step_timeout: StepTimeout = STEP_TIMEOUT
    demonstrations: DemonstrationsOf = None
    episodes: Count | None = Field(None, description="of a file, so many episodes from its beginning; empty: all")
    controller: ControllerName = None
    of: LearnerOf = None
    observed: int = Field(2000, ge=1, description="steps of a controller, or of another arm's learner, at least")
    sham: Literal["none", "actions"] = Field(
        "none", description="a control: actions gives the actions that the model tells to other steps, at random"
    )
    play: int = Field(2000, ge=HELD_OUT, description="steps at random, at least, from which the model first learns")
    num_envs: int = Field(8, ge=1, description="environments of each learner, and of who is watched")
    rollout: int = Field(0, ge=0, description="steps of own play in each environment between updates; 0: none")
    minibatches: int = Field(8, ge=1, description="updates of the policy after each rollout")
    batch: int = Field(64, ge=1, description="steps an update")
    capacity: int = Field(100_000, ge=1, description="steps of own play that a learner keeps, the last ones")
    lr: AdamRate = 1e-3
    schedule: RateSchedule = "constant"
    model_updates: int = Field(1000, ge=1, description="updates of the model on the play at random")
    model_lr: float = Field(1e-3, gt=0, description="learning rate of Adam, of the model")
    model_hidden: int = Field(64, ge=1, description="units in each of the model's two layers")
    vocabulary: Vocabulary = None
    action_scaling: ActionScaling = "affine"

    @model_validator(mode="after")
    def _can_be(self) -> Observe:
        if sum(who is not None for who in (self.demonstrations, self.controller, self.of)) != 1:
            raise ValueError("give exactly one demonstrator: demonstrations, controller or of")
        if self.episodes is not None:
            if self.demonstrations is None:
                raise ValueError("episodes are those of a file: name demonstrations, or leave it out")
            if self.episodes > (there := len(episodes(self.demonstrations).lengths)):
                raise ValueError(f"{self.demonstrations} has {there:,} episodes, not {self.episodes:,}")
        if self.env_steps is not None and not self.rollout:
            raise ValueError(
                "with rollout 0 all steps are lived in the first yield: give the budget in updates or flops"
            )
        if self.env_steps is not None and self.env_steps <= (first := self._first_steps):
            why = f"play and watching take {first:,} env_steps, and the budget is {self.env_steps:,}"
            raise ValueError(f"{why}: nothing would be copied; lower play and observed, or raise env_steps")
        return self

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary, self.action_scaling)
        return EnvSpec.of(self.env, *keys)

    @property
    def _play_length(self) -> int:
        """Steps of play at random in each environment."""
        return -(-self.play // self.num_envs)

    @property
    def _held_out(self) -> int:
        """Steps of it that are not learned from."""
        return -(-self.num_envs * self._play_length // HELD_OUT)

    @property
    def _file_steps(self) -> int:
        assert self.demonstrations is not None
        return int(episodes(self.demonstrations).lengths[: self.episodes].sum())

    @property
    def _watch_length(self) -> int:
        """Steps of a demonstrator in each environment; 0 with a file."""
        return 0 if self.demonstrations is not None else -(-self.observed // self.num_envs)

    @property
    def _first_steps(self) -> int:
        """Of an environment, in the first yield."""
        return self.num_envs * (self._play_length + self._watch_length)

    @property
    def _descent(self) -> Descent:
        return Descent(self.lr, self.schedule)

    @property
    def _copying(self) -> Copying:
        return Copying(self.env_spec, self.batch)

    @property
    def _model(self) -> InverseKeys:
        needs, policy = self._copying.needs, self._copying.policy
        return InverseKeys(needs.senses[policy.sense].space, policy.factors, self.model_hidden, self.model_lr)

    def columns(self) -> tuple[str, ...]:
        return METRICS if self.of is None else self.metrics

    def needs(self) -> Needs:
        if self.demonstrations is not None:
            encoded(episodes(self.demonstrations), self.env_spec)  # what is not of this environment is refused
        if self.controller is not None:
            tried(self.controller, self.env_spec)
        return self._copying.needs

    def cost(self, brain: nn.Module) -> Cost:
        copying, model, played = self._copying, self._model, self.num_envs * self.rollout
        learn, tell = model.update_flops(self.batch), model.tell_flops(self.batch)
        act = copying.act_flops(brain, self.num_envs)
        watch = act * self._watch_length if self.of is not None else 0
        copy = (copying.update_flops(brain) + tell) * self.minibatches
        goes_on = act * self.rollout + model.tell_flops(played) + learn * self.minibatches if played else 0
        kept = self._first_steps + (min(self.capacity, self.env_steps or self.capacity) if played else 0)
        return Cost(
            updates=self.minibatches,
            env_steps=played,
            flops=copy + goes_on,
            first=Cost(
                env_steps=self._first_steps,
                flops=learn * self.model_updates + model.tell_flops(self._held_out) + watch,
            ),
            memory=2 * kept * copying.row_bytes() + model.bytes + (weights_bytes(brain) if self.of is not None else 0),
        )

    def begin(self, cohort: Cohort, context: Context) -> State:
        return {"done": 0, "moments": {}, "world": None, "model": None, "played": {}, "shown": {}, "known": {}}

    def segment(self, cohort: Cohort, state: State, context: Context) -> Iterator[Metrics]:
        models = InverseModels.of(self._model, cohort, context, state["model"])
        optimiser = self._descent.make_optimiser(cohort, state["moments"])
        world = context.world(self.env_spec, self.num_envs, state["world"])
        counts = {"demonstrator_steps": torch.full((cohort.n,), self.num_envs * self._watch_length)}
        counts |= given_metrics(self.of, context)
        try:
            while True:
                done = state["done"]
                found = dict.fromkeys(("loss", "error", "inferred_error"), torch.full((cohort.n,), torch.nan))
                if done == 0:
                    self._watch(cohort, state, context)
                    self._play_at_random(world, models, state, context)
                else:
                    if self.rollout:
                        self._play_on(cohort, world, models, state, context)
                    optimiser.set_lr(self._descent.learning_rate(done, context))
                    found = self._copy(cohort, models, optimiser, state, context)
                state["done"], state["model"] = done + 1, models.state()
                lived = self.num_envs * (self._play_length + self.rollout * done)
                yield {**found, **state["known"], **counts, "imitator_steps": torch.full((cohort.n,), lived)}
        finally:
            state["world"] = world.state()
            world.close()

    def _watch(self, cohort: Cohort, state: State, context: Context) -> None:
        """See what the demonstrator sees: the file's steps, or an environment in which they act."""
        if self.demonstrations is not None:
            told = demonstrations(self.demonstrations, self.env_spec, cohort.device)
            returns, steps = told.returns[: self.episodes].mean().expand(cohort.n), self._file_steps
        else:
            world = context.world(self.env_spec, self.num_envs, purpose="demonstrator")
            who = self.of or self.controller
            assert who is not None
            shows = demonstrator(who, self._copying, self.num_envs, cohort, context, {})
            try:
                shows.begin(context, 0)
                state["shown"] = self._lived(
                    world, lambda seen, t: shows.ask(world, seen.device), self._watch_length, cohort.device, shows.end
                )
                returns, steps = torch.from_numpy(world.completed[0]), self.num_envs * self._watch_length
            finally:
                world.close()
        state["known"] = {"return": returns, "demonstrations": torch.full((cohort.n,), steps)}

    def _play_at_random(self, world: VectorEnv, models: InverseModels, state: State, context: Context) -> None:
        """Act as an actor would whose output is always 0; learn the model of that, all but the last tenth."""
        factors, device = self._copying.policy.factors, models.networks.device
        noise = factors.noise(context.streams("play", counter=0), self._play_length, self.num_envs).to(device)
        nothing = noise.new_zeros(len(noise), self.num_envs, factors.outputs * (1 if factors.discrete else 2))

        def act(seen: Tensor, t: int) -> Tensor:
            return factors.sample(nothing, noise[:, t], allowed(world, device))

        steps = self._lived(world, act, self._play_length, device)
        learned, held_out = (
            {
                name: entry.split([entry.shape[1] - self._held_out, self._held_out], 1)[part]
                for name, entry in steps.items()
            }
            for part in (0, 1)
        )
        models.look(learned)
        models.learn(learned, self.batch, self.model_updates, 0)
        state["known"] = {**state["known"], "model_error": models.error(held_out).cpu()}
        state["played"] = learned if self.rollout else {}

    def _play_on(self, cohort: Cohort, world: VectorEnv, models: InverseModels, state: State, context: Context) -> None:
        """Act by the policy, drawing actions; judge the model by what comes of it, and learn it of all play."""
        copying, block = self._copying, state["done"]
        noise = copying.policy.factors.noise(context.streams("play", counter=block), self.rollout, self.num_envs)

        def act(seen: Tensor, t: int) -> Tensor:
            return copying.tried(cohort, seen, world, noise[:, t])

        steps = self._lived(world, act, self.rollout, cohort.device)
        state["known"] = {**state["known"], "model_error": models.error(steps).cpu()}
        models.look(steps)
        state["played"] = kept_steps(state["played"], steps, self.capacity)
        models.learn(state["played"], self.batch, self.minibatches, block)

    def _copy(
        self, cohort: Cohort, models: InverseModels, optimiser: Optimiser, state: State, context: Context
    ) -> dict[str, Tensor]:
        """Updates of the policy on steps of the demonstrator, with the actions that the model tells."""
        copying, factors = self._copying, self._copying.policy.factors
        shown, count = self._shown(cohort, state), int(state["known"]["demonstrations"][0])
        drawn = context.streams("order", counter=state["done"]).integers(count, self.minibatches, self.batch)
        places = torch.from_numpy(drawn).to(cohort.device)
        others = places
        if self.sham == "actions":
            order = torch.from_numpy(context.streams("sham").permutation(count)).to(cohort.device)  # (N, S)
            others = order.gather(1, places.flatten(1)).view_as(places)
        totals = {name: torch.zeros(cohort.n) for name in ("loss", "error", "inferred_error")}
        for here, there in zip(places.unbind(1), others.unbind(1), strict=True):
            steps, told = shown(here), models.tell(shown(there))
            batch = {"observations": steps["before"], "actions": factors.greedy(told)}
            found = cohort.update(copying.objective, batch, optimiser)
            missed = misses(factors, told, steps["actions"]).mean(-1)
            for name, value in {**found, "inferred_error": missed}.items():
                totals[name] += value.cpu()
        return {name: total / self.minibatches for name, total in totals.items()}

    def _shown(self, cohort: Cohort, state: State) -> Callable[[Tensor], Steps]:
        """What gives the demonstrator's steps at places (N, B); the file's are the same for all learners."""
        if self.demonstrations is None:
            return lambda index: at(state["shown"], index)
        told = demonstrations(self.demonstrations, self.env_spec, cohort.device)
        return lambda index: _named(told.transitions(index))

    def _lived(
        self, world: VectorEnv, act: Act, length: int, device: torch.device, end: End = lambda ended: None
    ) -> Steps:
        """So many steps of every copy, (N, T * E, ...) each."""
        steps = _named(collect_transitions(world, act, length, device, end))
        return {**steps, "actions": self._copying.done(steps["actions"])}


def _named(transitions: dict[str, Tensor]) -> Steps:
    return {
        name: transitions[key] for name, key in (("before", "images"), ("after", "targets"), ("actions", "actions"))
    }
