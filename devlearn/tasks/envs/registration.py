"""Environment ids: finding what is registered, and making one environment."""

import importlib
import json
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

import devlearn_envs  # noqa: F401  (registers our own environments)
import gymnasium

from devlearn.registry import nearest

Env = gymnasium.Env[Any, Any]
ENTRY_POINTS = "devlearn.envs"


class UnknownEnv(LookupError):
    """An id that no environment has. ``nearest`` is the likeliest valid id, or None."""

    def __init__(self, env: str, why: str = "") -> None:
        self.env, self.nearest = env, nearest(env, tuple(gymnasium.registry))
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        mend = "" if hint or why else "; one of a module of your own is written 'package.module:Name-v0'"
        super().__init__(f"unknown env {env!r}{f' ({why})' if why else ''}{hint}{mend}")


class WorldError(RuntimeError):
    """An environment that fails, or that devlearn can't use. The message says which, where, and how to mend it."""


def check_id(env: str) -> str:
    """The id under which Gymnasium has ``env``, without making one.

    ``package.module:Name-v0`` imports the module first. An unknown id is looked for in the entry-point group
    ``devlearn.envs``: each entry is a module, or a function to call, that registers environments.

    Raises:
        UnknownEnv: with the nearest valid id.
    """
    module, _, name = env.rpartition(":")
    if module:
        _import(env, module)
    if name not in gymnasium.registry:
        _load_entry_points()
    if name not in gymnasium.registry:
        raise UnknownEnv(env)
    return name


def _import(env: str, module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UnknownEnv(env, f"{error}; is the folder that holds it on the path?") from error
    except Exception as error:
        raise WorldError(f"{env}: importing {module} failed: {describe(error)}") from error


def _load_entry_points() -> None:
    for point in entry_points(group=ENTRY_POINTS):
        plug_in = point.load()
        if callable(plug_in):
            plug_in()


def make(env: str, keys: Mapping[str, Any]) -> Env:
    """One environment, made by Gymnasium with ``keys`` as its arguments, its time limit included.

    Raises:
        UnknownEnv, WorldError: where it can't be made.
    """
    name = check_id(env)
    try:
        return gymnasium.make(name, disable_env_checker=True, **keys)
    except Exception as error:
        given = f" with {dict(keys)}" if keys else ""
        raise WorldError(f"{env}: making it{given} failed: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """Kind and message of an exception, in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def cache_key(env: str, keys: Mapping[str, Any]) -> tuple[str, str]:
    """What caches are keyed by."""
    return env, json.dumps(dict(keys), sort_keys=True, default=repr)
