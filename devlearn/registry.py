"""The one table of plug-ins: stages, brains, probes, executors, report sections, found by name.

Lower floors learn of higher ones through this table alone. A name is looked up in three places: what this
package registers itself (the package of the same name is imported on first use), the entry-point group
``devlearn.<group>`` of installed packages, and ``package.module:Class``.
"""

import difflib
import importlib
import pkgutil
import sys
import sysconfig
import traceback
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

GROUPS = {
    "stages": "devlearn.stages",
    "brains": "devlearn.learners.brains.builtin",
    "probes": "devlearn.probes",
    "executors": "devlearn.runs.executors",
    "sections": "devlearn.report.sections",
    "data": "devlearn.tasks.data.sets",
    "protections": "devlearn.stages.protections",
    "exports": "devlearn.report.export.formats",
}

CONTRACTS = {
    "stages": ("devlearn.stages.stage", "Stage"),
    "probes": ("devlearn.probes.probe", "Probe"),
    "data": ("devlearn.tasks.data.source", "DataSource"),
    "protections": ("devlearn.stages.protections.protection", "Protection"),
}

_tables: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
_loaded: set[str] = set()

T = TypeVar("T")


class NoPlugin(LookupError):
    """There is no such plug-in, or it can't be imported. The text says which and how to mend it."""


class UnknownName(NoPlugin):
    """A name that no plug-in has. ``known`` are the valid names, ``nearest`` the likeliest one or None."""

    def __init__(self, group: str, name: str, known: tuple[str, ...], why: str = "") -> None:
        self.group, self.name, self.known = group, name, known
        self.nearest = nearest(name, known)
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else f"; there are: {', '.join(known)}"
        super().__init__(f"unknown {group.removesuffix('s')} {name!r}{hint}{f' ({why})' if why else ''}")


class Unimportable(NoPlugin, ImportError):
    """``module:Name`` whose module there is not, fails while it is imported, or has no such name."""


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str | None:
    """The name in ``known`` that a misspelt ``name`` most likely meant, or None."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return found[0] if found else None


def register(group: str, name: str) -> Callable[[T], T]:
    """Decorator: enter an object into the table of ``group`` under ``name``."""

    def enter(thing: T) -> T:
        if name in _tables[group] and _tables[group][name] is not thing:
            raise ValueError(
                f"two {group} are called {name!r}, {_place(_tables[group][name])} and {_place(thing)}; rename one"
            )
        _tables[group][name] = thing
        return thing

    return enter


def _place(thing: Any) -> str:
    """Where a plug-in is written."""
    module = getattr(thing, "__module__", "")
    file = getattr(sys.modules.get(module), "__file__", None) or module
    return f"{getattr(thing, '__qualname__', thing)} of {file}"


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
    _import_all(GROUPS[group])


def _import_all(name: str) -> None:
    """Import a module and, if it is a package, all that is in it."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
        importlib.import_module(module.name)


def _load_home(group: str, name: str) -> None:
    """Import the module or package of ``devlearn.<group>`` that is called as the plug-in, if there is one.

    Most plug-ins live so, and need none of the others.
    """
    package, parts = importlib.import_module(GROUPS[group]), name.split(".")
    for folder in getattr(package, "__path__", ()):
        place = Path(folder, *parts)
        if all(map(str.isidentifier, parts)) and _is_module(place):
            _import_all(f"{package.__name__}.{name}")


def _is_module(place: Path) -> bool:
    try:
        return place.with_suffix(".py").is_file() or place.is_dir()
    except OSError:  # too long a name for a file
        return False


def installed(group: str) -> EntryPoints:
    """What installed packages offer of a group."""
    found: EntryPoints = _installed(tuple(sys.path)).select(group=f"devlearn.{group}")
    return found


@lru_cache(maxsize=1)
def _installed(path: tuple[str, ...]) -> Any:
    """All entry points of packages on the module path; to find them takes as long as importing many modules."""
    return entry_points()


def contract(group: str) -> type[Any] | None:
    """The class that all plug-ins of a group derive from; None where there is none, or nothing has imported it yet."""
    module, name = CONTRACTS.get(group, ("", ""))
    return getattr(sys.modules.get(module), name, None)


def inherits(group: str, cls: type[Any], attribute: str) -> bool:
    """Whether a plug-in leaves an attribute of its class as the contract has it."""
    owner = next((base for base in cls.__mro__ if attribute in vars(base)), None)
    return owner is not None and owner is contract(group)


