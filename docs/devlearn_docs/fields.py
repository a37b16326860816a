"""The fields of the files that a run writes. Their meanings are in fields.yaml; a test holds them to real files."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from devlearn_docs.words import code, table


@cache
def described() -> dict[str, dict[str, str]]:
    """{file: {path of a field: meaning}}."""
    found: dict[str, dict[str, str]] = yaml.safe_load(
        Path(__file__).with_name("fields.yaml").read_text(encoding="utf-8")
    )
    return found


def fields(file: str) -> str:
    """The fields of one file as a table."""
    return table(("field", "meaning"), ([code(path), meaning] for path, meaning in described()[file].items()))


def exported(name: str) -> str:
    """The columns of one table of ``devlearn export``."""
    from devlearn.report.export import COLUMNS

    return table(("column", "meaning"), ([code(column), meaning] for column, meaning in COLUMNS[name].items()))


def paths(value: Any, known: frozenset[str] | set[str] | dict[str, Any], at: str = "") -> Iterator[str]:
    """The path of every field of a JSON value, with ``[]`` for a list's entries and ``*`` where names are free.

    ``known`` are the described paths: they say where a map's names are free (``arms.*``).
    """
    if isinstance(value, list):
        for entry in value:
            yield from paths(entry, known, f"{at}[]")
    elif isinstance(value, dict):
        free = any(path == f"{at}.*" or path.startswith((f"{at}.*.", f"{at}.*[")) for path in known)
        for key, entry in value.items():
            inner = f"{at}.{'*' if free else key}".lstrip(".")
            yield inner
            yield from paths(entry, known, inner)
