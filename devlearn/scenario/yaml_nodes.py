"""YAML text -> a tree of nodes that remember their places.

PyYAML's safe composer reads the syntax; the values follow YAML 1.2's core schema: only ``true`` and ``false`` are
booleans (``yes``, ``no``, ``on`` and ``off`` are words) and ``1e-3`` is a number.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import yaml

from devlearn.scenario.problems import Mark, Problems

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Leaf:
    """A single value. ``told``: it is none, and what is wrong with it has been said."""

    value: Value
    mark: Mark
    told: bool = False


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


MOST_TEXT = 256 * 1024  # characters of a file
MOST_NODES = 10_000  # keys and values of a file, once its aliases are written out
DEEPEST = 32  # maps and lists inside each other
LARGEST = 2**63


class _TooMuch(Exception):
    """A text that is too large or too deep to be a scenario."""

    def __init__(self, place: yaml.Mark, message: str) -> None:
        super().__init__(message)
        self.place, self.message = place, message


class _Loader(yaml.SafeLoader):
    """Composes at most so many nodes, at most so deep, aliases written out: what never ends is refused at its place."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute; none of YAML 1.1's rules)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.nodes = self.depth = self.deepest = 0
        self.extents: dict[int, tuple[int, int]] = {}  # by id of a node: the nodes in it, and the levels below it

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        place, alias = cast(yaml.Mark, event.start_mark), isinstance(event, yaml.AliasEvent)
        outer, before = self.deepest, self.nodes
        self.depth += 1
        self.nodes, self.deepest = self.nodes + 1, self.depth
        self._bounded(place)
        node: yaml.Node | None = super().compose_node(parent, index)
        if alias:
            count, levels = self.extents.get(id(node), (1, 0))  # none yet: an alias inside the thing it repeats
            self.nodes, self.deepest = before + count, self.depth + levels
            self._bounded(place)
        else:
            self.extents[id(node)] = self.nodes - before, self.deepest - self.depth
        self.depth, self.deepest = self.depth - 1, max(outer, self.deepest)
        return node

    def _bounded(self, place: yaml.Mark) -> None:
        if self.deepest > DEEPEST:
            raise _TooMuch(place, f"more than {DEEPEST} maps and lists inside each other")
        if self.nodes > MOST_NODES:
            raise _TooMuch(place, f"more than {MOST_NODES:,} keys and values, aliases written out; shorten it")


MERGE, QUOTE = "<<", "'"
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
    _Loader.add_implicit_resolver(_PREFIX + _tag, re.compile(rf"(?:{_pattern})\Z"), _first)


def _int(text: str) -> int:
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text) if len(text) < 30 else LARGEST
    if abs(number) >= LARGEST:
        raise ValueError(f"{text[:20]}{'...' * (len(text) > 20)} is too large for a whole number: below 2^63")
    return number


def _float(text: str) -> float:
    number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _text(text: str) -> str:
    unfit = next((letter for letter in text if _unprintable(letter)), None)
    if unfit is not None:
        raise ValueError(f"text can't hold the character {unfit!r}")
    return text


def _unprintable(letter: str) -> bool:
    """What YAML allows in no file, and lets in through escapes: control characters and half characters."""
    return (letter < " " and letter not in "\t\n\r") or "\x7f" <= letter <= "\x9f" or "\ud800" <= letter <= "\udfff"


_READ: dict[str, Callable[[str], Value]] = {
    _PREFIX + "null": lambda text: None,
    _PREFIX + "bool": lambda text: text.lower() == "true",
    _PREFIX + "int": _int,
    _PREFIX + "float": _float,
    _PREFIX + "str": _text,
}


