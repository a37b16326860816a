"""Episodes that somebody lived: what was seen, done and won, as plain arrays, in the environment's own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from devlearn.records.atomic import replacing
from devlearn.tasks.data.source import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = Mapping[str, "NDArray[Any]"]
ENDS = ("terminations", "truncations")


@dataclass(frozen=True, eq=False)
class Episodes:
    """E episodes of S steps in all, one behind the other.

    Args:
        name: where they are from, for messages.
        observations: by entry: ``""`` for the only one, else the keys that lead to it in a Dict or Tuple with ``/``
            between them; (S + E, ...) each. An episode has one more than steps: what its last step ended in.
        actions: by entry likewise, (S, ...) each.
        rewards: (S,) float64.
        terminations: (S,) bool, and ``truncations``: which steps ended an episode, and how. One that ends with neither
            was cut off there.
        lengths: (E,) int64, the steps of each episode.
        about: what is known of them: ``env``, ``env_kwargs``, ``wrappers``, ``policy``, ``seed``, ``made``.

    Raises:
        BadData: sizes that do not go together, numbers that are not finite; with the name, the key and its shape.
    """

    name: str
    observations: Columns
    actions: Columns
    rewards: NDArray[np.float64]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.lengths.ndim != 1 or not len(self.lengths) or self.lengths.min() < 1:
            raise self._bad("lengths", self.lengths, "it has the steps of each episode, (E,), one at least in each")
        says = f"lengths says {self.steps:,} steps in {len(self.lengths):,} episodes"
        for name, array in (("rewards", self.rewards), *((end, getattr(self, end)) for end in ENDS)):
            if array.shape != (self.steps,):
                raise self._bad(name, array, f"{says}: give ({self.steps},)")
        rows = self.steps + len(self.lengths)
        for key, column in self.observations.items():
            if len(column) != rows:
                mend = f"one more than steps in every episode: give ({rows}, ..)"
                raise self._bad(joined("observations", key), column, f"{says}, and observations are {mend}")
        for key, column in self.actions.items():
            if len(column) != self.steps:
                raise self._bad(joined("actions", key), column, f"{says}: give ({self.steps}, ..), one a step")
        self._check_numbers()

    def _check_numbers(self) -> None:
        """Everything is finite, and no episode goes on behind its end."""
        named = {joined("observations", key): column for key, column in self.observations.items()}
        named |= {joined("actions", key): column for key, column in self.actions.items()}
        for name, column in {**named, "rewards": self.rewards}.items():
            if column.dtype.kind == "O":
                raise self._bad(name, column, "it holds Python objects: give arrays of numbers or of text")
            if column.dtype.kind == "f" and not np.isfinite(column).all():
                row = int(np.argmin(np.isfinite(column.reshape(len(column), -1)).all(1)))
                raise self._bad(name, column, f"row {row} is not finite; leave that episode out")
        ended = self.terminations | self.truncations
        early = np.flatnonzero(ended & ~self.last)
        if len(early):
            episode, step = self.episode[early[0]], early[0] - self._starts[self.episode[early[0]]]
            how = next(end for end in ENDS if getattr(self, end)[early[0]])
            why = f"step {step} of episode {episode} ends it, and lengths says that it has {self.lengths[episode]}"
            raise self._bad(how, ended, f"{why}; begin another episode behind it")

    def _bad(self, key: str, array: NDArray[Any], why: str) -> BadData:
        return BadData(f"{self.name}: {key} is {array.shape} {array.dtype}; {why}")

    @property
    def steps(self) -> int:
        """S: of all episodes together."""
        return int(self.lengths.sum())

    @property
    def episode(self) -> NDArray[np.int64]:
        """The episode that each step is of, (S,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def last(self) -> NDArray[np.bool_]:
        """Whether each step is the last of its episode, (S,)."""
        last = np.zeros(self.steps, bool)
        last[np.cumsum(self.lengths) - 1] = True
        return last

    @property
    def _starts(self) -> NDArray[np.int64]:
        """The first step of each episode, (E,)."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def returns(self) -> NDArray[np.float64]:
        """The sum of rewards of each episode, (E,)."""
        found: NDArray[np.float64] = np.add.reduceat(self.rewards, self._starts)
        return found

    def write(self, path: Path) -> Path:
        """Write them as an ``.npz`` that ``read`` reads; the path."""
        arrays: dict[str, Any] = {joined("observations", key): column for key, column in self.observations.items()}
        arrays |= {joined("actions", key): column for key, column in self.actions.items()}
        arrays |= {name: getattr(self, name) for name in ("rewards", *ENDS, "lengths")}
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez_compressed(file, **arrays, about=np.array(json.dumps(dict(self.about))))
        return path


def joined(whole: str, key: str) -> str:
    """The name of an entry's array: ``observations``, ``observations/image``."""
    return f"{whole}/{key}" if key else whole
