"""What all results have in common: frozen parts, and notes that a file holds as sentences."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

At = str | int  # end, best, birth, area, or an update of the last stage
Interval = tuple[float | None, float | None]  # None for an infinite end
Varied = dict[str, JsonValue]  # what a point of vary sets, by path
Unit = Annotated[str, Field(description="the metric's unit; a share is shown in percent")]
Renderer = Callable[["Note"], str]

AGAINST = Field(description="the arm that it is compared with")


class Model(BaseModel):
    """A frozen part of a result. What has a default is left out of a file where it holds it; so is ``unit``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    @model_serializer(mode="wrap")
    def as_file(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """The part as it stands in a file."""
        found: dict[str, Any] = handler(self)
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) == field.get_default(call_default_factory=True):
                found.pop(field.alias or name, None)
        found.pop("unit", None)
        return found


class Note(Model):
    """Something that a reader has to know: a code, and what a sentence about it needs."""

    code: str = Field(description="what it is about")
    fields: dict[str, JsonValue] = Field(description="what a sentence about it needs")

    @classmethod
    def of(cls, code: str, **fields: Any) -> Self:
        """A note by its code and fields. Raises pydantic's ValidationError where there is no such code."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
        return cls.model_validate({"code": code, "fields": plain})

    @model_serializer(mode="wrap")
    def as_file(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        """The sentence, where the context has a ``render``; else code and fields."""
        render = (info.context or {}).get("render")
        return handler(self) if render is None else render(self)


class Warning_(Note):
    """What a reader has to know before believing a verdict."""

    code: Literal[
        "seeds_added", "probes_differ", "unfinished", "few", "out_of_reach", "diverged", "not_finite", "shared_seeds",
        "match_unseen", "scored_at_end", "missing_controls", "no_control", "not_inherited", "left_out",
        "gate_unpassed", "seeds_chosen", "question_set", "asked_elsewhere", "run_otherwise", "programs_differ",
        "departs", "registered_beside", "worst_above_chance", "hangs_on_worst", "tails", "undetermined",
        "restarted", "doubtful", "registered_elsewhere", "records_altered", "forgotten", "accepts_much",
        "accepts_little", "middle_half", "plan_edited", "failed", "common_seeds", "seeds_apart",
    ]  # fmt: skip


class Standing(Note):
    """Whether what is asked was registered, and whether anything on record speaks against that."""

    code: Literal["registered", "departs", "doubtful", "another_registered", "not_registered"]


class Reason(Note):
    """Why a verdict is exploratory or open, or why something has no answer."""

    code: Literal[
        "other_question", "several_runs", "unplanned_count", "unplanned_seeds", "seen_unplanned",
        "unfinished", "no_worst", "unscored", "never_finite", "nothing_differs", "one_lineage", "one_seed",
        "levels", "schedule", "changing", "few_passages", "out_of_reach", "unknown_value",
        "no_error", "few_points", "zero_size", "few_seeds", "zero_error", "few_moments", "flat", "left_out",
        "one_learner", "lopsided", "unpaired_location", "failed", "some_seeds",
    ]  # fmt: skip


def document(found: Model, render: Renderer) -> Any:
    """A result as JSON, its notes rendered as sentences: the content of its file. It has no units of metrics."""
    return found.model_dump(mode="json", by_alias=True, context={"render": render})
