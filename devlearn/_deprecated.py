"""The import paths of 0.1, alive for one minor release: each warns once and names the new one. Gone in 0.3.

A finder behind all others is asked for what nobody else has. It costs ``import devlearn`` nothing.
"""

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

FACE = "devlearn.plugin"

# The old module: where its names are now, and first of all where a plug-in should take them from.
MOVED: Mapping[str, tuple[str, ...]] = {
    "devlearn.stage": (FACE, "devlearn.stages.stage", "devlearn.stages.context", "devlearn.stages.fields"),
    "devlearn.probe": (FACE, "devlearn.probes.probe"),
    "devlearn.cohort": (FACE, "devlearn.learners.cohort"),
    "devlearn.optimiser": (FACE, "devlearn.learners.optimiser"),
    "devlearn.schedule": ("devlearn.learners.schedule",),
    "devlearn.objectives": (FACE, "devlearn.learners.objectives"),
    "devlearn.flops": ("devlearn.learners.flops",),
    "devlearn.brains": ("devlearn.learners.brains",),
    "devlearn.brains.needs": (FACE, "devlearn.learners.brains.needs"),
    "devlearn.brains.brain": ("devlearn.learners.brains.brain",),
    "devlearn.brains.layers": ("devlearn.learners.brains.layers",),
    "devlearn.data": (FACE, "devlearn.tasks.data"),
    "devlearn.worlds": ("devlearn.tasks.envs",),
    "devlearn.worlds.check": ("devlearn.tasks.envs.check",),
    "devlearn.worlds.ids": ("devlearn.tasks.envs.registration",),
    "devlearn.genome_file": ("devlearn.records.genome_file",),
    "devlearn.export": ("devlearn.report.export",),
}
RENAMED: Mapping[str, Mapping[str, str]] = {
    "devlearn.stage": {"Work": "Cost"},
    "devlearn.worlds": {"World": "VectorEnv", "Step": "EnvStep"},
}
# A module that stands where it stood, without some of its names: where those are now.
LEFT: Mapping[str, Mapping[str, str]] = {
    "devlearn.runs": {name: "devlearn.runs.run" for name in ("Run", "RunFailed")},
}


def warn(old: str, new: str, stacklevel: int = 2) -> None:
    """Say that ``old`` is called ``new`` now."""
    text = f"{old} is deprecated since 0.2 and gone in 0.3; import from {new}"
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel + 1)


def attribute(module: str, name: str) -> Any:
    """What ``module`` held under ``name``, for its ``__getattr__``. Raises AttributeError where it never held it."""
    home = LEFT[module].get(name)
    if home is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    warn(f"{module}.{name}", home, stacklevel=3)
    return getattr(importlib.import_module(home), name)


class MovedModule(ModuleType):
    """An old module: it holds nothing, and looks its names up in their new homes."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            new = RENAMED.get(self.__name__, {}).get(name, name)
            for home in map(importlib.import_module, MOVED[self.__name__]):
                if hasattr(home, new):
                    return getattr(home, new)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class Finder:
    """Finds old modules, and makes them. (``importlib.abc``, which it would derive from, takes 50 ms to import.)"""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None, /
    ) -> "ModuleSpec | None":
        from importlib.machinery import ModuleSpec

        if fullname not in MOVED:
            return None
        package = any(other.startswith(f"{fullname}.") for other in MOVED)
        return ModuleSpec(fullname, self, is_package=package)  # type: ignore[arg-type]  # a loader but for its base

    def create_module(self, spec: "ModuleSpec") -> ModuleType:
        return MovedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        warn(module.__name__, MOVED[module.__name__][0])

    def load_module(self, fullname: str, /) -> ModuleType:
        """What Python before 3.4 called."""
        return importlib.import_module(fullname)


def install() -> None:
    """Let old paths be imported."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
