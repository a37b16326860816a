"""A JSON Schema of the scenario file, for editors that complete and check as one types."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from devlearn.registry import get, names
from devlearn.scenario.keys import LONGEST, NAME, UNITS
from devlearn.scenario.models import ArmSpec, Compare, File, units_of

Json = dict[str, Any]


def schema() -> Json:
    """The schema (draft 2020-12) of a scenario with the stages, brains and probes that are installed here."""
    plugins = {group: _classes(group) for group in ("stages", "brains", "probes", "protections")}
    models: list[type[BaseModel]] = [
        File,
        ArmSpec,
        Compare,
        *(cls for group in plugins.values() for cls in group.values()),
    ]
    parts, shared = models_json_schema([(model, "validation") for model in models])
    # models_json_schema gives each model a reference into the shared definitions
    definitions = shared.get("$defs", {})
    body = {model: _definition(reference, definitions) for (model, _), reference in parts.items()}
    top = dict(body[File])
    top["properties"] = {**top["properties"], **_sections(plugins, body)}
    top["required"] = ["devlearn"]
    whole = ({"required": ["scenario", "brain", key, "arms"]} for key in ("stages", "stream"))
    top["anyOf"] = [{"required": ["extends"]}, *whole]
    kinds = plugins["protections"].items()
    definitions["Protection"] = {"oneOf": [*(_variant(kind, cls, body[cls]) for kind, cls in kinds), _foreign()]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": definitions}


def _classes(group: str) -> dict[str, type[BaseModel]]:
    """The kinds of a group that describe their keys."""
    found = {name: get(group, name) for name in names(group)}
    return {name: cls for name, cls in found.items() if isinstance(cls, type) and issubclass(cls, BaseModel)}


def _definition(reference: Json, definitions: Json) -> Json:
    name = str(reference["$ref"]).rpartition("/")[2]
    return dict(definitions[name])


def _sections(plugins: dict[str, dict[str, type[BaseModel]]], body: dict[Any, Json]) -> Json:
    variants = {
        group: {"oneOf": [*(_variant(kind, cls, body[cls]) for kind, cls in kinds.items()), _foreign()]}
        for group, kinds in plugins.items()
    }
    return {
        "brain": variants["brains"],
        "stages": _named(variants["stages"]),
        "arms": _named({"anyOf": [_list(body[ArmSpec]), _short(body[ArmSpec])]}),
        "probes": _named(variants["probes"]),
        "compare": body[Compare],
    }


def _named(value: Json) -> Json:
    return {"type": "object", "propertyNames": {"pattern": NAME, "maxLength": LONGEST}, "additionalProperties": value}


def _variant(kind: str, cls: type[BaseModel], body: Json) -> Json:
    """A kind's keys; of the budgets only those in units that make sense for it."""
    absent = set(UNITS) - set(units_of(cls)) if hasattr(cls, "units") else set()
    properties = {key: value for key, value in body.get("properties", {}).items() if key not in absent}
    required = ["kind", *(key for key in body.get("required", []) if key != "kind")]
    return {**body, "title": kind, "properties": {"kind": {"const": kind}, **_rest(properties)}, "required": required}


def _rest(properties: Json) -> Json:
    return {key: value for key, value in properties.items() if key != "kind"}


def _foreign() -> Json:
    """``package.module:Class``: its keys are its own business."""
    return {"type": "object", "properties": {"kind": {"type": "string", "pattern": ":"}}, "required": ["kind"]}


def _items(arm: Json) -> Json:
    """An arm's stages: NAME or {use, as, set}."""
    listed = dict(arm["properties"]["stages"])
    return {**listed, "items": {"anyOf": [{"type": "string"}, listed["items"]]}}


def _list(arm: Json) -> Json:
    return _items(arm)


def _short(arm: Json) -> Json:
    return {**arm, "properties": {**arm["properties"], "stages": _items(arm)}}
