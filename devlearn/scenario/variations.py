"""Values laid over a scenario by dotted path: ``--set`` overrides, and the points of ``vary``."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from devlearn.scenario.problems import Mark, Problems, hint
from devlearn.scenario.yaml_nodes import Entry, List, Map, Node, compose, plain, show

FIXED = ("devlearn", "scenario", "about", "searched", "extends", "vary", "compare", "block", "pin", "tune")
MOST_POINTS = 1000
MOST_SHOWN = 200  # characters of an override, where it is the place of a mistake
NAMED = ("stages", "arms", "probes")  # their keys are names, which a path may not invent


@dataclass(frozen=True)
class Setting:
    """A value for a dotted path; ``mark`` is where the path is written."""

    path: str
    node: Node
    mark: Mark


Point = tuple[Setting, ...]


def overrides(texts: Iterable[str], problems: Problems) -> list[Setting]:
    """``K=V`` texts, V in YAML, as settings."""
    found = []
    for text in texts:
        path, equals, value = text.partition("=")
        given = f"--set {text}"
        if path.strip() == "seeds" and value.strip():  # which --seeds is short for
            given = f"--seeds {value.strip().removeprefix('[').removesuffix(']').replace(' ', '')}"
        mark = Mark(given if len(given) <= MOST_SHOWN else f"{given[:MOST_SHOWN]}...")
        if not equals or not path.strip():
            problems.add(mark, "write KEY=VALUE, for instance stages.look.updates=100")
            continue
        node = compose(value, mark.file, problems) if value.strip() else None
        if node is not None:
            found.append(Setting(path.strip(), _placed(node, mark), mark))
        elif not value.strip():
            problems.add(mark, "there is no value after '='")
    return found


def _placed(node: Node, mark: Mark) -> Node:
    """The node with one place for all its parts: an override is short enough to be named as a whole."""
    if isinstance(node, Map):
        return Map({key: Entry(mark, _placed(entry.node, mark)) for key, entry in node.entries.items()}, mark)
    if isinstance(node, List):
        return List(tuple(_placed(item, mark) for item in node.items), mark)
    return replace(node, mark=mark)


def apply(root: Map, settings: Iterable[Setting], problems: Problems) -> Map:
    """The tree with every setting laid over it. Whether a new key exists is for the stage's own model to say."""
    for setting in settings:
        root = _put(root, setting.path.split("."), (), setting, problems)
    return root


def _put(node: Map, parts: Sequence[str], above: tuple[str, ...], setting: Setting, problems: Problems) -> Map:
    key, rest = parts[0], parts[1:]
    entry = node.entries.get(key)
    if not rest and (entry is not None or not (len(above) == 1 and above[0] in NAMED)):
        return Map({**node.entries, key: Entry(setting.mark, setting.node)}, node.mark)
    where = ".".join(above) or "the scenario"
    if entry is None:
        problems.add(setting.mark, f"no such path: {where} has no {key!r}{hint(key, node.entries)}")
        return node
    if not isinstance(entry.node, Map):
        written = "a list" if isinstance(entry.node, List) else show(plain(entry.node))
        problems.add(setting.mark, f"no such path: {'.'.join((*above, key))} is {written}, not a map")
        return node
    below = _put(entry.node, rest, (*above, key), setting, problems)
    return Map({**node.entries, key: Entry(entry.mark, below)}, node.mark)


def laid(root: Map, settings: Iterable[Setting]) -> dict[str, tuple[Any, Any]]:
    """Where settings say something else than the tree that they are laid over: {path: (its value or None, theirs)}."""
    found = {}
    for setting in settings:
        node: Node | None = root
        for part in setting.path.split("."):
            node = node.get(part) if isinstance(node, Map) else None
        before, now = None if node is None else plain(node), plain(setting.node)
        if before != now:
            found[setting.path] = (before, now)
    return found


def grid(root: Map, problems: Problems) -> list[Point]:
    """The points of ``vary``: a map of lists is their product, a list of maps is what it says."""
    node = root.get("vary")
    points: list[Point] = []
    if isinstance(node, Map):
        points = products("the points of vary", node, root.entries["vary"].mark, problems)
    elif isinstance(node, List) and few("the points of vary", len(node.items), root.entries["vary"].mark, problems):
        maps = [item for item in node.items if isinstance(item, Map)]
        points = [tuple(Setting(path, entry.node, entry.mark) for path, entry in item.entries.items()) for item in maps]
    if _empty(node):
        problems.add(root.entries["vary"].mark, "vary has an empty point; give every path a value")
    points = [point for point in points if point]
    _fixed(points, problems)
    _twice(points, problems)
    return points


def _empty(node: Node | None) -> bool:
    if isinstance(node, List):
        return not node.items or any(isinstance(item, Map) and not item.entries for item in node.items)
    return isinstance(node, Map) and not node.entries


def products(what: str, node: Map, mark: Mark, problems: Problems) -> list[Point]:
    """Every choice of one value for each path of a map of lists, in the order written; none where they are too many."""
    settings = axes(node, problems)
    return list(product(*settings)) if few(what, math.prod(map(len, settings)), mark, problems) else []


def few(what: str, count: int, mark: Mark, problems: Problems) -> bool:
    """Whether what is lived several times is lived a number of times that anybody can pay for."""
    if count > MOST_POINTS:
        problems.add(mark, f"{what} are {count:,}, and {MOST_POINTS:,} are the most; give fewer values")
    return count <= MOST_POINTS


def axes(node: Map, problems: Problems) -> list[list[Setting]]:
    """The settings of every path of a map of lists; a path without a list of values is said and left out."""
    found = []
    for path, entry in node.entries.items():
        if isinstance(entry.node, List) and entry.node.items:
            found.append([Setting(path, value, entry.mark) for value in entry.node.items])
        else:
            problems.add(entry.node.mark, f"{path} must be a list of the values to try, got {show(plain(entry.node))}")
    return found


def _fixed(points: Iterable[Point], problems: Problems) -> None:
    for setting in (setting for point in points for setting in point):
        section = setting.path.split(".")[0]
        if section == "seeds":
            why = "are the sample, alike at every point, and no condition"
            problems.add(setting.mark, f"seeds can't vary: they {why}; give their number once, at the top")
        if section in FIXED:
            problems.add(setting.mark, f"{section} is one for the whole scenario and can't vary")


def _twice(points: Sequence[Point], problems: Problems) -> None:
    values = [describe(point) for point in points]
    for index, point in enumerate(points):
        if values[index] in values[:index]:
            problems.add(point[0].node.mark, f"the point {show(values[index])} stands twice")


def describe(point: Point) -> dict[str, Any]:
    """A point as {path: value}."""
    return {setting.path: plain(setting.node) for setting in point}


def hidden(settings: Iterable[Setting], points: Iterable[Point], trials: Iterable[Point], problems: Problems) -> None:
    """An override that ``vary`` or ``tune`` would overrule is a mistake."""
    varied, tuned = ({setting.path for point in found for setting in point} for found in (points, trials))
    for setting in settings:
        if setting.path in varied:
            problems.add(setting.mark, f"vary sets {setting.path} at every point, so this has no effect")
        if setting.path in tuned:
            problems.add(setting.mark, f"tune sets {setting.path} in every arm, so this has no effect")
