"""What plug-ins import, a line each, from the signatures and docstrings of the package."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any

from devlearn import plugin
from devlearn.stages import shared
from devlearn_docs.words import code, plain, table

COLUMNS = ("name", "what it is")


def plugin_names() -> str:
    """Every name of ``devlearn.plugin``."""
    head = "`from devlearn.plugin import ...`: these names stay where rooms inside are moved."
    return f"{head}\n\n{_table((name, getattr(plugin, name)) for name in plugin.__all__)}"


def shared_names() -> str:
    """Every class and function of ``devlearn.stages.shared``, module by module."""
    return "\n\n".join(_module(found.name) for found in pkgutil.iter_modules(shared.__path__, shared.__name__ + "."))


def _module(name: str) -> str:
    module = importlib.import_module(name)
    own = ((key, value) for key, value in vars(module).items() if getattr(value, "__module__", "") == name)
    public = [(key, value) for key, value in own if not key.startswith("_") and callable(value)]
    rows = [row for key, value in public for row in ((key, value), *_methods(key, value))]
    return f"### {name}\n\n{_first(module)}\n\n{_table(rows)}"


def _methods(name: str, cls: Any) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class."""
    if inspect.isclass(cls):
        yield from ((f"{name}.{key}", value) for key, value in vars(cls).items() if _is_method(key, value))


def _is_method(key: str, value: Any) -> bool:
    return not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))


def _table(things: Iterable[tuple[str, Any]]) -> str:
    return table(COLUMNS, [[code(name + _signature(thing)), _first(thing)] for name, thing in things])


def _signature(thing: Any) -> str:
    """``(data, labels, batch, blur=0.0)``; empty for what is not called, and for models, whose keys have tables."""
    if not (inspect.isfunction(thing) or inspect.isclass(thing)) or hasattr(thing, "model_fields"):
        return ""
    if getattr(thing, "_is_protocol", False):
        return ""
    parameters = [one.replace(annotation=one.empty) for one in inspect.signature(thing).parameters.values()]
    return str(inspect.Signature([one for one in parameters if one.name != "self"]))


def _first(thing: Any) -> str:
    """The first paragraph of a docstring; of a key's type its meaning; for what has neither, the value."""
    if described := [one.description for one in getattr(thing, "__metadata__", ()) if hasattr(one, "description")]:
        return f"Type of a key: {described[0]}."
    if inspect.isfunction(thing) or inspect.isclass(thing) or inspect.ismodule(thing) or isinstance(thing, property):
        return plain(" ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split()))
    return code(str(thing).replace("typing.", ""))
