"""Keys that have new names: a plug-in that declares ``renamed`` (old: new) is understood under both.

A tree is rewritten to the new names before anything else looks at it, so that nothing behind this file knows an old
one. Each use of an old name is noted at its place; both names at once are a mistake.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from devlearn.registry import get
from devlearn.scenario.models import RENAMED
from devlearn.scenario.problems import Mark, Problems
from devlearn.scenario.validate import text_of
from devlearn.scenario.variations import Setting
from devlearn.scenario.yaml_nodes import Entry, List, Map, Node

SINCE, UNTIL = "0.2", "0.3"  # versions: the first with the new names, the first without the old ones
Renamed = Mapping[str, str]


class NewNames:
    """The new names of a scenario's keys. ``whole`` says which kinds its stages, its probes and its brain are of."""

    def __init__(self, whole: Map, problems: Problems) -> None:
        self.problems = problems
        self.brain = _renamed("brains", whole.get("brain"))
        self.parts = {
            section: {name: _renamed(section, entry.node) for name, entry in node.entries.items()}
            for section in ("stages", "probes")
            if isinstance(node := whole.get(section), Map)
        }

    def tree(self, root: Map) -> Map:
        """A scenario, or a file that extends one, under the new names."""
        tree = _each(self._keys(root, RENAMED), self._section)
        assert isinstance(tree, Map)
        return tree

    def setting(self, setting: Setting) -> Setting:
        """An override under the new names."""
        path = self._path(setting.path)
        for old, new in zip(setting.path.split("."), path.split("."), strict=True):
            if old != new:
                self._note(old, new, setting.mark)
        return replace(setting, path=path)

    def _section(self, key: str, node: Node) -> Node:
        if key == "brain":
            return self._part(node, self.brain)
        if key in self.parts:
            return _each(node, lambda name, part: self._part(part, self.parts[key].get(name, {})))
        if key == "arms":
            return _each(node, lambda _, arm: _at(self._items(arm), "stages", self._items))
        if key == "vary":
            return List(tuple(map(self._paths, node.items)), node.mark) if isinstance(node, List) else self._paths(node)
        return _at(node, "over", self._paths) if key == "tune" else node

    def _part(self, node: Node, renamed: Renamed) -> Node:
        """The keys of a stage, a probe or the brain; those of ``change.set`` too."""
        return _at(self._keys(node, renamed), "change", lambda listed: self._sets(listed, lambda _: renamed))

    def _items(self, listed: Node) -> Node:
        """The keys that the items of an arm set."""
        return self._sets(listed, lambda item: self.parts.get("stages", {}).get(text_of(item.get("use")) or "", {}))

    def _sets(self, listed: Node, renamed_of: Callable[[Map], Renamed]) -> Node:
        """The maps of a list, with the keys of each one's ``set`` under their new names."""

        def renew(item: Node) -> Node:
            return _at(item, "set", lambda keys: self._part(keys, renamed_of(item))) if isinstance(item, Map) else item

        return List(tuple(map(renew, listed.items)), listed.mark) if isinstance(listed, List) else listed

    def _paths(self, node: Node) -> Node:
        """A map whose keys are dotted paths."""
        return self._keys(node, {path: self._path(path) for path in node.entries}) if isinstance(node, Map) else node

    def _path(self, path: str) -> str:
        section, *rest = path.split(".")
        if section == "brain" and rest:
            return ".".join((section, self.brain.get(rest[0], rest[0]), *rest[1:]))
        if section in self.parts and len(rest) > 1:
            name, key, *below = rest
            return ".".join((section, name, self.parts[section].get(name, {}).get(key, key), *below))
        return path

    def _keys(self, node: Node, renamed: Renamed) -> Node:
        """A map with its keys under their new names."""
        if not isinstance(node, Map):
            return node
        entries: dict[str, Entry] = {}
        for key, entry in node.entries.items():
            new = renamed.get(key, key)
            if new != key and new in node.entries:
                self.problems.add(entry.mark, f"{key!r} is the old name of {new!r}, and both stand here; keep {new!r}")
                continue
            if new != key:
                self._note(key, new, entry.mark)
            entries[new] = entry
        return Map(entries, node.mark)

    def _note(self, old: str, new: str, mark: Mark) -> None:
        self.problems.note(mark, f"{old!r} is called {new!r} since {SINCE}; it keeps working until {UNTIL}")


def _renamed(group: str, node: Node | None) -> Renamed:
    """What a part's kind has renamed. A kind that does not exist has nothing; ``build`` says so."""
    kind = text_of(node.get("kind")) if isinstance(node, Map) else None
    if kind is None:
        return {}
    try:
        renamed: Renamed = getattr(get(group, kind), "renamed", {})
    except Exception:
        return {}
    return renamed


def _each(node: Node, make: Callable[[str, Node], Node]) -> Node:
    """A map with every value made anew; anything else as it is."""
    if not isinstance(node, Map):
        return node
    return Map({key: Entry(entry.mark, make(key, entry.node)) for key, entry in node.entries.items()}, node.mark)


def _at(node: Node, key: str, make: Callable[[Node], Node]) -> Node:
    """A map with the value of one key made anew, where it has that key; anything else as it is."""
    return _each(node, lambda name, value: make(value) if name == key else value)
