"""Which environment: its id, its keyword arguments and what it is wrapped in, as one value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from devlearn.records.flight import STEP_TIMEOUT

Scaling = Literal["affine", "squash", "none"]
WrapperItem = str | Mapping[str, Any]  # as YAML writes one: an id, or a map of the id and keyword arguments


@dataclass(frozen=True)
class Wrapper:
    """One wrapper: ``id`` is ``package.module:Class``, or the name of one of ``gymnasium.wrappers``."""

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, item: WrapperItem) -> "Wrapper":
        """The wrapper that a scenario writes as ``ID`` or ``{id: ID, KEY: VALUE}``."""
        if isinstance(item, str):
            return cls(item)
        return cls(str(item["id"]), {key: value for key, value in item.items() if key != "id"})

    def __str__(self) -> str:
        return self.id.rpartition(":")[2]


@dataclass(frozen=True, eq=False)
class EnvSpec:
    """An environment as a scenario names it: all that ``make`` needs, and how a learner speaks with it.

    Two are equal where they are made and spoken with alike.

    ``wrappers`` are applied in their order, around what ``gymnasium.make(id, **kwargs)`` gives, its time limit
    included. One call into it may take ``timeout`` seconds, which makes no other environment of it. ``vocabulary`` are
    the words of its texts (None: the environment says them); ``action_scaling`` is how the policy's numbers become
    those of its Box actions (``Controls.clean``).
    """

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[Wrapper, ...] = ()
    timeout: float = STEP_TIMEOUT
    vocabulary: tuple[str, ...] | None = None
    action_scaling: Scaling = "affine"

    @classmethod
    def of(
        cls,
        id: str,
        kwargs: Mapping[str, Any] | None = None,
        wrappers: Sequence[WrapperItem] = (),
        timeout: float = STEP_TIMEOUT,
        vocabulary: Sequence[str] | None = None,
        action_scaling: Scaling = "affine",
    ) -> "EnvSpec":
        """The environment that the keys ``env``, ``env_kwargs``, ``wrappers``, ``step_timeout`` and so on name."""
        words = None if vocabulary is None else tuple(vocabulary)
        return cls(id, dict(kwargs or {}), tuple(map(Wrapper.of, wrappers)), timeout, words, action_scaling)

    @classmethod
    def of_keys(cls, keys: Mapping[str, Any]) -> "EnvSpec | None":
        """The environment that a stage or a probe with these keys opens; None where it has no ``env``."""
        env = keys.get("env")
        if not isinstance(env, str):
            return None
        return cls.of(
            env,
            keys.get("env_kwargs"),
            keys.get("wrappers", ()),
            keys.get("step_timeout", STEP_TIMEOUT),
            keys.get("vocabulary"),
            keys.get("action_scaling", "affine"),
        )

    def also(self, **kwargs: Any) -> "EnvSpec":
        """The same with further keyword arguments."""
        return replace(self, kwargs={**self.kwargs, **kwargs})

    @cached_property
    def key(self) -> str:
        """What equality and caches go by."""
        wrappers = [[wrapper.id, dict(wrapper.kwargs)] for wrapper in self.wrappers]
        parts = [self.id, dict(self.kwargs), wrappers, self.vocabulary, self.action_scaling]
        return json.dumps(parts, sort_keys=True, default=repr)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnvSpec) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        """The id, and what it is wrapped in."""
        return f"{self.id} in {', '.join(map(str, self.wrappers))}" if self.wrappers else self.id
