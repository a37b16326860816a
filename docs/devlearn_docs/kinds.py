"""Stages, probes, brains and environments as Markdown, from their models and docstrings."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from devlearn import registry
from devlearn.probes.probe import Probe
from devlearn.scenario.models import UNITS
from devlearn.stages.protections.protection import Protection
from devlearn.stages.stage import Stage
from devlearn_docs.docstrings import Doc, own_doc, parse
from devlearn_docs.words import Json, code, key_table, map_tables, plain, table


def ours(group: str) -> dict[str, type]:
    """The kinds of a group that this package brings, by name."""
    found = {name: registry.get(group, name) for name in registry.names(group)}
    return {name: cls for name, cls in found.items() if cls.__module__.startswith("devlearn.")}


def stages() -> str:
    """Every stage, family by family, after the keys that all share."""
    return "\n\n".join([_common(Stage, UNITS), *(_stage(kind, cls) for kind, cls in ours("stages").items())])


def probes() -> str:
    return "\n\n".join([_common(Probe), *(_probe(kind, cls) for kind, cls in ours("probes").items())])


def protections() -> str:
    return "\n\n".join(_protection(kind, cls) for kind, cls in ours("protections").items())


def brains() -> str:
    return "\n\n".join(_brain(kind, cls) for kind, cls in ours("brains").items())


def sections() -> str:
    """The sections of the report in their order on the page."""
    from devlearn.report.section import sections as in_order

    rows = ([one.title, plain(" ".join(inspect.cleandoc(one.__doc__ or "").split()))] for one in in_order())
    return table(("section", "what it shows"), rows)


def _common(base: Any, units: tuple[str, ...] = ()) -> str:
    """The keys that every kind of a group has."""
    body = base.model_json_schema()
    shared = {key: schema for key, schema in body["properties"].items() if key not in units}
    parts = ["## Keys that all have", key_table(shared, body.get("required", ()))]
    if units:
        budgets = {key: body["properties"][key] for key in units if key in body["properties"]}
        parts.append(
            "A stage that does not act once has exactly one budget, always for one learner. "
            "Which of these make sense is listed with each kind."
        )
        parts.append(key_table(budgets, ()))
    return "\n\n".join([*parts, *map_tables(shared, body.get("$defs", {}), 3)])


def _own_keys(cls: Any, base: Any) -> str:
    """The keys of a kind beyond its base's."""
    body = cls.model_json_schema()
    own = {key: schema for key, schema in body["properties"].items() if key not in base.model_fields}
    if not own:
        return "It has no keys of its own."
    return "\n\n".join([key_table(own, body.get("required", ())), *map_tables(own, body.get("$defs", {}), 3)])


def _heading(kind: str, cls: Any, family: str) -> str:
    return f"({family}-{kind})=\n## {kind}"


def _stage(kind: str, cls: Any) -> str:
    doc = parse(own_doc(cls))
    budgets = f"Budgets: {', '.join(map(code, cls.units))}." if cls.units else "It acts once and has no budget."
    said = table(("metric", "meaning"), ([code(m), plain(doc.metrics.get(m, ""))] for m in cls.metrics))
    names = ", ".join(map(code, cls.stream_names))
    streams = f"Streams that `pin` can name: {names}." if names else "It draws nothing."
    fixed = [code(key) for key in cls.immutable_keys if key in cls.model_fields]
    kept = f"Keys that `change` can't touch: {', '.join(fixed)}." if fixed else ""
    asked = f"Controls that it needs: {', '.join(map(code, cls.controls))}." if cls.controls else ""
    is_one = f"It makes the control {code(cls.control)}." if cls.control else ""
    facts = " ".join(part for part in (budgets, streams, kept, asked, is_one, f"Version {cls.version}.") if part)
    parts = [_heading(kind, cls, "stage"), doc.text, facts, _own_keys(cls, Stage)]
    parts += ["What it writes to `train.csv`:", said] if cls.metrics else ["It writes no metrics of its own."]
    return "\n\n".join([*parts, *_origin(doc)])


def _probe(kind: str, cls: Any) -> str:
    doc = parse(own_doc(cls))
    rows = [
        [
            code(name),
            m.better,
            "the scenario has to say" if m.worst is None else f"{m.worst:g}",
            plain(doc.metrics.get(name, "")),
        ]
        for name, m in cls.metrics.items()
    ]
    said = table(("metric", "better", "a diverged learner counts as", "formula"), rows)
    parts = [_heading(kind, cls, "probe"), doc.text, f"Version {cls.version}.", said, _own_keys(cls, Probe)]
    return "\n\n".join([*parts, *_origin(doc)])


def _protection(kind: str, cls: Any) -> str:
    doc = parse(own_doc(cls))
    return "\n\n".join(
        [
            _heading(kind, cls, "protection"),
            doc.text,
            f"Version {cls.version}.",
            _own_keys(cls, Protection),
            *_origin(doc),
        ]
    )


def _brain(kind: str, cls: Any) -> str:
    doc = parse(own_doc(cls))
    body: Json = cls.model_json_schema()
    keys = {key: schema for key, schema in body["properties"].items() if key != "kind"}
    return "\n\n".join(
        [_heading(kind, cls, "brain"), doc.text, key_table(keys, body.get("required", ())), *_origin(doc)]
    )


def _origin(doc: Doc) -> Iterator[str]:
    if doc.source:
        yield f"**Source.** {doc.source}"
    if doc.deviations:
        yield f"**Deviations.** {doc.deviations}"


def data() -> str:
    """Our own data sets: their images, and how many there are of each split."""
    from devlearn.tasks.data import size, source_named, splits

    rows = []
    for name, cls in ours("data").items():
        source = source_named(name)
        sizes = ", ".join(f"{split.partition('.')[2]} {size(split):,}" for split in splits(source))
        shape = " x ".join(map(str, source.shape))
        rows.append([code(name), plain(own_doc(cls)), shape, str(source.classes), code(source.read_out), sizes])
    return table(("name", "what it is", "images", "classes", "read-out", "splits"), rows)


def environments() -> str:
    """Our own environments; their docstrings have Gymnasium's headings."""
    from devlearn_envs import NATIVE

    return "\n\n".join(_environment(name, cls) for name, cls in NATIVE.items())


def _environment(name: str, cls: Any) -> str:
    text = re.sub(r"^## ", "### ", inspect.cleandoc(own_doc(cls)), flags=re.MULTILINE)
    return f"## {name}\n\n{text}"
