"""Being yoked: a learner goes through what another arm's learner of its seed went through, and only answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from devlearn.lazy import torch
from devlearn.scenario import Of
from devlearn.stages.shared.apprenticeship import GIVEN
from devlearn.tasks.envs.answers import answers_of, world_keywords
from devlearn.tasks.envs.registration import WorldError
from devlearn.tasks.envs.stream import MARK_EVERY, Followed, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from devlearn.stages.context import Context, State
    from devlearn.tasks.envs import EnvSpec


def _stream(of: Of | None) -> Of | None:
    """Raises ValueError where something else than a stream is asked for."""
    if of is not None and of.what != "stream":
        raise ValueError("a yoked learner takes another's stream: of: {arm: NAME, stage: NAME, what: stream}")
    return of


StreamOf = Annotated[
    Annotated[Of | None, AfterValidator(_stream)],
    Field(
        description="being yoked: {arm: NAME, stage: NAME, what: stream}; the learner has the episodes of the other "
        "arm's learner of its seed, what that one did to the world is done again, and only its answers are its own"
    ),
]


@dataclass(frozen=True)
class Yoke:
    """Whose stream is followed, if anybody's, in ``copies`` copies of an environment; and what is noted for others.

    A trial stage has one. It adds its ``metrics``, ``bytes`` and ``begin`` to the stage's own, and opens the ``stream``
    of its world.
    """

    of: Of | None
    env_spec: EnvSpec
    copies: int

    @property
    def metrics(self) -> tuple[str, ...]:
        return () if self.of is None else GIVEN

    @property
    def has_stream(self) -> bool:
        """Whether the environment says which actions are answers."""
        return bool(answers_of(self.env_spec))

    def bytes(self, steps: int) -> int:
        """Of the streams of one learner after so many env_steps: its own, and the other's."""
        return steps * (2 + 8 // MARK_EVERY) * (1 + (self.of is not None)) if self.has_stream else 0

    def unable_to_follow(self, giver: Yoke | None) -> str:
        """Why the stream of ``giver`` can't be followed, in words; empty where it can."""
        try:
            if giver is None or not giver.has_stream:
                where = "that stage is no trial.ppo" if giver is None else f"{giver.env_spec} has no answers"
                mend = "take that of a trial.ppo in an environment that says which actions are answers"
                return f"{where}, so it has no stream; {mend}"
            if giver.env_spec.id != self.env_spec.id or giver.env_spec.wrappers != self.env_spec.wrappers:
                return f"it was in {giver.env_spec}, not in {self.env_spec}; give both stages the same env"
            own, other = world_keywords(self.env_spec), world_keywords(giver.env_spec)
        except WorldError:  # that is said elsewhere, at its place
            return ""
        for key, value in other.items():
            if own.get(key) != value:
                why = f"its environment had {key}={value}, not {own.get(key)}"
                return f"{why}; env_kwargs may differ in what is seen alone"
        if giver.copies != self.copies:
            return f"it had num_envs {giver.copies}, not {self.copies}; give both stages the same"
        return ""

    def begin(self, n: int, context: Context) -> State:
        """What a stage's state holds of streams at first; nothing where there are none."""
        return {"stream": {"visit": torch.full((n,), context.visit)}} if self.has_stream else {}

    def course(self, context: Context, state: State) -> tuple[Stream | None, Context]:
        """The stream as a stage goes on with it, and the context whose episodes it lives."""
        if not self.has_stream:
            return None, context
        held = {name: array for name, array in state["stream"].items() if name != "visit"}
        followed = None
        if self.of is not None:
            given = context.stream_of(self.of)
            followed = Followed(given.actions.cpu().numpy(), given.marks.cpu().numpy(), str(self.of))
            context = replace(context, name=self.of.stage, visit=given.visit)
        return Stream(self.env_spec, answers_of(self.env_spec), context.seeds, self.copies, followed, held), context


def left(stream: Stream | None, state: Mapping[str, Any]) -> State:
    """What a stage leaves in its state of a stream; nothing where there is none."""
    return {} if stream is None else {"stream": {**state["stream"], **stream.state()}}


def stream_given(state: State) -> dict[str, Tensor]:
    """Of a stage's state, the stream of its learners, as ``GivenStream`` has it; {} where there is none."""
    own = state.get("stream", {})
    if "actions" not in own:
        return {}
    return {name: torch.as_tensor(own[name]) for name in ("actions", "marks", "visit")}