def compose(text: str, file: str, problems: Problems) -> Node | None:
    """The tree of one YAML document, or None where the syntax is broken (which ``problems`` then says)."""
    if len(text) > MOST_TEXT:
        problems.add(Mark(file, 1, 1), f"more than {MOST_TEXT:,} characters; a scenario is shorter")
        return None
    try:
        loader = _Loader(text)  # a SafeLoader: builds nodes, never objects
        try:
            node = loader.get_single_node()
        except (ValueError, OverflowError) as error:
            problem = "an escape of a character that does not exist"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=loader.get_mark()) from error
        return Map({}, Mark(file, 1, 1)) if node is None else _Reader(file, problems).convert(node)
    except _TooMuch as error:
        problems.add(_mark(file, error.place), error.message)
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        problems.add(_mark(file, place) if place else Mark(file), f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        mark = Mark(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        problems.add(mark, f"not YAML: {error.reason}")
    return None


def _mark(file: str, place: yaml.Mark) -> Mark:
    return Mark(file, place.line + 1, place.column + 1)


class _Reader:
    """Converts PyYAML's nodes to ours, aliases written out and merge keys merged."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file, self.problems = file, problems
        self.above: list[yaml.Node] = []  # an alias may point back at one of them

    def mark(self, node: yaml.Node) -> Mark:
        return _mark(self.file, node.start_mark)

    def convert(self, node: yaml.Node) -> Node:
        if any(node is other for other in self.above):
            self.problems.add(self.mark(node), "an alias can't stand inside the thing it repeats")
            return Leaf(None, self.mark(node))
        if isinstance(node, yaml.ScalarNode):
            return self.leaf(node)
        if node.tag not in (_PREFIX + "map", _PREFIX + "seq"):
            self.no_tag(node)
        self.above.append(node)
        made: Node
        if isinstance(node, yaml.MappingNode):
            made = Map(self.entries(node), self.mark(node))
        else:
            made = List(tuple(self.convert(item) for item in node.value), self.mark(node))
        self.above.pop()
        return made

    def no_tag(self, node: yaml.Node) -> None:
        self.problems.add(self.mark(node), f"the tag {ascii(node.tag).strip(QUOTE)} is not part of a scenario")

    def leaf(self, node: yaml.ScalarNode) -> Leaf:
        if node.tag not in _READ:
            self.no_tag(node)
            return Leaf(node.value, self.mark(node))
        try:
            return Leaf(_READ[node.tag](node.value), self.mark(node))
        except ValueError as error:
            self.problems.add(self.mark(node), str(error))
            return Leaf("" if node.tag == _PREFIX + "str" else None, self.mark(node), told=True)

    def entries(self, node: yaml.MappingNode) -> dict[str, Entry]:
        """The map's own keys, over those that its merge key (``<<: *base`` or ``<<: [*one, *two]``) brings in."""
        own: dict[str, Entry] = {}
        for key, value in node.value:
            mark, name = self.mark(key), key.value
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(mark, "a key must be a word")
            elif name in own:
                self.problems.add(mark, f"duplicate key {show(name)}; it stands in line {own[name].mark.line} too")
            elif any(map(_unprintable, name)):
                self.problems.add(mark, f"a key can't hold special characters, got {show(name)}")
            else:
                own[name] = Entry(mark, self.convert(value))
        if any(key.value == MERGE and key.style is None for key, _ in node.value):  # a quoted one is a word
            return self.merged(own.pop(MERGE)) | own
        return own

    def merged(self, entry: Entry) -> dict[str, Entry]:
        """What a merge key brings in; of two maps the first one counts."""
        maps = entry.node.items if isinstance(entry.node, List) else (entry.node,)
        entries: dict[str, Entry] = {}
        for base in maps:
            if isinstance(base, Map):
                entries = base.entries | entries
            else:
                self.problems.add(base.mark, f"{MERGE} merges maps, as in '{MERGE}: *base', got {show(plain(base))}")
        return entries


def plain(node: Node) -> Any:
    """The node as dicts, lists and values."""
    if isinstance(node, Map):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    return node.value


def merge(below: Map, above: Map) -> Map:
    """``above`` laid over ``below``: maps merge, anything else replaces."""
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        before, node = below.get(key), entry.node
        if isinstance(before, Map) and isinstance(node, Map):
            node = merge(before, node)
        entries[key] = Entry(entry.mark, node)
    return Map(entries, above.mark)


def show(value: Any) -> str:
    """A value as the file would write it, shortened."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else ""
    text = text or (repr(value) if isinstance(value, str) else "nothing" if value is None else json.dumps(value))
    return text if len(text) <= 60 else text[:57] + "..."