def misplaced(group: str, name: str, cls: Any) -> str | None:
    """Why something can't be a class of ``group``, with what it is instead; None where it can."""
    if not isinstance(cls, type):
        return f"{name!r} is not a class of {group}"
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
    return tuple(sorted({*_tables[group], *(point.name for point in installed(group))}))


def get(group: str, name: str) -> Any:
    """The plug-in called ``name``.

    Raises:
        UnknownName: with the nearest valid name.
        Unimportable: ``module:Name`` that can't be imported, with the cause and its place.
    """
    if name not in _tables[group]:
        _load_home(group, name)
    if name not in _tables[group]:
        _load(group)
    if name in _tables[group]:
        return _tables[group][name]
    offered = tuple(installed(group).select(name=name))
    if len({point.value for point in offered}) > 1:
        both = " and ".join(f"{point.value} {package_of(point)}" for point in offered)
        raise Unimportable(f"{group} called {name!r} are offered by {both}; uninstall one of these packages")
    if offered:
        return loaded(offered[0])
    if ":" in name:
        return imported(name)
    why = ""
    if nearest(name, names(group)) is None and name.rpartition(".")[2][:1].isupper():
        own = ":".join(name.rsplit(".", 1)) if "." in name else f"MODULE:{name}"
        why = f"one of your own is written {own}"
    raise UnknownName(group, name, names(group), why)


# ---- module:Name ------------------------------------------------------------------------------------------------


def imported(name: str) -> Any:
    """What ``module:Name`` stands for. Raises Unimportable: the cause first, then how to mend it."""
    module, _, attribute = name.partition(":")
    try:
        found = importlib.import_module(module)
    except Exception as error:  # a user's module may fail in any way while it is imported
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is None or not f"{module}.".startswith(f"{missing}."):
            raise Unimportable(f"{name!r} can't be imported: {_cause(error)}") from error
        likely = nearest(module, _modules())
        mend = (
            f"did you mean '{likely}:{attribute}'?"
            if likely
            else "is its file beside the scenario, or in the current folder?"
        )
        raise Unimportable(f"{name!r}: {error}; {mend}") from error
    if not hasattr(found, attribute):
        raise Unimportable(f"{name!r}: {_without(found, attribute)}")
    return getattr(found, attribute)


def loaded(point: EntryPoint) -> Any:
    """What an entry point of an installed package stands for. Raises Unimportable, which names the package."""
    try:
        return point.load()
    except Exception as error:  # as with a user's module
        raise Unimportable(f"{point.value} {package_of(point)} can't be imported: {_cause(error)}") from error


def package_of(point: EntryPoint) -> str:
    """The installed package that an entry point is of, in words."""
    return f"of the package {point.dist.name} {point.dist.version}" if point.dist else "of an installed package"


def _cause(error: Exception) -> str:
    """The error of a module that fails while it is imported, and the line of a user's file that it comes from."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return text  # which has its place
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    own = [frame for frame in frames if not {"site-packages", "dist-packages"} & set(Path(frame.filename).parts)]
    own = [frame for frame in own if Path(frame.filename) not in (Path(__file__), Path(importlib.__file__))]
    return f"{text} ({own[-1].filename}:{own[-1].lineno})" if own else text


def _without(module: ModuleType, attribute: str) -> str:
    """That a module has no such name: the nearest that it has, or the file of that name that was not found first."""
    file = getattr(module, "__file__", None)
    if likely := nearest(attribute, [key for key in vars(module) if not key.startswith("_")]):
        return f"{file or module.__name__} has no {attribute!r}; did you mean '{module.__name__}:{likely}'?"
    beside = [Path(folder).resolve() / f"{module.__name__.replace('.', '/')}.py" for folder in sys.path]
    if other := next((path for path in beside if path.is_file() and not (file and path.samefile(file))), None):
        first = f"another module of that name was found first: {file or 'a built-in one'}"
        return f"{first}; give {other} a name of its own"
    return f"{file or module.__name__} has no {attribute!r}"


def _modules() -> list[str]:
    """Modules of the user's own folders."""
    library = Path(sysconfig.get_path("stdlib"))
    folders = [Path(folder).resolve() for folder in sys.path]
    own = [
        str(folder)
        for folder in folders
        if "site-packages" not in folder.parts and not folder.is_relative_to(library) and folder.is_dir()
    ]
    return [module.name for module in pkgutil.iter_modules(own)]
