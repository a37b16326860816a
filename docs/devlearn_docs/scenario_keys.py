"""Every key of the scenario file as Markdown, found by walking the JSON Schema that editors get."""

from devlearn.scenario.models import File
from devlearn.scenario.schema import schema
from devlearn_docs.words import key_table, map_tables

ELSEWHERE = ("brain", "stages", "probes")  # each kind has keys of its own, on its own page


def scenario_keys() -> str:
    """A table of the top level, and one for each map that it leads to."""
    whole, top = schema(), File.model_json_schema()
    sections = {key: value for key, value in whole["properties"].items() if key not in ELSEWHERE}
    parts = ["## Top level", key_table(top["properties"], top["required"])]
    return "\n\n".join(part for part in [*parts, *map_tables(sections, whole["$defs"], 2)] if part)
