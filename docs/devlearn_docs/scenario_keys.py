"""Every key of the scenario file as Markdown, found by walking the JSON Schema that editors get."""

from collections.abc import Iterator

from devlearn.scenario.model import File
from devlearn.scenario.schema import schema
from devlearn_docs.words import Json, key_table, plain

ELSEWHERE = {
    "brain": "brains",
    "stages": "stages",
    "probes": "probes",
}  # each kind has keys of its own, on its own page


def scenario_keys() -> str:
    """A table of the top level, and one for each map that it leads to."""
    whole = schema()
    definitions = whole["$defs"]
    top = File.model_json_schema()
    parts = ["## Top level", key_table(top["properties"], top["required"])]
    for key, value in whole["properties"].items():
        if key in ELSEWHERE:
            continue
        for path, body in _maps(key, value, definitions, ()):
            parts += [
                f"## `{path}`",
                plain(body.get("description", "")),
                key_table(body["properties"], body.get("required", ())),
            ]
    return "\n\n".join(part for part in parts if part)


def _maps(path: str, value: Json, definitions: Json, inside: tuple[str, ...]) -> Iterator[tuple[str, Json]]:
    """Every map with named keys that a value may be, with its place; each definition once on the way down."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        if name not in inside:
            yield from _maps(path, definitions[name], definitions, (*inside, name))
        return
    for several in ("anyOf", "oneOf", "allOf"):
        for part in value.get(several, ()):
            yield from _maps(path, part, definitions, inside)
    if "properties" in value:
        yield path, value
        for key, inner in value["properties"].items():
            yield from _maps(f"{path}.{key}", inner, definitions, inside)
    for inner in (value.get("items"), value.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from _maps(f"{path}[]" if inner is value.get("items") else f"{path}.NAME", inner, definitions, inside)
