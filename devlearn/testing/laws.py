"""What the checks of stages, probes and brains share."""

import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from devlearn.probes.probe import Probe
from devlearn.registry import NoPlugin, get, misplaced
from devlearn.scenario.validate import mistakes
from devlearn.stages.stage import Stage
from devlearn.tasks.envs.finding import Finding

SEEDS = (3, 5, 8)
Plugin = TypeVar("Plugin", Stage, Probe)


def guarded(name: str, law: Callable[[], Finding]) -> Finding:
    """The law's finding; an exception becomes a broken law that says where it was raised."""
    try:
        return law()
    except Exception as error:
        return Finding(name, False, raised(error))


def raised(error: Exception) -> str:
    """Kind, message and place of an exception, in one line."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"raised {type(error).__name__}: {text} ({at.filename}:{at.lineno})"


def described(cls: type[BaseModel]) -> Finding:
    """Whether every key has its meaning beside it."""
    bare = [name for name, field in cls.model_fields.items() if not field.description]
    if bare:
        return Finding("descriptions", False, f"give {', '.join(bare)} a Field(..., description='...')")
    return Finding("descriptions", True, "every key has its meaning beside it")


def _undecorated(name: str | type[Any], cls: type[Any], word: str) -> list[Finding]:
    """A broken law where a class that is found by its name has no kind of its own; one in hand needs none."""
    if isinstance(name, type) or "kind" in vars(cls):
        return []
    return [Finding("named", False, f'the class has no kind and version; decorate it with @{word}("{name}")')]


def wrong_keys(cls: type[BaseModel], keys: Mapping[str, Any], error: ValidationError) -> str:
    """What is wrong with the keys of a plug-in; one that it does not have with the nearest that it has."""
    return f"{'; '.join(mistakes(cls, keys, error))} (keys are given as --key K=V)"


def _made(cls: type[Plugin], keys: Mapping[str, Any]) -> tuple[Finding, Plugin | None]:
    """A plug-in from its keys, and whether they survive the way through a job's file; None where they don't fit."""
    try:
        plugin = cls(**keys)
    except ValidationError as error:
        return Finding("keys", False, wrong_keys(cls, keys, error)), None
    ok = cls(**plugin.model_dump(mode="json", by_alias=True)) == plugin
    mend = "its keys survive the way through a job's file" if ok else "keys have to survive JSON"
    return Finding("keys", ok, mend), plugin


def opened(
    group: str,
    kind: str | type[Plugin],
    keys: Mapping[str, Any],
    declared: Callable[[type[Plugin]], list[Finding]],
) -> tuple[list[Finding], Plugin | None]:
    """Whether a group has such a plug-in, what its class has ``declared``, and the plug-in made from its keys.

    None where there is none, or where the keys don't fit.
    """
    try:
        cls: type[Plugin] = get(group, kind) if isinstance(kind, str) else kind
    except NoPlugin as error:
        return [Finding("kind", False, str(error))], None
    if why := misplaced(group, str(kind), cls):
        return [Finding("kind", False, why)], None
    findings: list[Finding] = [
        Finding("kind", True, f"{cls.kind or cls.__name__}, version {cls.version}"),
        *_undecorated(kind, cls, group.removesuffix("s")),
        *declared(cls),
    ]
    finding, plugin = _made(cls, keys)
    return [*findings, finding], plugin


def randomness(used: Sequence[str], source: str) -> Finding:
    """Whether global generators (the names of those ``used``) were left alone; ``source`` is where to draw instead."""
    if used:
        where = " and of ".join(used)
        return Finding("global randomness", False, f"it uses the global generator of {where}; draw from {source}")
    return Finding("global randomness", True, "no global generator was drawn from or seeded")


def same(a: Tensor, b: Tensor) -> bool:
    """Bit-equal, nan equal to nan."""
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def unlike(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> list[str]:
    """The names whose tensors are not bit-equal."""
    return [name for name in a if name not in b or not same(a[name], b[name])]


@contextmanager
def generators_kept() -> Iterator[Callable[[], list[str]]]:
    """Put the global generators back at the end; the function tells which were drawn from or seeded so far."""
    python, numpy, torchs = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def touched() -> list[str]:
        found = {"random": random.getstate() != python, "torch": not torch.equal(torch.get_rng_state(), torchs)}
        found["numpy.random"] = not _equal(np.random.get_state(), numpy)
        return [name for name, used in found.items() if used]

    try:
        yield touched
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torchs)


def _equal(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
