"""How keys of stages and probes are written: which a plan leaves out, and by which older names they are read."""

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel

# Keys that plans of 0.1 don't know. They are written only where they say something, so that a life which was planned
# then is the same life now.
YOUNGER = frozenset(
    {
        *("wrappers", "step_timeout", "sense", "vocabulary", "action_scaling", "demonstrations", "random", "reflex"),
        *("intrinsic", "sampled", "lessons", "of", "symmetric", "sequence_length", "row_by_row", "protect", "tasks"),
    }
)
# Younger where they are empty: older stages or probes have something else of these names.
YOUNGER_IF_EMPTY = frozenset({"teacher", "classes", "view", "head", "relabel", "rare"})
# Keys that change no result: they reach the workers, and are no part of what is asked.
INCIDENTAL = frozenset({"step_timeout"})


def brief(model: BaseModel, written: dict[str, Any]) -> dict[str, Any]:
    """What a stage or probe is ``written`` as, without the younger keys that hold their default."""
    fields = type(model).model_fields
    silent = {key for key in YOUNGER & fields.keys() if getattr(model, key) == fields[key].default}
    silent |= {key for key in YOUNGER_IF_EMPTY & fields.keys() if getattr(model, key) is None}
    return {key: value for key, value in written.items() if key not in silent}


def read_old_keys(model: type[BaseModel], renamed: Mapping[str, str]) -> None:
    """Let ``model`` read keys by the names that older files have for them: {old: new}; both at once are refused.

    Aliases, as a validator that comes before the fields would make pydantic forget that a strict file is JSON.
    """
    for old, new in renamed.items():
        model.model_fields[new].validation_alias = AliasChoices(new, old)
    if renamed:
        model.model_rebuild(force=True)
