"""Wrappers by name: finding the class that a scenario names, and what it can be made with."""

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium

from devlearn.registry import nearest
from devlearn.tasks.envs.failures import describe, failures
from devlearn.tasks.envs.spec import Wrapper, WrapperItem

WrapperClass = type[gymnasium.Wrapper[Any, Any, Any, Any]]
GYMNASIUM = "gymnasium.wrappers"
TUPLE = re.compile(r"(^|\| *|')(typing\.)?tuple\b", re.IGNORECASE)  # an annotation, or one of several


class BadWrapper(ValueError):
    """A wrapper that does not exist, or can't be made so. ``key`` is the key at fault, ``id`` or a keyword, or None."""

    def __init__(self, message: str, key: str | None = None) -> None:
        self.key = key
        super().__init__(message)


def wrapper_class(id: str) -> WrapperClass:
    """The class that ``id`` names: ``package.module:Class``, or one of ``gymnasium.wrappers`` by its name alone.

    Raises:
        BadWrapper: there is no such wrapper, with the nearest name.
    """
    module, _, name = id.rpartition(":")
    try:
        holder = importlib.import_module(module or GYMNASIUM)
    except ModuleNotFoundError as error:
        why = f"{error}; is its package installed, or the folder that holds it on the path?"
        raise BadWrapper(f"unknown wrapper {id!r} ({why})", "id") from error
    except failures() as error:
        raise BadWrapper(f"wrapper {id!r}: importing {module} failed: {describe(error)}", "id") from error
    found = getattr(holder, name, None)
    if found is None:
        known = [key for key, value in vars(holder).items() if _is_wrapper(value)]
        likely = nearest(name, known)
        hint = f"; did you mean {likely!r}?" if likely else ""
        mend = "" if hint or module else "; one that is not Gymnasium's own is written 'package.module:Class'"
        raise BadWrapper(f"unknown wrapper {id!r}{hint}{mend}", "id")
    if not _is_wrapper(found):
        what = "a class, but no gymnasium.Wrapper" if isinstance(found, type) else f"a {type(found).__name__}"
        raise BadWrapper(f"{id!r} is no wrapper: it is {what}; name a subclass of gymnasium.Wrapper", "id")
    wrapper: WrapperClass = found
    return wrapper


def _is_wrapper(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, gymnasium.Wrapper)


def required(parameters: Sequence[inspect.Parameter]) -> list[str]:
    """The names of the keyword arguments that have to be given."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [one.name for one in parameters if one.kind in kinds and one.default is one.empty]


def arguments(cls: WrapperClass, given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as a wrapper takes them: a list, as YAML has no tuples, is one where it asks for one."""
    wanted = inspect.signature(cls).parameters
    tuples = {name for name, one in wanted.items() if TUPLE.search(str(one.annotation))}
    return {key: tuple(value) if key in tuples and isinstance(value, list) else value for key, value in given.items()}


def check_wrapper(item: WrapperItem) -> None:
    """See that a wrapper exists and takes the keyword arguments that it is given.

    Raises:
        BadWrapper: otherwise; which keywords there are, and which have to be given.
    """
    wrapper = Wrapper.of(item)
    cls = wrapper_class(wrapper.id)
    parameters = list(inspect.signature(cls).parameters.values())[1:]  # the first is the environment
    named = {one.name: one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    if not any(one.kind is one.VAR_KEYWORD for one in parameters):
        for key in wrapper.kwargs:
            if key not in named:
                likely = nearest(key, list(named))
                hint = f"did you mean {likely!r}?" if likely else f"it takes: {', '.join(named) or 'none'}"
                raise BadWrapper(f"{wrapper} takes no {key!r}; {hint}", key)
    missing = [key for key in required(parameters) if key not in wrapper.kwargs]
    if missing:
        example = ", ".join(f"{key}: .." for key in missing)
        raise BadWrapper(f"{wrapper} needs {' and '.join(missing)}; write {{id: {wrapper.id!r}, {example}}}")
