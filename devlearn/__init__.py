"""devlearn: a laboratory for developmental learning.

    import devlearn
    run = devlearn.run("first_steps", seeds=8)
    run.compare()

Everything here is imported on first use, so that ``import devlearn`` costs nothing. Plug-ins import
``devlearn.plugin``.
"""

import importlib
from typing import TYPE_CHECKING, Any

from devlearn import _deprecated

if TYPE_CHECKING:
    from devlearn.runs.run import Run as Run
    from devlearn.runs.run import register as register
    from devlearn.runs.run import run as run
    from devlearn.stages.context import Context as Context
    from devlearn.stages.stage import Cost as Cost
    from devlearn.stages.stage import Stage as Stage

__version__ = "0.1.0"

_HOMES = {
    "Run": "devlearn.runs.run",
    "register": "devlearn.runs.run",
    "run": "devlearn.runs.run",
    "Context": "devlearn.stages.context",
    "Stage": "devlearn.stages.stage",
    "Cost": "devlearn.stages.stage",
    "Work": "devlearn.stages.stage",  # Cost, by its name of the version before
}
_MODULES = ("plugin", "stage", "testing")

__all__ = ["Context", "Cost", "Run", "Stage", "__version__", "plugin", "register", "run", "stage", "testing"]

_deprecated.install()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"devlearn.{name}")
    raise AttributeError(f"module 'devlearn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
