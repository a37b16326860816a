"""The contract of a protection: what keeps the skills of earlier stages while a stage teaches something else.

A protection is a frozen model whose fields are the keys of ``protect``. It has three verbs: what it keeps when a stage
ends (``end``), what it adds to a minibatch or a loss, and what it does to a gradient or to weights (both by a
``Guard``, which the cohort asks at every update). Stages know nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationInfo, model_serializer

from devlearn.learners.guard import Guard
from devlearn.registry import NoPlugin, get, named, nearest

if TYPE_CHECKING:
    from pydantic import SerializerFunctionWrapHandler
    from torch import nn

    from devlearn.learners.cohort import Cohort
    from devlearn.stages.context import Context, State
    from devlearn.stages.stage import Cost, Stage

OTHERWISE = ("tasks", "row_by_row", "unlabelled", "rule")  # keys by which labelled images are learned otherwise
HEADS = "heads"  # of what is kept: the read-out of every protected stage that has ended, in order


@dataclass(frozen=True)
class Surcharge:
    """What a protection adds to the cost of a stage, for one learner.

    ``images`` and ``flops`` come with every update, ``closing_flops`` once, at the stage's end. ``kept_bytes`` and
    ``kept_images`` are what is kept from then on, of all stages so far. ``memory`` is, in bytes, what the stage holds
    on top of it while it lasts.
    """

    images: int = 0
    flops: int = 0
    closing_flops: int = 0
    kept_bytes: int = 0
    kept_images: int = 0
    memory: int = 0


@dataclass(frozen=True)
class Protecting:
    """Who is protected, in which stage, and what has been kept: a nested dict of numbers, words and tensors (N, ..).

    ``kept`` is the protection's own to write into; every checkpoint holds it, and the next stage finds it.
    """

    cohort: Cohort
    stage: Stage
    context: Context
    kept: State

    @property
    def earlier(self) -> int:
        """How many protected stages have ended before this one."""
        return len(self.kept.get(HEADS, ()))


class Protection(BaseModel):
    """What keeps earlier skills. Subclass it, name it with ``@protection``, and give every field a description.

    The first protected stage of a life has nothing to keep yet; what it adds to a stage begins with the second.

    Attributes:
        kind: set by ``@protection``.
        version: set by ``@protection``; raise it when results change.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def refusal(self, stage: Stage) -> str:
        """Why it can't protect a stage, with the mend; empty where it can."""
        return ""

    def unlike(self, stage: Stage, before: Stage) -> str:
        """Why what it keeps of a stage before, protected by its kind, is of no use in this one, with the mend."""
        return ""

    def cost(self, stage: Stage, brain: nn.Module, earlier: tuple[str, ...]) -> Surcharge:
        """What it adds to a stage's cost after protected stages with these read-outs (empty for those without).

        ``brain`` is one learner's network on the meta device. Raises ValueError, with the mend, for one that it can't
        protect.
        """
        return Surcharge()

    def begin(self, at: Protecting) -> None:
        """The stage begins: nobody has learned anything in it yet."""

    def guard(self, at: Protecting) -> Guard:
        """What the cohort asks at every update. Made anew after a resume: what must last is in ``at.kept``."""
        return Guard()

    def end(self, at: Protecting) -> None:
        """The stage ends: write into ``at.kept`` what the next one shall find."""

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        version = {"version": self.version} if self.version > 1 else {}
        return {"kind": self.kind, **handler(self), **version}


P = TypeVar("P", bound=type[Protection])


def protection(kind: str, version: int = 1) -> Callable[[P], P]:
    """Class decorator: name a protection and enter it into the registry."""
    return named("protections", kind, version)


def protect(given: Any, info: ValidationInfo) -> Any:
    """The protection that a map ``{kind: .., ..}`` names. Raises ValueError with the nearest kind or key."""
    if given is None or isinstance(given, Protection):
        return given
    if not isinstance(given, dict) or "kind" not in given:
        raise ValueError("must be a map with a kind, as {kind: ewc, strength: 100}")
    keys = {key: value for key, value in given.items() if key not in ("kind", "version")}
    try:
        cls: type[Protection] = get("protections", str(given["kind"]))
    except NoPlugin as error:
        raise ValueError(str(error)) from error
    if (version := given.get("version", cls.version)) != cls.version:
        raise ValueError(f"{cls.kind} is version {cls.version} here, and {version} was asked for")
    known = tuple(cls.model_fields)
    for key in keys:
        if key not in known:
            likely = nearest(key, known)
            hint = f"did you mean {likely!r}?" if likely else f"there are: {', '.join(known) or 'none'}"
            raise ValueError(f"{cls.kind} has no key {key!r}; {hint}")
    return cls.model_validate_json(json.dumps(keys), strict=True, context=info.context)


ProtectKey = Annotated[
    SerializeAsAny[Protection] | None,
    BeforeValidator(protect),
    Field(
        description="{kind: .., ..}: what keeps the skills of earlier stages that had the same key, and keeps this "
        "stage's for later ones; `devlearn list protections`; empty: nothing"
    ),
]


def cost_of(stage: Stage, brain: nn.Module, earlier: tuple[str, ...] = ()) -> Cost:
    """What one learner consumes in a stage, its protection included.

    ``earlier`` as for ``Protection.cost``. Raises ValueError, with the mend, where the stage can't be lived or can't
    be protected.
    """
    own = stage.cost(brain)
    if stage.protect is None:
        return own
    if why := _refusal(stage, own):
        raise ValueError(f"protect: {why}")
    more = stage.protect.cost(stage, brain, earlier)
    return replace(
        own,
        images=own.images + own.updates * more.images,
        flops=own.flops + own.updates * more.flops,
        closing_flops=own.closing_flops + more.closing_flops,
        kept_bytes=more.kept_bytes,
        kept_images=more.kept_images,
        memory=own.memory + more.memory + more.kept_bytes,
    )


def unrehearsed(stage: Stage) -> str:
    """Why a stage has no labelled images that could be shown again, in words."""
    fields = type(stage).model_fields
    keys = [key for key in OTHERWISE if key in fields and getattr(stage, key) != fields[key].default]
    return f"{stage.kind} with {' and '.join(keys)} learns otherwise" if keys else f"{stage.kind} has none"


def _refusal(stage: Stage, cost: Cost) -> str:
    assert stage.protect is not None
    if not cost.updates:
        return f"{stage.kind} takes no gradient steps, so there is nothing to guard; leave 'protect' out"
    if stage.role in ("innate", "control"):
        return f"{stage.kind} makes what a life begins with: nothing was learned before it; leave 'protect' out"
    return stage.protect.refusal(stage)
