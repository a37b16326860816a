"""JSON Schema in words, and Markdown tables."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_NAMES = {"string": "text", "boolean": "true or false", "integer": "integer", "number": "number", "null": "none"}


def type_words(schema: Json) -> str:
    """What a value may be, e.g. ``integer ≥ 1``, ``list of integer ≥ 1``, `` `adam` or `sgd` ``."""
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return " or ".join(code(value) for value in schema["enum"])
    if "$ref" in schema:
        return "map (see below)"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            kinds = [type_words(part) for part in schema[several] if part.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    return _simple(schema)


def _simple(schema: Json) -> str:
    kind = schema.get("type")
    if kind == "array":
        return _list(schema)
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"map of {type_words(inner)}" if isinstance(inner, dict) and inner else "map"
    limits = [f"{sign} {_number(schema[key])}" for key, sign in _LIMITS.items() if key in schema]
    return " ".join([_NAMES.get(str(kind), "anything"), " and ".join(limits)]).strip()


def _number(value: float) -> str:
    """A limit; a large power of two as one."""
    exponent = int(value).bit_length() - 1
    return f"2^{exponent}" if exponent > 20 and value == 2**exponent else f"{value:g}"


def _list(schema: Json) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(type_words(part) for part in schema['prefixItems'])}]"
    inner = schema.get("items")
    return f"list of {type_words(inner)}" if inner else "list"


def default_words(schema: Json, required: bool) -> str:
    """The default as YAML would have it; ``required`` where there is none."""
    if required:
        return "required"
    default = schema.get("default")
    return "none" if default is None or default in ({}, []) else code(default)


def code(value: Any) -> str:
    """A value as inline code, as YAML's flow style writes it."""
    return f"`{value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)}`"


def flow(value: Any) -> str:
    """A value in YAML's flow style, on one line: ``{kind: mlp, width: [128, 64]}``."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    return str(value) if isinstance(value, str) else json.dumps(value)


def plain(text: str) -> str:
    """Text that stands for itself in Markdown, apart from inline code."""
    parts = text.replace("``", "`").split("`")
    for k in range(0, len(parts), 2):
        for sign in ("*", "<", "["):
            parts[k] = parts[k].replace(sign, f"\\{sign}")
    return "`".join(parts)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; pipes inside the cells are escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def key_table(properties: Mapping[str, Json], required: Iterable[str]) -> str:
    """Keys with type, default and meaning."""
    needed = set(required)
    rows = (
        [f"`{key}`", type_words(schema), default_words(schema, key in needed), plain(schema.get("description", ""))]
        for key, schema in properties.items()
    )
    return table(("key", "value", "default", "meaning"), rows)


def maps(path: str, value: Json, definitions: Json, inside: tuple[str, ...] = ()) -> Iterator[tuple[str, Json]]:
    """Every map with named keys that a value may be, with its place; each definition once on the way down."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        if name not in inside:
            yield from maps(path, definitions[name], definitions, (*inside, name))
        return
    for several in ("anyOf", "oneOf", "allOf"):
        for part in value.get(several, ()):
            yield from maps(path, part, definitions, inside)
    if "properties" in value:
        yield path, value
        for key, inner in value["properties"].items():
            yield from maps(f"{path}.{key}", inner, definitions, inside)
    for key, ending in (("items", "[]"), ("additionalProperties", ".NAME")):
        if isinstance(value.get(key), dict):
            yield from maps(path + ending, value[key], definitions, inside)


def map_tables(keys: Mapping[str, Json], definitions: Json, level: int) -> Iterator[str]:
    """A heading and a table for each map that ``keys`` lead to; one that several lead to is shown once."""
    shown: dict[str, tuple[list[str], Json]] = {}
    for key, value in keys.items():
        for path, body in maps(key, value, definitions):
            places = shown.setdefault(json.dumps(body, sort_keys=True), ([], body))[0]
            places += [path] if path not in places else []
    for places, body in shown.values():
        yield f"{'#' * level} {', '.join(map(code, places))}"
        yield plain(body.get("description", ""))
        yield key_table(body["properties"], body.get("required", ()))
