"""``stream``: tasks that come one after another, as the file writes them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from devlearn.scenario.keys import Frozen


class Stream(Frozen):
    """Tasks made of one data set, to be learned one after another."""

    kind: Literal["split", "permuted", "rotated", "blurred", "imbalanced", "relabelled", "envs"] = Field(
        description="split: each task has some of the classes, in their order; permuted: the pixels of each task but "
        "the first change places; rotated: tasks are turned by equal steps, half a turn in all; blurred: they get out "
        "of focus by equal steps, by two pixels in all; imbalanced: in each task other classes are rare, a tenth of "
        "their images; relabelled: in each task but the first the classes have each other's names; envs: tasks are "
        "environments, with the keys of such a stream"
    )
    data: str = Field(description="the data set, without a part: mnist, digits, own.npz, package.module:Name")
    into: int = Field(5, ge=2, le=1000, description="how many tasks")
    setting: Literal["task", "domain", "class"] | None = Field(
        None,
        description="task: each has a read-out of its own; domain: they share one, which is not told the task; class: "
        "they share one that tells the classes of all tasks apart (split). Empty: class for split, else domain",
    )
    stage: Mapping[str, Any] = Field(default_factory=dict, description="keys of each stage: updates, batch, lr, ...")
    probe: Mapping[str, Any] = Field(default_factory=dict, description="keys of each probe: every, quick, ...")
    experts: bool = Field(
        False, description="add an arm only-task1, only-task2, ... for each task, which learns it alone: its expert"
    )


class EnvTask(Frozen):
    """One environment of a stream: what a stage and its probe say of it."""

    env: str = Field(description="a Gymnasium id")
    env_kwargs: Mapping[str, Any] = Field(default_factory=dict, description="its keyword arguments")
    wrappers: list[Any] = Field(default_factory=list, description="what it is wrapped in")


def _as_map(item: Any) -> Any:
    return {"env": item} if isinstance(item, str) else item


OneEnv = Annotated[
    EnvTask,
    BeforeValidator(_as_map),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "required": ["env"]}]}),
]


class EnvStream(Frozen):
    """Tasks that are environments, to be learned one after another."""

    kind: Literal["envs"] = Field(description="tasks are environments")
    envs: Annotated[list[OneEnv], Field(min_length=2, max_length=1000)] = Field(
        description="the environments in their order: ids, or maps of env, env_kwargs and wrappers"
    )
    setting: Literal["task", "domain"] | None = Field(
        None,
        description="task: every task has another id, and so a read-out of its own; domain: all are of one id with "
        "other keyword arguments, and share its read-out, which is not told the task. Empty: as the ids have it",
    )
    stage: Mapping[str, Any] = Field(
        default_factory=dict, description="keys of each stage: kind (trial.ppo, if it has none), env_steps, lr, ..."
    )
    probe: Mapping[str, Any] = Field(default_factory=dict, description="keys of each probe: episodes, every, ...")
    experts: bool | None = Field(
        None,
        description="add an arm only-task1, only-task2, ... for each task, which learns it alone: its expert, for "
        "normalised scores. Empty: where ids differ, as returns of different environments have no mean",
    )
