"""pydantic's errors in plain words, at the place of the value they speak of."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from devlearn.registry import nearest
from devlearn.scenario.keys import UNITS
from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.yaml_nodes import Leaf, List, Map, Node, compose, plain, show

M = TypeVar("M", bound=BaseModel)
EXACT = 1e15  # whole numbers below it are what somebody wrote, digit by digit
Loc = Sequence[int | str]

_WORDS = {
    "int_type": "be a whole number",
    "int_parsing": "be a whole number",
    "int_from_float": "be a whole number",
    "float_type": "be a number",
    "float_parsing": "be a number",
    "finite_number": "be a finite number",
    "string_type": "be text",
    "bool_type": "be true or false",
    "none_required": "be empty",
    "list_type": "be a list",
    "tuple_type": "be a list",
    "set_type": "be a list",
    "frozen_set_type": "be a list",
    "dict_type": "be a map",
    "mapping_type": "be a map",
    "model_type": "be a map",
    "model_attributes_type": "be a map",
    "greater_than": "be greater than {gt:g}",
    "greater_than_equal": "be at least {ge:g}",
    "less_than": "be less than {lt:g}",
    "less_than_equal": "be at most {le:g}",
    "too_short": "have at least {min_length} item(s)",
    "too_long": "have at most {max_length} item(s)",
    "string_too_long": "have at most {max_length} characters, as files are named after it",
    "string_too_short": "have at least {min_length} character(s)",
    "string_pattern_mismatch": "be a name of letters, digits, - and _ that begins with no -",
    "literal_error": "be {expected}",
    "enum": "be {expected}",
}


def validate(model: type[M], node: Map, at: Mark, problems: Problems, without: Collection[str] = ()) -> M | None:
    """The model that a map describes, or None, with every mistake in ``problems``.

    ``at`` is the place of the key that the map belongs to; keys in ``without`` are read by somebody else. Values are
    taken strictly, as JSON would be: ``"100"`` is no number and ``true`` is not 1. The model's validators are told the
    file's folder, where paths begin (``info.context["folder"]``).
    """
    own = Map({key: entry for key, entry in node.entries.items() if key not in without}, node.mark)
    try:
        return model.model_validate_json(
            json.dumps(plain(own)), strict=True, context={"folder": Path(node.mark.file).parent}
        )
    except ValidationError as error:
        _Report(model, own, at, problems, tuple(without)).all(error)
        return None


def mistakes(model: type[BaseModel], keys: Mapping[str, Any], error: ValidationError) -> list[str]:
    """What pydantic has to say of ``keys`` that are not written in a file, in the words of ``validate``."""
    problems, here = Problems(), Mark("keys")
    node = compose(json.dumps(dict(keys), default=str), here.file, Problems())
    assert isinstance(node, Map)
    _Report(model, node, here, problems, ()).all(error)
    return [problem.message for problem in problems.mistakes]


def keys_of(model: type[BaseModel]) -> list[str]:
    """The YAML keys of a model."""
    return [field.alias or name for name, field in model.model_fields.items()]


def usable_keys(model: type[BaseModel]) -> list[str]:
    """The YAML keys that have a use: of a stage's budgets its own units, and none of a way where it acts once."""
    if not isinstance(units := getattr(model, "units", None), tuple):
        return keys_of(model)
    idle = {*UNITS, "until", "change", "protect"} if not units else set(UNITS) - set(units)
    return [key for key in keys_of(model) if key not in idle]


