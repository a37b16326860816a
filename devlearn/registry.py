"""The one table of plug-ins: stages, brains, probes, executors, report sections, found by name.

Lower floors learn of higher ones through this table alone. A name is looked up in three places: what this
package registers itself (the package of the same name is imported on first use), the entry-point group
``devlearn.<group>`` of installed packages, and ``package.module:Class``.
"""

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, TypeVar

GROUPS = {
    "stages": "devlearn.stages",
    "brains": "devlearn.learners.brains.builtin",
    "probes": "devlearn.probes",
    "executors": "devlearn.runs.executors",
    "sections": "devlearn.report.sections",
}

CONTRACTS = {"stages": ("devlearn.stages.stage", "Stage"), "probes": ("devlearn.probes.probe", "Probe")}

_tables: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
_loaded: set[str] = set()

T = TypeVar("T")


class UnknownName(LookupError):
    """A name that no plug-in has. ``known`` are the valid names, ``nearest`` the likeliest one or None."""

    def __init__(self, group: str, name: str, known: tuple[str, ...], why: str = "") -> None:
        self.group, self.name, self.known = group, name, known
        self.nearest = nearest(name, known)
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else f"; there are: {', '.join(known)}"
        super().__init__(f"unknown {group.removesuffix('s')} {name!r}{hint}{f' ({why})' if why else ''}")


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str | None:
    """The name in ``known`` that a misspelt ``name`` most likely meant, or None."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return found[0] if found else None


def register(group: str, name: str) -> Callable[[T], T]:
    """Decorator: enter an object into the table of ``group`` under ``name``."""

    def enter(thing: T) -> T:
        if name in _tables[group] and _tables[group][name] is not thing:
            raise ValueError(f"two {group} are called {name!r}")
        _tables[group][name] = thing
        return thing

    return enter


def named(group: str, kind: str, version: int) -> Callable[[T], T]:
    """Class decorator: give a plug-in its ``kind`` and ``version`` and enter it into the table of ``group``."""

    def enter(cls: T) -> T:
        cls.kind, cls.version = kind, version  # type: ignore[attr-defined]
        return register(group, kind)(cls)

    return enter


def _load(group: str) -> None:
    """Import every module of ``devlearn.<group>`` once, so that each can register itself."""
    if group in _loaded:
        return
    _loaded.add(group)
    package = importlib.import_module(GROUPS[group])
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), package.__name__ + "."):
        importlib.import_module(module.name)


def contract(group: str) -> type[Any] | None:
    """The class that all plug-ins of a group derive from; None where there is none, or nothing has imported it yet."""
    module, name = CONTRACTS.get(group, ("", ""))
    return getattr(sys.modules.get(module), name, None)


def misplaced(group: str, name: str, cls: type[Any]) -> str | None:
    """Why a class can't be one of ``group``, with what it is instead; None where it can."""
    wanted, others = contract(group), {other: contract(other) for other in CONTRACTS if other != group}
    word = group.removesuffix("s")
    for other, base in others.items():
        if base is not None and issubclass(cls, base):
            return f"{name!r} is a {other.removesuffix('s')}, not a {word}; it belongs under '{other}'"
    if group in CONTRACTS and (wanted is None or not issubclass(cls, wanted)):
        return f"{name!r} is no {word}; derive the class from devlearn.plugin.{CONTRACTS[group][1]}"
    return None


def names(group: str) -> tuple[str, ...]:
    """All names of a group, sorted: our own and those of installed packages."""
    _load(group)
    return tuple(sorted({*_tables[group], *(point.name for point in entry_points(group=f"devlearn.{group}"))}))


def get(group: str, name: str) -> Any:
    """The plug-in called ``name``.

    Raises:
        UnknownName: with the nearest valid name.
    """
    _load(group)
    if name in _tables[group]:
        return _tables[group][name]
    for point in entry_points(group=f"devlearn.{group}", name=name):
        return point.load()
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ModuleNotFoundError, AttributeError) as error:
            raise UnknownName(group, name, names(group), why=str(error)) from error
    raise UnknownName(group, name, names(group))
