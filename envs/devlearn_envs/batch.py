"""The batch-native protocol: one numpy program for K copies of an environment, and its face as an ordinary one."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces

Array = np.ndarray[Any, Any]


class BatchEnv(ABC):
    """K copies of one environment, stepped together.

    The spaces are those of ONE copy. A copy's episode is a function of its seed and its actions alone: whatever the
    other copies do, and whatever this one did in earlier episodes, changes nothing. A copy whose episode has ended is
    started again by ``reset``; it never starts by itself.

    Attributes:
        adjustable: the keyword arguments that ``adjust`` can give one copy anew; none of them touches the spaces.
        answers: the actions that answer, where ``masks`` say in which steps; in all other steps something is done to
            the world. Who is yoked to another gives answers of its own and has the rest done by the other.
        question: the place in an observation that is 1 where an answer is wanted; None where no place says so.
        views: the keyword arguments that change what is seen and nothing else: the spaces and ``state`` stay.
    """

    adjustable: ClassVar[tuple[str, ...]] = ()
    answers: tuple[int, ...] = ()
    question: int | None = None
    views: ClassVar[tuple[str, ...]] = ()

    observation_space: spaces.Box
    action_space: spaces.Discrete | spaces.MultiDiscrete | spaces.Box

    def __init__(self, copies: int) -> None:
        self.copies = copies

    def adjust(self, index: int, keywords: Mapping[str, Any]) -> None:
        """From its next ``reset`` on, copy ``index`` is as if it had been made with these of the ``adjustable``.

        ``load`` counts as one: a copy that was adjusted is, to go on with its episode, adjusted and then loaded.

        Raises ValueError, as the constructor does, for a value that makes no sense.
        """
        raise NotImplementedError(f"{type(self).__name__} has no adjustable arguments")

    @abstractmethod
    def reset(self, seeds: Array, where: Array) -> None:
        """Start an episode in the copies that ``where`` (K,) marks, from their ``seeds`` (K,) int64."""

    def foresee(self, seeds: Array) -> None:  # noqa: B027
        """Be told of ``seeds`` (S,) int64 that episodes will be started from some day, each at most once.

        Optional: to prepare for many at once what takes long for one. Nothing by default.
        """

    @abstractmethod
    def step(self, actions: Array) -> tuple[Array, Array, Array]:
        """Act with ``actions`` (K, ...): reward (K,) float32, terminated (K,) bool, truncated (K,) bool."""

    @abstractmethod
    def observe(self) -> Array:
        """What every copy shows now, as a new array: (K, *observation)."""

    def masks(self) -> Array | None:
        """Which options every copy allows now, (K, O) bool over all choices; None where all always are."""
        return None

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """All that ``load`` needs to continue bit for bit: arrays (K, ...), copied."""

    @abstractmethod
    def load(self, state: dict[str, Array]) -> None:
        """Continue from what ``state`` returned, in a fresh object of the same arguments."""

    def draw(self, index: int) -> Array:
        """A small picture (at most 96 pixels high) of what copy ``index`` is in: (H, W) or (H, W, 3) uint8.

        Optional: an environment that doesn't override it can't be drawn, and has no ``render_mode``.
        """
        raise NotImplementedError(f"{type(self).__name__} can't be drawn: it has no draw(index)")

    @classmethod
    def drawable(cls) -> bool:
        """Whether it has a ``draw`` of its own."""
        return cls.draw is not BatchEnv.draw

    def close(self) -> None:  # noqa: B027
        """Free what the copies hold. Nothing by default."""


def enlarged(cells: Array) -> Array:
    """Cells (H, W) uint8 as squares, as large as a small picture has room for: at most 96 pixels high."""
    times = max(1, min(16, 96 // cells.shape[0], 240 // cells.shape[1]))
    return cells.repeat(times, 0).repeat(times, 1)


class SingleEnv(gymnasium.Env[Array, Any]):
    """One copy of a :class:`BatchEnv` as an ordinary Gymnasium environment.

    ``reset(seed=s)`` gives the episode that a copy of the batch plays from seed ``s``; without a seed the episode's
    seed is drawn from ``np_random``. Subclasses name their ``batch``; keyword arguments go to it. The render mode
    ``rgb_array`` shows what the batch's ``draw`` draws.
    """

    batch: ClassVar[type[BatchEnv]]
    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}  # type: ignore[misc]
    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.batch.drawable():
            cls.metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
        _, *keys = inspect.signature(cls.batch).parameters.values()  # without how many
        mode = inspect.Parameter("render_mode", inspect.Parameter.KEYWORD_ONLY, default=None)
        named = [one.replace(kind=max(one.kind, inspect.Parameter.KEYWORD_ONLY)) for one in keys]
        cls.__signature__ = inspect.Signature([mode, *named])

    def __init__(self, render_mode: str | None = None, **keys: Any) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode {render_mode!r} is none of {self.metadata['render_modes']}")
        self.render_mode = render_mode
        self.copy = self.batch(1, **keys)
        self.observation_space, self.action_space = self.copy.observation_space, self.copy.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        episode = int(self.np_random.integers(2**31)) if seed is None else seed
        self.copy.reset(np.array([episode], np.int64), np.array([True]))
        return self.copy.observe()[0], {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is not an action of {self.action_space}")
        reward, terminated, truncated = self.copy.step(np.asarray(action)[None])
        return self.copy.observe()[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}

    def action_masks(self) -> Array | None:
        """Which options are allowed now, (O,) bool over all choices; None where all always are."""
        masks = self.copy.masks()
        return None if masks is None else masks[0]

    def render(self) -> Array | None:
        """(H, W, 3) uint8 in the mode ``rgb_array``, else None."""
        if self.render_mode is None:
            return None
        picture = self.copy.draw(0)
        return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


NATIVE: dict[str, type[BatchEnv]] = {}  # the batches of our own environments, by id
Face = TypeVar("Face", bound=type[SingleEnv])


def environment(name: str) -> Callable[[Face], Face]:
    """Class decorator: enter an environment, and the batch of it, under the Gymnasium id ``name``.

    Time limits are inside the environments. Raises ValueError where another environment of ours has that id.
    """

    def enter(face: Face) -> Face:
        if name in NATIVE:
            raise ValueError(f"two environments are called {name!r}")
        NATIVE[name] = face.batch
        gymnasium.register(name, entry_point=f"{face.__module__}:{face.__name__}")
        return face

    return enter


def random_bits(seeds: Array, counter: int | Array) -> Array:
    """The ``counter``-th random word of each seed's stream: (K,) uint64 from (K,) int64; each its own, or one for all.

    A hash of (seed, counter) and nothing else (SplitMix64: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195,
    applied twice, so that neighbouring seeds and counters do not meet).
    """
    return _mix(_mix(seeds.astype(np.uint64)) + np.asarray(counter, np.uint64))


def random_shares(seeds: Array, counter: int | Array) -> Array:
    """The ``counter``-th random number of each seed's stream, uniform in [0, 1): (K,) float64."""
    shares: Array = (random_bits(seeds, counter) >> np.uint64(11)) * 2.0**-53
    return shares


def _mix(words: Array) -> Array:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = words ^ (words >> np.uint64(31))
    return mixed
