"""Environment ids: finding what is registered, and making one environment."""

import importlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import devlearn_envs  # noqa: F401  (registers our own environments)
import gymnasium
from gymnasium.envs.registration import load_env_creator

from devlearn.records import flight
from devlearn.registry import Unimportable, loaded, nearest, package_of
from devlearn.tasks.envs.failures import failures, raised
from devlearn.tasks.envs.spec import EnvSpec
from devlearn.tasks.envs.stdout import folder_kept, stdout_to_stderr
from devlearn.tasks.envs.wrappers import arguments, check_wrapper, required, wrapper_class

Env = gymnasium.Env[Any, Any]
ENTRY_POINTS = "devlearn.envs"
MOVED = "gymnasium.envs"  # where the functions stand that make what Gymnasium does not hold any more
MOST_NAMES = 10  # in a message


class UnknownEnv(LookupError):
    """An id that no environment has. ``nearest`` is the likeliest valid id, or None."""

    def __init__(self, env: str, why: str = "") -> None:
        self.env, self.nearest = env, nearest(env, tuple(gymnasium.registry))
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        mend = "" if hint or why else "; one of a module of your own is written 'package.module:Name-v0'"
        super().__init__(f"unknown env {env!r}{f' ({why})' if why else ''}{hint}{mend}")


class WorldError(RuntimeError):
    """An environment that fails, or that devlearn can't use. The message says which, where, and how to mend it."""


class WrapperRefused(WorldError):
    """A wrapper that can't be put around its environment. ``place`` is its index in ``wrappers``."""

    def __init__(self, place: int, message: str) -> None:
        self.place = place
        super().__init__(message)


def check_id(env: str | EnvSpec) -> str:
    """The id under which Gymnasium has ``env``, without making one.

    ``package.module:Name-v0`` imports the module first. An unknown id is looked for in the entry-point group
    ``devlearn.envs``: each entry is a module, or a function to call, that registers environments.

    Raises:
        UnknownEnv: with the nearest valid id.
    """
    spec = env if isinstance(env, EnvSpec) else EnvSpec(env)
    module, _, name = spec.id.rpartition(":")
    if module:
        import_module_of(spec)
    broken = "" if name in gymnasium.registry else _load_entry_points()
    if name not in gymnasium.registry:
        raise UnknownEnv(spec.id, _registered_by(module) if module else broken)
    return name


def _registered_by(module: str) -> str:
    """What a module that was imported has registered, in words."""
    top = module.partition(".")[0]
    own = [key for key, spec in gymnasium.registry.items() if _made_in(spec.entry_point).partition(".")[0] == top]
    if not own:
        return f"{module} was imported and registers nothing: gymnasium.register(...) has to run when it is imported"
    more = f" and {len(own) - MOST_NAMES} more" if len(own) > MOST_NAMES else ""
    return f"{module} was imported and registers {', '.join(sorted(own)[:MOST_NAMES])}{more}"


def _made_in(entry_point: object) -> str:
    """The module whose class or function makes an environment."""
    if isinstance(entry_point, str):
        return entry_point.partition(":")[0]
    return str(getattr(entry_point, "__module__", ""))


def import_module_of(spec: EnvSpec) -> None:
    """Import the module that an id begins with. Raises UnknownEnv where there is none, WorldError where it fails."""
    module = spec.id.rpartition(":")[0]
    if module in sys.modules:
        return
    if not all(part.isidentifier() for part in module.split(".")):
        raise UnknownEnv(spec.id, f"{module!r} can't be the name of a module: write package.module:Name")
    with flight.recorder().call(spec, flight.IMPORT), stdout_to_stderr():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UnknownEnv(spec.id, f"{error}; is the folder that holds it on the path?") from error
        except failures() as error:
            raise WorldError(f"{spec.id}: importing {module} failed: {raised(error)}") from error


def _load_entry_points() -> str:
    """Let all installed packages register their environments; which can't, in words that name the package and why."""
    broken = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            plug_in = loaded(point)
            if callable(plug_in):
                plug_in()
        except Unimportable as error:
            broken.append(str(error))
        except failures() as error:
            broken.append(f"{point.value} {package_of(point)} failed: {raised(error)}")
    return "; ".join(broken)


