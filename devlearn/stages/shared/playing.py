"""Play in an environment, whose episodes may be lessons: what stages of trial and error have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from devlearn.stages.shared.lessons import Curriculum, happened, order_given
from devlearn.stages.stage import Stage
from devlearn.tasks.envs import EnvSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from torch import Tensor

    from devlearn.scenario.controls import Control
    from devlearn.stages.context import State
    from devlearn.stages.shared.lessons import LessonsKey, TeacherKey
    from devlearn.stages.stage import Happening


class Playing(Stage):
    """A stage whose learners act in ``env``; its keys are those that are named here, and its own."""

    role = "trial"
    units = ("env_steps", "updates", "flops")
    controls: ClassVar[tuple[Control, ...]] = ("order",)

    if TYPE_CHECKING:  # a stage declares its keys itself, in the order that they are told in
        env: str
        env_kwargs: Mapping[str, Any]
        wrappers: Sequence[Any]
        step_timeout: float
        vocabulary: Any
        lessons: LessonsKey
        teacher: TeacherKey

    @property
    def curriculum(self) -> Curriculum:
        """Its lessons, and who teaches them."""
        return Curriculum(self.lessons, self.teacher)

    @property
    def env_spec(self) -> EnvSpec:
        """Its environment."""
        keys = (self.env_kwargs, self.wrappers, self.step_timeout, self.vocabulary)
        return EnvSpec.of(self.env, *keys, getattr(self, "action_scaling", "affine"))

    def needed_controls(self) -> tuple[Control, ...]:
        return self.curriculum.controls

    def environments(self) -> tuple[EnvSpec, ...]:
        return self.curriculum.environments(self.env_spec)

    def happened(self, state: State) -> Iterable[Happening]:
        return happened(state)

    def gives(self, state: State) -> dict[str, Tensor]:
        return order_given(state)
