"""Before anything is trained: environments of others are tried in a process of their own, the import of them first."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

import gymnasium

from devlearn.records.flight import STEP_TIMEOUT
from devlearn.tasks.envs import registration, reset_safety, wrappers
from devlearn.tasks.envs.finding import Tell
from devlearn.tasks.envs.own_process import CanNotBeTried, in_own_process
from devlearn.tasks.envs.registration import UnknownEnv, WorldError
from devlearn.tasks.envs.spec import EnvSpec, Wrapper, WrapperItem

OURS = ("gymnasium.", "devlearn_envs")  # modules of environments that need no trial
IMPORT_TIMEOUT = STEP_TIMEOUT  # seconds that an import may take
LONGEST = 3600.0  # seconds for all; a call that hangs ends it before
_differs: dict[EnvSpec, str] = {}
_cut: dict[EnvSpec, str] = {}
_import_cut: dict[str, str] = {}  # by module


def check_id(env: str) -> str:
    """``registration.check_id``, once the import of the environment's module has come back in a process of its own.

    Raises:
        UnknownEnv, WorldError: as there; and where that import does not come back, or takes its process with it.
    """
    _try_import(env)
    return registration.check_id(env)


def check_wrapper(item: WrapperItem) -> None:
    """``wrappers.check_wrapper``, in the same way. Raises BadWrapper, and WorldError as above."""
    _try_import(Wrapper.of(item).id)
    wrappers.check_wrapper(item)


def _try_import(name: str) -> None:
    """Import the module of ``module:Name`` in a process of its own, where this one has not imported it."""
    module, spec = name.rpartition(":")[0], EnvSpec(name, timeout=IMPORT_TIMEOUT)
    if module and module not in sys.modules and module not in _import_cut:
        try:
            answer = in_own_process(comes_back, (spec,), (), LONGEST, lambda what: None)
        except CanNotBeTried:
            return
        _import_cut[module] = "" if answer.cut is None else str(answer.cut)
    if _import_cut.get(module):
        raise WorldError(f"{name}: {_import_cut[module]}")


def comes_back(spec: EnvSpec, tell: Tell) -> None:
    """Import the module of an id. What it raises is for whoever imports it next to tell."""
    with suppress(UnknownEnv, WorldError):
        registration.import_module_of(spec)


def look(specs: Iterable[EnvSpec]) -> None:
    """Try those environments that are neither ours nor Gymnasium's own, each once: ``differs`` and ``cut`` then know.

    One that can't be found or made is left to whoever makes it next, and tells why. All are tried in one process, and
    those behind one that cuts it short in another.
    """
    waiting = [spec for spec in dict.fromkeys(specs) if spec not in _differs and spec not in _cut and foreign(spec)]
    while waiting:
        tried: list[str] = []
        try:
            answer = in_own_process(differences, (waiting,), waiting, LONGEST, tried.append)
        except CanNotBeTried:  # it exists in this process only, where it is tried when it is used
            return
        if answer.cut is None:
            _differs.update(zip(waiting, answer.value, strict=True))
            return
        last = waiting.pop(max(len(tried) - 1, 0))
        _cut[last] = str(answer.cut)


def differences(specs: Sequence[EnvSpec], tell: Tell) -> list[str]:
    """Where each environment differs from itself, or nothing; each is told before it is tried."""
    found = []
    for spec in specs:
        tell(str(spec))
        found.append(reset_safety.differs(spec))
    return found


def foreign(spec: EnvSpec) -> bool:
    """Whether an environment is neither ours nor Gymnasium's own, or is in a wrapper of somebody else's."""
    try:
        entry_point = gymnasium.registry[registration.check_id(spec)].entry_point
    except (LookupError, WorldError):
        return False
    known = isinstance(entry_point, str) and entry_point.startswith(OURS)
    return not known or any(":" in one.id for one in spec.wrappers)


def cut(spec: EnvSpec) -> str:
    """How an environment that was looked at cut its process short, in words; empty where it did not."""
    return _cut.get(spec, "")


def undetermined(spec: EnvSpec) -> str:
    """Where an environment that was looked at differs from itself; empty where it does not, or is not known to."""
    return _differs.get(spec, "")
