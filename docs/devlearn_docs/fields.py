"""The fields of the files that a run writes, from their models' descriptions.

What has no model is described in fields.yaml; a test holds that to real files.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel

from devlearn.records import results, schema
from devlearn_docs.words import code, table

MODELS: dict[str, type[BaseModel]] = {
    "resolved": schema.Resolved,
    "manifest": schema.Manifest,
    "registration": schema.Registration,
    "steps": schema.Steps,
    "seen": schema.Seen,
    "job": schema.JobSpec,
    "state": schema.JobState,
    "cores": schema.Cores,
    "progress": schema.Progress,
    "comparison": results.Comparison,
    "analyses": results.Analyses,
}
LEFT_OUT = "unit"  # of results: for those who show them, not in the files


@cache
def described() -> dict[str, dict[str, str]]:
    """{file: {path of a field: meaning}}."""
    written: dict[str, dict[str, str]] = yaml.safe_load(
        Path(__file__).with_name("fields.yaml").read_text(encoding="utf-8")
    )
    models: dict[str, dict[str, str]] = {name: {} for name in MODELS}
    for name, model in MODELS.items():
        for path, meaning in of_model(model):
            models[name].setdefault(path, meaning)  # of parts that may be one or another, the first one's
    arrays = {f"{file} {name}": text for file, names in schema.ARRAYS.items() for name, text in names.items()}
    return {**written, **models, "train": schema.TRAIN, "feedback": schema.FEEDBACK, **schema.TABLES, "arrays": arrays}


def of_model(model: type[BaseModel], at: str = "") -> Iterator[tuple[str, str]]:
    """(path, meaning) of every field of a model and of the models in it; ``[]`` and ``*`` as ``paths`` has them."""
    for name, field in model.model_fields.items():
        if issubclass(model, results.Model) and name == LEFT_OUT:
            continue
        path = f"{at}.{field.alias or name}".lstrip(".")
        assert field.description, f"{model.__name__}.{name} has no description"
        yield path, field.description
        for mark, inner in _inner(field.annotation):
            if mark == ".*.*":
                yield f"{path}.*", "one of them"
            if mark.endswith(".*"):
                yield f"{path}{mark}", str(inner.__doc__).partition("\n")[0].rstrip(".")
            yield from of_model(inner, f"{path}{mark}")


def _inner(kind: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models that a type holds, with what a path to one goes on with; a note is a sentence in the file."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if not issubclass(kind, results.Note):
            yield "", kind
        return
    origin, parts = get_origin(kind), get_args(kind)
    mark = {tuple: "[]", list: "[]", dict: ".*"}.get(origin, "")
    for part in parts[1:] if origin is dict else parts:
        if part is not ...:
            yield from ((f"{mark}{rest}", model) for rest, model in _inner(part))


def fields(file: str) -> str:
    """The fields of one file as a table."""
    return table(("field", "meaning"), ([code(path), meaning] for path, meaning in described()[file].items()))


def exported(name: str) -> str:
    """The columns of one table of ``devlearn export``."""
    from devlearn.report.export import COLUMNS

    return table(("column", "meaning"), ([code(column), meaning] for column, meaning in COLUMNS[name].items()))


def paths(value: Any, known: frozenset[str] | set[str] | dict[str, Any], at: str = "") -> Iterator[str]:
    """The path of every field of a JSON value, with ``[]`` for a list's entries and ``*`` where names are free.

    ``known`` are the described paths: they say where a map's names are free (``arms.*``), and which map is described
    as a whole.
    """
    if isinstance(value, list):
        for entry in value:
            yield from paths(entry, known, f"{at}[]")
    elif isinstance(value, dict):
        if at in known and not any(path.startswith(f"{at}.") for path in known):
            return
        free = any(path == f"{at}.*" or path.startswith((f"{at}.*.", f"{at}.*[")) for path in known)
        for key, entry in value.items():
            inner = f"{at}.{'*' if free else key}".lstrip(".")
            yield inner
            yield from paths(entry, known, inner)
