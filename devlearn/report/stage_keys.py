"""The keys of a stage that tell what it does: those that are read most, and those that are not as usual."""

from collections.abc import Mapping
from functools import cache

from pydantic_core import to_jsonable_python

from devlearn.evidence.analysis.timeline import AXES, Span
from devlearn.evidence.text.points import brief
from devlearn.records.schema import Keys
from devlearn.registry import NoPlugin, get
from devlearn.report.drawing import style

READ_MOST = ("labels", "data", "env", "lr", "schedule", "blur", "change")


def telling(span: Span) -> Keys:
    """The keys of a stage that are read most, that differ between arms, or that are not at their default.

    Of a plug-in that is named by its module all keys that are set: a page is made without running its file.
    """
    usual = _defaults(span.kind)
    return {
        key: value
        for key, value in span.keys.items()
        if key not in AXES
        and (key in span.own or (value not in (None, [], {}) and (key in READ_MOST or value != usual.get(key))))
    }


def words(value: object) -> str:
    """A key's value for people: ``size 5, walls [1, 2]`` of a map."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {words(one)}" for key, one in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return brief(value)


def keyed(keys: Mapping[str, object]) -> list[str]:
    """``blur 4``: each key and its value, cut where they are long."""
    return [style.shorten(f"{key.replace('_', ' ')}{_shortly(value)}", 24) for key, value in keys.items()]


def _shortly(value: object) -> str:
    """A value after its key: the kind of a map, where it has one, and how many maps a list has."""
    if isinstance(value, Mapping):
        return f" {value['kind']}" if "kind" in value else ""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return f" ({len(value)})"
    return f" {words(value)}"


@cache
def _defaults(kind: str) -> Keys:
    """The defaults of a stage's keys; none are known of a plug-in's, nor of a stage that there is no more."""
    if ":" in kind:
        return {}
    try:
        fields = get("stages", kind).model_fields
    except NoPlugin:
        return {}
    found: Keys = {
        name: to_jsonable_python(field.get_default(call_default_factory=True))
        for name, field in fields.items()
        if not field.is_required()
    }
    return found
