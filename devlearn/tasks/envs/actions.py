"""What a learner can do in an environment: choices and numbers, and how they become the environment's own actions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces as gym_spaces

from devlearn.learners.objectives import Factors
from devlearn.tasks.envs.registration import Env, WorldError
from devlearn.tasks.envs.spec import Scaling

Array = np.ndarray[Any, Any]
Space = gym_spaces.Space[Any]
ActionSpace = gym_spaces.Discrete | gym_spaces.MultiDiscrete | gym_spaces.Box
FEW = 32  # values of a whole number up to which each is an option of its own
UNBOUNDED = 1e6  # a bound as wide as this is none
EDGE = 1e-6  # how near to the ends of [-1, 1] an inverse tanh is taken
MASK = "action_mask"


@dataclass(frozen=True)
class Leaf:
    """One space that is no Dict or Tuple: its choices and numbers, and where they stand among those of all."""

    space: Space
    choices: tuple[int, ...]
    numbers: int
    first_choice: int
    first_number: int

    def to_env(self, choices: Array, numbers: Array) -> Any:
        """The environment's action from the choices (C,) int64 and numbers (A,) of all leaves."""
        chosen = choices[self.first_choice : self.first_choice + len(self.choices)]
        given = numbers[self.first_number : self.first_number + self.numbers]
        space = self.space
        if isinstance(space, gym_spaces.Discrete):
            return np.int64(chosen[0] + space.start)
        if isinstance(space, gym_spaces.MultiDiscrete):
            return (chosen.reshape(space.shape) + space.start).astype(space.dtype)
        if isinstance(space, gym_spaces.MultiBinary):
            return chosen.reshape(space.shape).astype(space.dtype)
        assert isinstance(space, gym_spaces.Box)
        if self.choices:
            return (chosen.reshape(space.shape) + space.low.astype(np.int64)).astype(space.dtype)
        if space.dtype.kind == "f":
            return self.within(given)
        whole = np.rint(given.astype(np.float64)).reshape(space.shape).clip(-(2.0**53), 2.0**53).astype(np.int64)
        return np.clip(whole, space.low, space.high).astype(space.dtype)

    def from_env(self, actions: Array) -> Array:
        """The choices (K, C) or numbers (K, A) that ``to_env`` makes actions (K, ...) of this space of.

        Raises:
            ValueError: actions of another shape or type, or one that the space does not have, with its row.
        """
        space, shape = self.space, self.space.shape or ()
        if actions.shape[1:] != shape:
            raise ValueError(f"actions of shape {actions.shape[1:]} instead of {shape}")
        if actions.dtype.kind not in ("iub" if self.choices else "iubf"):
            raise ValueError(f"actions of type {actions.dtype} for {space}")
        if not self.choices:
            with np.errstate(over="ignore"):
                numbers: Array = actions.reshape(len(actions), -1).astype(np.float32)
            self._possible(np.isfinite(numbers), actions, "no learner has numbers for")
            return numbers
        first = space.low if isinstance(space, gym_spaces.Box) else getattr(space, "start", 0)
        choices = (actions.astype(np.int64) - np.asarray(first, np.int64)).reshape(len(actions), -1)
        self._possible((choices >= 0) & (choices < np.array(self.choices)), actions, f"is not in {space}")
        return choices

    def _possible(self, fine: Array, actions: Array, why: str) -> None:
        """Raises ValueError for the first row where not all is ``fine`` (K, C)."""
        rows = fine.all(1)
        if not rows.all():
            row = int(rows.argmin())
            raise ValueError(f"row {row}: {actions[row].tolist()} {why}")

    def within(self, numbers: Array) -> Array:
        """Numbers (.., A) as actions of a Box of floats."""
        space = self.space
        assert isinstance(space, gym_spaces.Box)
        rows = numbers.reshape(*numbers.shape[:-1], *space.shape).astype(space.dtype)
        # float32 bounds can lie a rounding outside of float64 ones
        return np.asarray(np.clip(rows, space.low, space.high))


