"""Demonstrations as a learner would have had them: its own observations and actions, by an environment's spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from devlearn.lazy import torch
from devlearn.tasks.data.source import BadData
from devlearn.tasks.demonstrations.episodes import Columns, Episodes, joined
from devlearn.tasks.demonstrations.files import episodes
from devlearn.tasks.envs import EnvSpec
from devlearn.tasks.envs.observations import Path, View, leaves
from devlearn.tasks.envs.spaces import view_and_controls

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Whole = Literal["observations", "actions"]
LARGEST = 4 * 2**30  # bytes of observations that a process keeps in memory


@dataclass(frozen=True)
class Demonstrations:
    """Episodes in the words of an environment's learner, on one device; S steps in E episodes.

    ``seen`` (S + E, *space) are all observations, ``before`` and ``after`` (S,) the places in it of what a step acted
    on and of what it ended in. ``actions`` (S, ...) are the policy's: choices by their number from 0, numbers as the
    policy gives them before ``action_scaling`` does its work. ``rewards`` (S,), ``terminated`` and ``truncated`` (S,)
    bool, ``episode`` (S,), ``returns`` (E,).
    """

    seen: Tensor
    before: Tensor
    after: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    episode: Tensor
    returns: Tensor

    def __len__(self) -> int:
        return len(self.actions)

    def transitions(self, index: Tensor) -> dict[str, Tensor]:
        """The steps at places ``index`` (N, B): images and targets (N, B, *space), actions (N, B, ...).

        As ``collect_transitions`` gives what is lived.
        """
        images, targets = self.seen[self.before[index]], self.seen[self.after[index]]
        return {"images": images, "targets": targets, "actions": self.actions[index]}


def demonstrations(name: str, spec: EnvSpec, device: torch.device) -> Demonstrations:
    """The demonstrations called ``name`` as a learner in the environment ``spec`` would have had them.

    Raises:
        BadData: they can't be read, or are not of this environment; with the key, the row and what it is.
        UnknownEnv, WorldError: the environment can't be used.
    """
    told = episodes(name)
    seen, actions = encoded(told, spec)
    before = np.arange(told.steps) + told.episode
    truncated = told.truncations | (told.last & ~told.terminations)
    rewards, returns = told.rewards.astype(np.float32), told.returns.astype(np.float32)
    parts = (seen, before, before + 1, actions, rewards, told.terminations, truncated, told.episode, returns)
    return Demonstrations(*(torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in parts))


@lru_cache(maxsize=4)
def encoded(told: Episodes, spec: EnvSpec) -> tuple[NDArray[Any], NDArray[Any]]:
    """Observations (S + E, *space) and actions (S, ...) of a learner in ``spec``. Raises as ``demonstrations``."""
    view, controls = view_and_controls(spec)
    rows = told.steps + len(told.lengths)
    size = rows * int(np.prod(view.box.shape)) * view.box.dtype.itemsize
    if size > LARGEST:
        why = f"its observations are {size / 2**30:.1f} GiB, and every worker keeps them in memory"
        raise BadData(f"{told.name}: {why}; take fewer episodes, {LARGEST / 2**30:.0f} GiB at most")
    with np.errstate(over="ignore"):
        seen = _observed(told, view, spec)
    if seen.dtype.kind == "f" and not (finite := np.isfinite(seen.reshape(rows, -1)).all(1)).all():
        raise _misfit(told, "observations", f"row {int(finite.argmin())}: numbers that float32 does not have", spec)
    columns = _columns(told, "actions", [path for path, _ in leaves(controls.whole)], spec)
    try:
        actions = controls.from_env(list(columns.values()))
    except ValueError as error:
        raise _misfit(told, "actions", error, spec) from error
    return seen, controls.unscaled(actions, spec.action_scaling)


def _observed(told: Episodes, view: View, spec: EnvSpec) -> NDArray[Any]:
    """All observations, (S + E, *space): of a single Box at once, of others row by row."""
    columns = _columns(told, "observations", [entry.path for entry in view.entries], spec)
    seen = np.zeros((told.steps + len(told.lengths), *view.box.shape), view.box.dtype)
    if len(view.entries) == 1 and view.entries[0].is_box:
        (column,) = columns.values()
        if column.shape[1:] == view.entries[0].space.shape and np.can_cast(column.dtype, seen.dtype, "same_kind"):
            seen[:] = column.reshape(seen.shape)
            return seen
    for row in range(len(seen)):
        try:
            seen[row] = view.read(_nested({path: column[row] for path, column in columns.items()}))
        except (ValueError, TypeError, LookupError) as error:
            raise _misfit(told, "observations", f"row {row}: {error}", spec) from error
    return seen


def _columns(told: Episodes, whole: Whole, paths: Sequence[Path], spec: EnvSpec) -> dict[Path, NDArray[Any]]:
    """The columns of the entries of an environment's space, by their paths. Raises BadData where there are others."""
    there: Columns = getattr(told, whole)
    keys = {"/".join(map(str, path)): path for path in paths}
    if strange := sorted(there.keys() ^ keys.keys()):
        lacks = "has no" if strange[0] in keys else "has"
        wanted = ", ".join(joined(whole, key) for key in keys)
        raise BadData(f"{told.name} {lacks} {joined(whole, strange[0])!r}; {spec} has {wanted}")
    return {path: there[key] for key, path in keys.items()}


def _misfit(told: Episodes, whole: Whole, what: object, spec: EnvSpec) -> BadData:
    there: Columns = getattr(told, whole)
    shapes = "; ".join(f"{joined(whole, key)} is {column.shape} {column.dtype}" for key, column in there.items())
    return BadData(f"{told.name}: {whole}, {what} (of {spec}; {shapes})")


def _nested(values: Mapping[Path, Any]) -> Any:
    """Values by their paths as one thing in which these paths lead to them."""
    if () in values:
        return values[()]
    found: dict[str | int, Any] = {}
    for path, value in values.items():
        inner = found
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = value
    return found
