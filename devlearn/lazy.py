"""torch and scipy.stats, imported when they are first used.

    from devlearn.lazy import torch

A file that says this can be imported without torch: plug-ins can be listed, and a scenario checked, before four seconds
of import. Types stand under ``TYPE_CHECKING``, and nothing at the level of the file touches an attribute. After the
first use the name is an ordinary module with torch's attributes, so that later ones cost what a module's do.
"""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any


class Lazy(ModuleType):
    """A module that is imported by the first look at an attribute, and from then on holds its attributes.

    ImportError, where the module is missing, is raised by that look. An attribute that is set on the module itself
    afterwards is found where there was none; one that replaces another is not seen.
    """

    def __getattr__(self, name: str) -> Any:
        module = importlib.import_module(self.__name__)
        kept = {key: value for key, value in vars(module).items() if key != "__getattr__"}
        vars(self).update(kept, __getattr__=_later(module))
        self.__class__ = ModuleType  # type: ignore[assignment]  # CPython looks into exact modules fastest
        return getattr(module, name)


def _later(module: ModuleType) -> Callable[[str], Any]:
    """What finds attributes that a module got, or makes, after its import."""
    return lambda name: getattr(module, name)


if TYPE_CHECKING:
    import torch as torch
    import torch.nn.functional as F
    from scipy import stats as stats
else:
    torch = Lazy("torch")
    F = Lazy("torch.nn.functional")
    stats = Lazy("scipy.stats")

__all__ = ["F", "Lazy", "stats", "torch"]