class Controls:
    """What a learner can do in an environment.

    Args:
        env: the environment's id.
        space: of its actions.

    Attributes:
        factors: what the actor's output and the learner's actions are made of: choices first, then numbers, each in the
            order of the space.
        space: of the learner's actions: Discrete from 0 for a lone choice, MultiDiscrete from 0 for several, a float32
            Box (A,) with the environment's bounds for numbers alone, and a Box with a column each for both.
        lone_floats: whether the environment takes one Box of floats.

    Raises:
        WorldError: a space that has no fixed size, or nothing in it.
    """

    def __init__(self, env: str, space: Space) -> None:
        self.whole = space
        self.leaves = tuple(_leaves(env, space))
        choices = tuple(options for leaf in self.leaves for options in leaf.choices)
        boxes = [leaf.space for leaf in self.leaves if leaf.numbers]
        self.factors = Factors(choices, sum(leaf.numbers for leaf in self.leaves))
        if not self.factors.outputs:
            mend = "give it a space with a choice or a number in it, or Discrete(1) where there is nothing to decide"
            raise WorldError(f"{env}: actions of {space} leave nothing to do; {mend}")
        with np.errstate(over="ignore"):
            ends = [[getattr(box, end).ravel().astype(np.float32) for box in boxes] for end in ("low", "high")]
        self._low, self._high = (np.concatenate([np.zeros(0, np.float32), *end]) for end in ends)
        self._bounded = (self._low > -UNBOUNDED) & (self._high < UNBOUNDED)  # (A,)
        low, high = (np.where(self._bounded, end, 0).astype(np.float64) for end in (self._low, self._high))
        self._centre, self._half = (high + low) / 2, (high - low) / 2
        self.space = self._space()
        self.lone_floats = isinstance(space, gym_spaces.Box) and space.dtype.kind == "f"

    def _space(self) -> ActionSpace:
        choices = np.array(self.factors.choices, np.int64)
        if self.factors.discrete:
            return gym_spaces.MultiDiscrete(choices) if self.factors.shape else gym_spaces.Discrete(int(choices[0]))
        low, high = np.concatenate([choices * 0.0, self._low]), np.concatenate([choices - 1.0, self._high])
        return gym_spaces.Box(low.astype(np.float32), high.astype(np.float32))

    def clean(self, actions: Array, scaling: Scaling) -> Array:
        """Actions (K, ...) of the policy as the environment can be given them: (K, ...).

        Non-finite numbers become 0. Numbers with finite bounds are scaled: ``affine`` maps [-1, 1] to the bounds and
        clips, ``squash`` maps all numbers between the bounds by tanh, ``none`` clips to the bounds. Others pass.

        Raises:
            ValueError: for choices that do not exist.
        """
        count = len(self.factors.choices)
        if self.factors.discrete:
            return self._existing(actions)
        if not count:
            return self._scaled(actions.astype(np.float32), scaling)
        chosen = self._existing(np.rint(actions[:, :count]).astype(np.int64))
        numbers = self._scaled(actions[:, count:].astype(np.float32), scaling)
        return np.concatenate([chosen.astype(np.float32), numbers], axis=1)

    def _existing(self, choices: Array) -> Array:
        if choices.dtype.kind not in "iu":
            raise ValueError(f"actions of type {choices.dtype} given to {self.space}, which takes integers")
        if choices.min() < 0 or (choices >= np.array(self.factors.choices)).any():
            raise ValueError(f"actions from {choices.min()} to {choices.max()} given to {self.space}")
        return choices

    def _scaled(self, raw: Array, scaling: Scaling) -> Array:
        """Numbers (K, A) float32."""
        raw = np.where(np.isfinite(raw), raw, np.float32(0))
        if scaling != "none":
            unit = np.tanh(raw) if scaling == "squash" else raw.clip(-1, 1)
            scaled = unit * self._half  # in float64: the ends are the bounds, to the bit
            scaled = np.where(self._centre == 0, scaled, self._centre + scaled)  # 0 + -0.0 would lose its sign
            raw = np.where(self._bounded, scaled.astype(np.float32), raw)
        return np.clip(raw, self._low, self._high)

    def rows_to_env(self, actions: Array) -> Sequence[Any]:
        """``to_env`` of each of (K, ...) actions."""
        if isinstance(self.whole, gym_spaces.Discrete):  # most are these two, and every step of every copy comes by
            return list(actions.astype(np.int64) + np.int64(self.whole.start))
        if self.lone_floats:
            return list(self.leaves[0].within(actions))
        return [self.to_env(action) for action in actions]

    def to_env(self, action: Array) -> Any:
        """One action that was cleaned, as the environment takes it: its own number, array, dict or tuple."""
        count, row = len(self.factors.choices), np.atleast_1d(action)  # a lone choice has no column
        choices = row[:count] if self.factors.discrete else row[:count].astype(np.int64)
        made = iter([leaf.to_env(choices, row[count:]) for leaf in self.leaves])
        return _nested(self.whole, made)

    def from_env(self, columns: Sequence[Array]) -> Array:
        """The learner's actions (K, ...) that ``to_env`` makes the environment's of: a column (K, ...) for each leaf.

        Raises:
            ValueError: actions of another shape or type, or one that the space does not have, with its row.
        """
        given = [(leaf, leaf.from_env(column)) for leaf, column in zip(self.leaves, columns, strict=True)]
        choices, numbers = ([part for leaf, part in given if bool(leaf.choices) is first] for first in (True, False))
        rows = np.concatenate([*choices, *numbers], axis=1)
        made: Array = rows.reshape(len(rows), *self.factors.shape)
        return made if self.factors.discrete else made.astype(np.float32)

    def unscaled(self, actions: Array, scaling: Scaling) -> Array:
        """Actions (K, ...) as the policy gives them: what ``clean`` makes them of. The inverse of ``scaling``.

        A number at the end of its bounds, which tanh never reaches, comes from within a millionth of it.
        """
        if self.factors.discrete or scaling == "none":
            return actions
        count = len(self.factors.choices)
        numbers = actions[:, count:].astype(np.float64)
        unit = (numbers - self._centre) / np.where(self._half > 0, self._half, 1)
        if scaling == "squash":
            unit = np.arctanh(unit.clip(-1 + EDGE, 1 - EDGE))
        numbers = np.where(self._bounded, unit, numbers).astype(np.float32)
        return np.concatenate([actions[:, :count], numbers], axis=1)

    def mask(self, offered: Any) -> Array:
        """Which options are allowed, (O,) bool over all choices, from what an environment offers: one array of them, or
        one for each choice.

        Raises:
            ValueError: another number of options, or a choice of which all are forbidden.
        """
        allowed = np.concatenate([np.zeros(0), *_flat(offered, self.whole)]).astype(bool)
        if len(allowed) != self.factors.options:
            raise ValueError(
                f"the action mask has {len(allowed)} entries instead of {self.factors.options}, one for each option of "
                f"{self.whole}"
            )
        starts = np.cumsum([0, *self.factors.choices[:-1]])
        left = np.logical_or.reduceat(allowed, starts)
        if not left.all():
            which = "" if len(left) == 1 else f" of choice {int(left.argmin())}"
            raise ValueError(f"the action mask allows none of the options{which} while the episode goes on")
        return allowed

    def random(self, space: Space, mask: Array | None) -> Any:
        """A random action, from the generator of ``space``, a copy of the environment's; as a mask (O,) allows.

        A Box with finite bounds as wide as none is not sampled: numbers there are what a new learner sends, about
        N(0, 1), as it would never reach 1e300.
        """
        wide = [bool(leaf.numbers) and is_wide(leaf.space) for leaf in self.leaves]
        if mask is None and not any(wide):
            return space.sample()
        rng, ends = space.np_random, np.cumsum(self.factors.choices)
        allowed = np.ones(self.factors.options, bool) if mask is None else mask
        options = [np.flatnonzero(part) for part in np.split(allowed, ends[:-1])] if len(ends) else []
        choices = np.array([rng.choice(each) for each in options], np.int64)
        sent = np.zeros(self.factors.numbers, np.float32)
        if any(wide):
            sent = self._scaled(rng.normal(size=(1, len(sent))).astype(np.float32), "affine")[0]
        made = [
            leaf.space.sample() if leaf.numbers and not as_sent else leaf.to_env(choices, sent)
            for leaf, as_sent in zip(self.leaves, wide, strict=True)
        ]
        return _nested(self.whole, iter(made))

    def __str__(self) -> str:
        """In words."""
        choices, parts = self.factors.choices, []
        if len(choices) == 1:
            parts.append(f"one of {choices[0]} actions")
        elif choices:
            parts.append(f"{len(choices)} choices of {', '.join(map(str, choices))}")
        if self.factors.numbers:
            parts.append(f"{self.factors.numbers} number{'s' * (self.factors.numbers > 1)}")
        return " and ".join(parts)


