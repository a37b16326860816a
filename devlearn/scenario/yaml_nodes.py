"""YAML text -> a tree of nodes that remember their places.

PyYAML's safe composer reads the syntax; the values follow YAML 1.2's core schema: only ``true`` and ``false`` are
booleans (``yes``, ``no``, ``on`` and ``off`` are words) and ``1e-3`` is a number.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from devlearn.scenario.problems import Mark, Problems

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Leaf:
    """A single value."""

    value: Value
    mark: Mark


@dataclass(frozen=True)
class List:
    """A sequence."""

    items: tuple["Node", ...]
    mark: Mark


@dataclass(frozen=True)
class Entry:
    """A key's place and its value."""

    mark: Mark
    node: "Node"


@dataclass(frozen=True)
class Map:
    """A mapping; every key is text."""

    entries: dict[str, Entry]
    mark: Mark

    def get(self, key: str) -> "Node | None":
        return self.entries[key].node if key in self.entries else None


Node = Leaf | List | Map


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute; none of YAML 1.1's rules)


_PREFIX = "tag:yaml.org,2002:"
_RULES = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)
for _tag, _pattern, _first in _RULES:
    _Loader.add_implicit_resolver(_PREFIX + _tag, re.compile(rf"^(?:{_pattern})$"), _first)


def _int(text: str) -> int:
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _float(text: str) -> float:
    number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


_READ: dict[str, Callable[[str], Value]] = {
    _PREFIX + "null": lambda text: None,
    _PREFIX + "bool": lambda text: text.lower() == "true",
    _PREFIX + "int": _int,
    _PREFIX + "float": _float,
    _PREFIX + "str": str,
}


def compose(text: str, file: str, problems: Problems) -> Node | None:
    """The tree of one YAML document, or None where the syntax is broken (which ``problems`` then says)."""
    try:
        node = yaml.compose(text, Loader=_Loader)  # a SafeLoader: builds nodes, never objects
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        mark = Mark(file, place.line + 1, place.column + 1) if place else Mark(file)
        problems.add(mark, f"not YAML: {error.problem or error.context}")
        return None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        mark = Mark(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        problems.add(mark, f"not YAML: {error.reason}")
        return None
    return Map({}, Mark(file, 1, 1)) if node is None else _Reader(file, problems).convert(node)


@dataclass
class _Reader:
    """Converts PyYAML's nodes to ours."""

    file: str
    problems: Problems
    inside: tuple[int, ...] = ()  # ids of the nodes above: an alias may point back at one of them

    def mark(self, node: yaml.Node) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def convert(self, node: yaml.Node) -> Node:
        if id(node) in self.inside:
            self.problems.add(self.mark(node), "an alias can't stand inside the thing it repeats")
            return Leaf(None, self.mark(node))
        below = _Reader(self.file, self.problems, (*self.inside, id(node)))
        if isinstance(node, yaml.ScalarNode):
            return self.leaf(node)
        if node.tag not in (_PREFIX + "map", _PREFIX + "seq"):
            self.problems.add(self.mark(node), f"the tag {node.tag} is not part of a scenario")
        if isinstance(node, yaml.SequenceNode):
            return List(tuple(below.convert(item) for item in node.value), self.mark(node))
        assert isinstance(node, yaml.MappingNode)
        return Map(below.entries(node), self.mark(node))

    def leaf(self, node: yaml.ScalarNode) -> Leaf:
        if node.tag not in _READ:
            self.problems.add(self.mark(node), f"the tag {node.tag} is not part of a scenario")
            return Leaf(node.value, self.mark(node))
        try:
            return Leaf(_READ[node.tag](node.value), self.mark(node))
        except ValueError as error:
            self.problems.add(self.mark(node), str(error))
            return Leaf(None, self.mark(node))

    def entries(self, node: yaml.MappingNode) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for key, value in node.value:
            mark = self.mark(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(mark, "a key must be a word")
            elif key.value in found:
                self.problems.add(
                    mark, f"duplicate key {key.value!r}; it stands in line {found[key.value].mark.line} too"
                )
            else:
                found[key.value] = Entry(mark, self.convert(value))
        return found


def plain(node: Node) -> Any:
    """The node as dicts, lists and values."""
    if isinstance(node, Map):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    return node.value


def merge(below: Node, above: Node) -> Node:
    """``above`` laid over ``below``: maps merge, anything else replaces."""
    if not (isinstance(below, Map) and isinstance(above, Map)):
        return above
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        node = merge(entries[key].node, entry.node) if key in entries else entry.node
        entries[key] = Entry(entry.mark, node)
    return Map(entries, above.mark)