def makeable() -> tuple[dict[str, str], list[str]]:
    """What is registered and can be imported, {id: what it is, of ours}; and the ids of the rest.

    Gymnasium keeps ids of environments that were moved elsewhere: making them raises an error that says so.
    """
    _load_entry_points()
    found, rest = dict[str, str](), list[str]()
    for name in gymnasium.registry:
        try:
            with stdout_to_stderr():
                made_by = creator(name)
        except failures():  # whatever a module of others raises when it is imported
            rest.append(name)
            continue
        if _made_in(made_by) == MOVED:
            rest.append(name)
        else:
            found[name] = first_sentence(made_by.__doc__) if name.startswith("devlearn/") else ""
    return found, rest


def first_sentence(text: str | None) -> str:
    """The first sentence of a docstring, headings left out."""
    words = " ".join(line.strip() for line in (text or "").splitlines() if not line.lstrip().startswith("#")).strip()
    return f"{words.partition('. ')[0].removesuffix('.')}." if words else ""


def make(spec: EnvSpec) -> Env:
    """One environment, made by Gymnasium, its time limit included, and wrapped as ``spec`` says.

    Raises:
        UnknownEnv, WorldError: where it can't be made.
        BadWrapper: where a wrapper does not exist, or can't be made so.
        WrapperRefused: where a wrapper refuses the environment.
    """
    name = check_id(spec)
    with flight.recorder().call(spec, flight.MAKE), stdout_to_stderr(), folder_kept():
        for wrapper in spec.wrappers:
            check_wrapper({**wrapper.kwargs, "id": wrapper.id})
        try:
            env: Env = gymnasium.make(name, disable_env_checker=True, **spec.kwargs)
        except failures() as error:
            given = f" with {dict(spec.kwargs)}" if spec.kwargs else ""
            what = _needs(name, spec) or raised(error)
            raise WorldError(f"{spec.id}: making it{given} failed: {what}") from error
        for place, wrapper in enumerate(spec.wrappers):
            try:
                cls = wrapper_class(wrapper.id)
                env = cls(env, **arguments(cls, wrapper.kwargs))
            except failures() as error:
                env.close()
                raise WrapperRefused(place, f"{wrapper} refuses {spec.id}: {raised(error)}") from error
    return env


def _needs(name: str, spec: EnvSpec) -> str:
    """Which keyword arguments an environment needs and is not given; empty where that is not what is wrong."""
    registered = gymnasium.registry[name]
    try:
        parameters = inspect.signature(creator(name)).parameters.values()
    except failures():  # what can't be looked into has been told in its own words
        return ""
    given = {*registered.kwargs, *spec.kwargs, "render_mode"}
    missing = [one for one in required(list(parameters)) if one not in given]
    if not missing:
        return ""
    example = ", ".join(f"{one}: .." for one in missing)
    return f"it needs {' and '.join(missing)}; write env_kwargs: {{{example}}}, or --key {missing[0]}=.. to check it"


def creator(name: str) -> Any:
    """The class or function that makes an environment of this registered name."""
    made_by = gymnasium.registry[name].entry_point
    return load_env_creator(made_by) if isinstance(made_by, str) else made_by


@dataclass(frozen=True)
class Described:
    """What an environment says of itself: the words of its class, and its keyword arguments with their defaults.

    An argument that has to be given has ``inspect.Parameter.empty``; ``open`` says that others are passed on.
    """

    about: str
    kwargs: Mapping[str, Any]
    open: bool


def described(env: str) -> Described:
    """An environment by its id, looked at without making one.

    Raises:
        UnknownEnv: no environment has this id.
        WorldError: its module or its class can't be imported, or has no signature to read.
    """
    name = check_id(env)
    registered = gymnasium.registry[name]
    try:
        with stdout_to_stderr():
            made_by = creator(name)
            if _made_in(made_by) == MOVED:
                made_by()  # raises, and says where it has gone
            parameters = inspect.signature(made_by).parameters.values()
    except failures() as error:
        raise WorldError(f"{env}: looking at what makes it failed: {raised(error)}") from error
    several = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    own = {one.name: one.default for one in parameters if one.kind not in several and one.name != "render_mode"}
    general = {"max_episode_steps": registered.max_episode_steps, "render_mode": None}
    return Described(
        about=inspect.getdoc(made_by) or "",
        kwargs={**own, **registered.kwargs, **general},
        open=any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters),
    )