def masks_by_method(env: Env) -> bool:
    """Whether an environment has a method ``action_masks``; it is looked for in all its wrappers."""
    return env.has_wrapper_attr("action_masks")


def offered_mask(env: Env, info: Mapping[str, Any], by_method: bool) -> Any:
    """What an environment says of the actions that are allowed now: ``info["action_mask"]`` or ``action_masks()``.

    None where it says nothing; ``by_method`` is what ``masks_by_method`` has found.
    """
    if info.get(MASK) is not None:
        return info[MASK]
    return env.get_wrapper_attr("action_masks")() if by_method else None


def random_action(env: Env, space: Space, info: Mapping[str, Any]) -> Any:
    """A random action that an environment allows now, drawn from the generator of ``space``, a copy of its own."""
    offered = offered_mask(env, info, masks_by_method(env))
    if offered is None and not is_wide(space):
        return space.sample()
    controls = Controls(str(env), space)
    masked = offered is not None and bool(controls.factors.choices)
    return controls.random(space, controls.mask(offered) if masked else None)


def is_wide(space: Space) -> bool:
    """Whether a finite bound of a Box is as wide as none, in it or in one of its entries: its samples are as large."""
    boxes = [leaf for leaf in _flat_spaces(space) if isinstance(leaf, gym_spaces.Box)]
    ends = [end[np.isfinite(end)] for box in boxes for end in (box.low, box.high)]
    return any(((end >= UNBOUNDED) | (end <= -UNBOUNDED)).any() for end in ends)


