"""Stages, probes, brains, environments and data sets as Markdown, from their models and docstrings.

Protections, brains and sections of the report have a page for all; of the others each has one of its own.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from devlearn import registry
from devlearn.probes.probe import Probe
from devlearn.scenario.keys import UNITS
from devlearn.stages.protections.protection import Protection
from devlearn.stages.stage import Stage
from devlearn_docs.docstrings import Doc, own_doc, parse
from devlearn_docs.words import Json, code, key_table, map_tables, plain, table


@cache
def ours(group: str) -> dict[str, type]:
    """The kinds of a group that this package brings, by name."""
    found = {name: registry.get(group, name) for name in registry.names(group)}
    return {name: cls for name, cls in found.items() if cls.__module__.startswith("devlearn.")}


def stages() -> str:
    """What each stage is, with a link to its page, and the keys that all share."""
    return "\n\n".join([_contents("stages", "stage"), _common(Stage, UNITS)])


def probes() -> str:
    return "\n\n".join([_contents("probes", "probe"), _common(Probe)])


def _contents(group: str, what: str) -> str:
    """Every kind with the first sentence of its docstring."""
    rows = ([linked(group, kind), first_sentence(cls)] for kind, cls in ours(group).items())
    return table((what, "what it does" if what == "stage" else "what it measures"), rows)


def linked(group: str, name: str) -> str:
    """A link to the page of a thing, from anywhere."""
    return f"[{code(name)}](/library/{group}/{file_name(name)}.md)"


def has_page(group: str, name: str) -> bool:
    """Whether it is one of ours."""
    from devlearn_envs import NATIVE

    return name in (NATIVE if group == "environments" else ours(group))


def file_name(name: str) -> str:
    """What the page of a thing is called: innate-gabor for ``innate/gabor``, TMaze-v0 for ``devlearn/TMaze-v0``."""
    return name.removeprefix("devlearn/").replace("/", "-")


def first_sentence(cls: type) -> str:
    """The first sentence of a class's docstring."""
    return plain(_first(parse(own_doc(cls)).text))


def _first(text: str) -> str:
    """The first sentence of a text; "et al." ends none."""
    return re.split(r"(?<=[.?!])(?<!\bal\.)\s", " ".join(text.partition("\n\n")[0].split()))[0]


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
    what = base.__name__.lower()
    parts = [f"## Keys that every {what} has", key_table(shared, body.get("required", ()))]
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


def _heading(kind: str, family: str) -> str:
    return f"({family}-{kind})=\n## {kind}"


def stage_facts(cls: Any) -> str:
    """Budgets, streams and what else a stage declares."""
    budgets = f"Budgets: {', '.join(map(code, cls.units))}." if cls.units else "It acts once and has no budget."
    names = ", ".join(map(code, cls.stream_names))
    streams = f"Streams that `pin` can name: {names}." if names else "It draws nothing."
    fixed = [code(key) for key in cls.immutable_keys if key in cls.model_fields]
    kept = f"Keys that `change` can't touch: {', '.join(fixed)}." if fixed else ""
    asked = f"Controls that it needs: {', '.join(map(code, cls.controls))}." if cls.controls else ""
    is_one = f"It makes the control {code(cls.control)}." if cls.control else ""
    return " ".join(part for part in (budgets, streams, kept, asked, is_one, f"Version {cls.version}.") if part)


def stage_keys(cls: Any) -> str:
    return _own_keys(cls, Stage)


def probe_keys(cls: Any) -> str:
    return _own_keys(cls, Probe)


def stage_metrics(cls: Any) -> str:
    """What a stage writes to train.csv."""
    said = parse(own_doc(cls)).metrics
    if not cls.metrics:
        return "It writes no metrics of its own to `train.csv`."
    rows = ([code(name), plain(said.get(name, ""))] for name in cls.metrics)
    return table(("column of `train.csv`", "meaning"), rows)


def probe_metrics(cls: Any) -> str:
    """What a probe measures, and what a learner that diverged counts as."""
    said = parse(own_doc(cls)).metrics
    rows = []
    for name, metric in cls.metrics.items():
        worst = "the scenario has to say" if metric.worst is None else f"{metric.worst:g}"
        rows.append([code(name), metric.better, worst, plain(said.get(name, ""))])
    return table(("metric", "better", "a diverged learner counts as", "formula"), rows)


def _protection(kind: str, cls: Any) -> str:
    doc = parse(own_doc(cls))
    return "\n\n".join(
        [
            _heading(kind, "protection"),
            doc.text,
            f"Version {cls.version}.",
            _own_keys(cls, Protection),
            *origin(doc),
        ]
    )


def _brain(kind: str, cls: Any) -> str:
    doc = parse(own_doc(cls))
    body: Json = cls.model_json_schema()
    keys = {key: schema for key, schema in body["properties"].items() if key != "kind"}
    tables = [key_table(keys, body.get("required", ())), *map_tables(keys, body.get("$defs", {}), 3)]
    return "\n\n".join([_heading(kind, "brain"), doc.text, *tables, *origin(doc)])


def origin(doc: Doc) -> Iterator[str]:
    if doc.source:
        yield f"**Source.** {doc.source}"
    if doc.deviations:
        yield f"**Deviations.** {doc.deviations}"


def data() -> str:
    """Our own data sets: their images, and how many there are of each split."""
    rows = []
    for name, cls in ours("data").items():
        shape, classes, read_out, sizes = data_facts(name)
        rows.append([linked("data", name), first_sentence(cls), shape, classes, read_out, sizes])
    return table(("name", "what it is", "images", "classes", "read-out", "splits"), rows)


def data_facts(name: str) -> tuple[str, str, str, str]:
    """The shape of a data set's images, its number of classes, read-out and splits."""
    from devlearn.tasks.data import size, source_named, splits

    source = source_named(name)
    sizes = ", ".join(f"{split.partition('.')[2]} {size(split):,}" for split in splits(source))
    return " x ".join(map(str, source.shape)), str(source.classes), code(source.read_out), sizes


def environments() -> str:
    """Our own environments, each with the first sentence of its description."""
    from devlearn_envs import NATIVE

    rows = ([linked("environments", name), plain(description(cls))] for name, cls in NATIVE.items())
    return table(("environment", "what happens in it"), rows)


def description(cls: type) -> str:
    """The first sentence of an environment's description."""
    return _first(own_doc(cls).partition("## Description\n")[2])