class _Report:
    """Translates the errors of one validation."""

    def __init__(
        self, model: type[BaseModel], node: Map, at: Mark, problems: Problems, without: tuple[str, ...]
    ) -> None:
        self.model, self.node, self.at, self.problems, self.without = model, node, at, problems, without

    def all(self, error: ValidationError) -> None:
        every = error.errors(include_url=False)
        details = [detail for detail in every if not _follows(detail, every)]
        unknown = {str(detail["loc"][-1]) for detail in details if detail["type"] == "extra_forbidden"}
        values: dict[tuple[Mark, str], list[Any]] = {}
        for detail in details:
            kind, loc = detail["type"], detail["loc"]
            if kind == "literal_error" and loc[-1] == "[key]":
                self.unknown(loc[:-1], _options(detail))
            elif kind == "extra_forbidden":
                self.unknown(loc)
            elif kind == "missing":
                self.missing(loc, unknown)
            else:
                mark, name, node = self.find(loc)
                if not (isinstance(node, Leaf) and node.told):
                    values.setdefault((mark, name), []).append(detail)
        for (mark, name), wrong in values.items():
            self.wrong(mark, name, wrong)

    def find(self, loc: Loc) -> tuple[Mark, str, Node]:
        """The place, the name and the node of the deepest part of ``loc`` that the file has.

        A union of types adds parts of its own to ``loc``; those are stepped over by stopping early.
        """
        node: Node = self.node
        name = ""
        for part in loc:
            if isinstance(node, Map) and str(part) in node.entries:
                node, name = node.entries[str(part)].node, str(part)
            elif isinstance(node, List) and isinstance(part, int) and part < len(node.items):
                node, name = node.items[part], f"item {part + 1} of {name}"
        return (node.mark if name else self.at), name, node

    def unknown(self, loc: Loc, known: Sequence[str] = ()) -> None:
        """A key that is none of ``known``, or of the model's own."""
        _, _, parent = self.find(loc[:-1])
        key = str(loc[-1])
        if not known:
            known = [*(self.without if len(loc) == 1 else ()), *usable_keys(_model_at(self.model, loc[:-1]))]
        mark = parent.entries[key].mark if isinstance(parent, Map) else parent.mark
        elsewhere = getattr(self.model, "elsewhere", {}) if len(loc) == 1 else {}
        told = f"; it is {elsewhere[key]}" if key in elsewhere else hint(key, known)
        self.problems.add(mark, f"unknown key {key!r}{told}")

    def missing(self, loc: Loc, unknown: Collection[str]) -> None:
        """A missing key, unless a misspelt one stands for it."""
        key = str(loc[-1])
        if any(nearest(other, [key]) for other in unknown):
            return
        mark, name, _ = self.find(loc[:-1])
        self.problems.add(mark, f"missing key {key!r}{f' in {name}' if name else ''}")

    def wrong(self, mark: Mark, name: str, details: list[Any]) -> None:
        own = [detail for detail in details if detail["type"] in ("value_error", "assertion_error")]
        if own:  # words of the model's own validator
            for detail in own:
                self.problems.add(mark, f"{name}: {detail['ctx']['error']}" if name else str(detail["ctx"]["error"]))
            return
        value = details[0]["input"]
        needs = list(dict.fromkeys(_phrase(detail) for detail in details))
        text = f"{name} must {' or '.join([needs[0], *(need.removeprefix('be ') for need in needs[1:])])}"
        self.problems.add(mark, f"{text}, got {show(value)}{_help(value, details)}")


def _follows(detail: Any, every: Sequence[Any]) -> bool:
    """Whether a list is only too short because what it holds is wrong, which has a message of its own."""
    loc = detail["loc"]
    below = (len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in every)
    return detail["type"] == "too_short" and any(below)


def _phrase(detail: Any) -> str:
    words = _WORDS.get(detail["type"])
    if words is None:
        return str(detail["msg"]).replace("Input should ", "")
    return words.format(**detail.get("ctx", {}))


def _options(detail: Any) -> list[str]:
    """The words that a choice allows."""
    return re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected")))


def _help(value: Any, details: list[Any]) -> str:
    """How to mend a value, where that is plain."""
    options = [word for detail in details for word in _options(detail)]
    types = {detail["type"] for detail in details}
    if isinstance(value, str) and options:
        likely = nearest(value, options)
        return f"; did you mean {likely!r}?" if likely else ""
    if (
        isinstance(value, float)
        and value.is_integer()
        and abs(value) < EXACT
        and types & {"int_type", "int_from_float"}
    ):
        return f"; write {int(value)}"
    if isinstance(value, bool | int | float) and types == {"string_type"}:
        return "; write it in quotes"
    return ""


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel]:
    """The model of the map at ``loc``: fields are followed through optional, list and map types."""
    for part in loc:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if isinstance(part, str) and part in fields:
            model = _model_in(fields[part].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def text_of(node: Node | None) -> str | None:
    """The text of a leaf, or None."""
    return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else None