def _leaves(env: str, space: Space) -> Iterator[Leaf]:
    choice = number = 0
    for leaf in _flat_spaces(space):
        choices, numbers = _factors(env, leaf)
        yield Leaf(leaf, choices, numbers, choice, number)
        choice, number = choice + len(choices), number + numbers


def _flat_spaces(space: Space) -> Iterator[Space]:
    if isinstance(space, gym_spaces.Dict | gym_spaces.Tuple):
        inner = space.spaces.values() if isinstance(space, gym_spaces.Dict) else space.spaces
        for each in inner:
            yield from _flat_spaces(each)
    else:
        yield space


def _factors(env: str, space: Space) -> tuple[tuple[int, ...], int]:
    """Choices, by their options, and how many numbers."""
    if isinstance(space, gym_spaces.Discrete):
        return (int(space.n),), 0
    if isinstance(space, gym_spaces.MultiDiscrete):
        return tuple(space.nvec.ravel().tolist()), 0
    if isinstance(space, gym_spaces.MultiBinary):
        return (2,) * int(np.prod(space.shape)), 0
    if isinstance(space, gym_spaces.Box):
        if space.dtype.kind in "iu":
            values = space.high.ravel().astype(object) - space.low.ravel().astype(object) + 1  # without overflow
            if (values <= FEW).all():
                return tuple(int(count) for count in values), 0
        if space.dtype.kind in "iuf":
            return (), int(np.prod(space.shape))
    raise WorldError(
        f"{env}: actions of {type(space).__name__} have no fixed number of choices and numbers: {space}. Wrap the "
        "environment so that its actions are Discrete, MultiDiscrete, MultiBinary, a Box, or a Dict or Tuple of these"
    )


def _nested(space: Space, made: Iterator[Any]) -> Any:
    """The values of leaves, put back where they belong."""
    if isinstance(space, gym_spaces.Dict):
        return {key: _nested(inner, made) for key, inner in space.spaces.items()}
    if isinstance(space, gym_spaces.Tuple):
        return tuple(_nested(inner, made) for inner in space.spaces)
    return next(made)


def _flat(offered: Any, space: Space) -> list[Array]:
    """The arrays of a mask, which may be nested as the space is, and have one for each choice of a space."""
    if isinstance(offered, Mapping) and isinstance(space, gym_spaces.Dict):
        return [array for key, inner in space.spaces.items() if key in offered for array in _flat(offered[key], inner)]
    if isinstance(offered, list | tuple) and isinstance(space, gym_spaces.Tuple):
        return [array for each, inner in zip(offered, space.spaces, strict=True) for array in _flat(each, inner)]
    return [np.ravel(each) for each in (offered if isinstance(offered, list | tuple) else [offered])]
