"""What an environment shows, as a learner sees it: pictures, vectors and words, in one array.

A space is taken apart into *entries*, one for each space that is no Dict or Tuple. The observation of a single entry is
its own array; several lie side by side in a row. Every entry has a sense of its own.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np
from gymnasium import spaces as gym_spaces

from devlearn.learners.brains.needs import Part, Sense, picture_layout, sense_name
from devlearn.tasks.envs.arrays import to_numpy
from devlearn.tasks.envs.registration import WorldError

Array = np.ndarray[Any, Any]
Space = gym_spaces.Space[Any]
Path = tuple[str | int, ...]
WORD = re.compile(r"[\w'-]+")
MANY_MISSIONS = 4096  # missions that are all said to find their words; of more, one placeholder is varied at a time
LONGEST = 64  # words of a text that nothing else bounds
ANYTHING = "a mission that no level has"


@dataclass(frozen=True)
class Entry:
    """One entry of an observation.

    ``path`` leads to it through Dicts and Tuples, ``space`` is what the environment calls it, ``sense`` how a learner
    sees it, by the name ``name``. ``in_bytes``: its numbers are whole and below 256.
    """

    path: Path
    kind: Literal["picture", "vector", "words"]
    space: Space
    sense: Sense
    in_bytes: bool
    name: str = ""

    @property
    def is_box(self) -> bool:
        """Whether it is an array of numbers in the environment too."""
        return isinstance(self.space, gym_spaces.Box)

    def read(self, observation: Any) -> Array:
        """What the learner sees of an observation of the environment.

        Raises:
            ValueError: another shape or type than the space's, or a word that is not in the vocabulary.
        """
        for step in self.path:
            observation = observation[step]
        if self.kind == "words":
            return self._tokens(observation)
        box, is_box = self.sense.space, isinstance(self.space, gym_spaces.Box)
        is_array = is_box and type(observation) is np.ndarray and observation.dtype == box.dtype
        if is_array and observation.shape == self.space.shape == box.shape:
            return np.asarray(observation)  # most are so, and every step of every copy comes by
        what = f"entry {_label(self.path)!r} of the observation" if self.path else ""
        what = what or "the observation"
        shown = np.asarray(observation if is_box else gym_spaces.flatten(self.space, observation))
        if shown.shape != (self.space.shape if is_box else box.shape):
            raise ValueError(f"{what} has shape {shown.shape} instead of {self.space.shape if is_box else box.shape}")
        if not np.can_cast(shown.dtype, box.dtype, "same_kind"):
            raise ValueError(f"{what} is {shown.dtype} and its space {box.dtype}: cast it to that")
        return shown.reshape(box.shape)

    def _tokens(self, text: Any) -> Array:
        """The numbers of a text's words, (L,), 0 behind the last."""
        said, tokens = words_of(str(text)), np.zeros(self.sense.space.shape, self.sense.space.dtype)
        for word in said:
            if word not in self.sense.words:
                known = f"it has {', '.join(self.sense.words[:12])}{', ..' if len(self.sense.words) > 12 else ''}"
                mend = "add it to the key 'vocabulary', or to the environment's attribute of that name"
                raise ValueError(f"the word {word!r} of {text!r} is not in the vocabulary ({known}); {mend}")
        if len(said) > len(tokens):
            mend = "shorten it, or give its Text space the right max_length"
            raise ValueError(f"{text!r} has {len(said)} words, and there is place for {len(tokens)}; {mend}")
        tokens[: len(said)] = [self.sense.words.index(word) + 1 for word in said]
        return tokens

    def __str__(self) -> str:
        """In words: what is seen, with the order of channels that was found."""
        name = f" {_label(self.path)!r}" if self.path else ""
        shape = self.sense.space.shape
        if self.kind == "words":
            return f"words{name}, up to {shape[0]} of a vocabulary of {len(self.sense.words)}"
        if self.kind == "vector":
            size = int(np.prod(shape))
            return f"a vector{name} of {size} number{'s' * (size > 1)}"
        (channels, height, width), last = picture_layout(shape)
        order = "" if len(shape) == 2 else ", channels last" if last else ", channels first"
        stack = f", a stack of {shape[0]}" if len(shape) == 4 else ""
        return f"a picture{name} of {height} x {width} in {channels} channel{'s' * (channels > 1)}{order}{stack}"


class View:
    """What a learner sees of an environment: entries, and the one array that holds them.

    Args:
        env: the environment's id.
        space: of its observations.
        vocabulary: the words of its texts; None: those that its space can say.

    Attributes:
        entries: in the space's order.
        box: of one observation as the learner sees it: of a single entry its own, of several a row (D,), in bytes where
            all entries are, else float32.
        sense: the name of the sense that the observation enters by.
        senses: that sense, and those of its entries, by name.

    Raises:
        WorldError: a space that has no fixed size, or texts without a vocabulary.
    """

    def __init__(self, env: str, space: Space, vocabulary: Sequence[str] | None = None) -> None:
        found = [_entry(env, path, leaf, vocabulary) for path, leaf in leaves(space)]
        if not found or any(0 in entry.sense.space.shape for entry in found):
            mend = "give it a space with numbers in it, or Discrete(1) where there is nothing to see"
            raise WorldError(f"{env}: observations of {space} show nothing{' in an entry' * (len(found) > 1)}; {mend}")
        self.entries = tuple(_named(env, found))
        if len(self.entries) == 1:
            self.box, self.sense = found[0].sense.space, self.entries[0].name
            self.senses = {self.sense: self.entries[0].sense}
            self._parts: tuple[Part, ...] = ()
            return
        dtype = np.uint8 if all(entry.in_bytes for entry in found) else np.float32
        boxes = [entry.sense.space for entry in found]
        low, high = (np.concatenate([getattr(box, end).ravel() for box in boxes]) for end in ("low", "high"))
        self.box = gym_spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype)
        starts = np.cumsum([0, *(int(np.prod(box.shape)) for box in boxes)]).tolist()
        self._parts = tuple(
            Part(entry.name, start, entry.sense.space.shape)
            for entry, start in zip(self.entries, starts[:-1], strict=True)
        )
        self.sense = _plain(env)
        composite = Sense(self.box, parts=self._parts)
        self.senses = {self.sense: composite, **{entry.name: entry.sense for entry in self.entries}}

    def read(self, observation: Any) -> Array:
        """One observation of the environment as the learner's array, not yet of its type. Raises as ``Entry.read``."""
        observation = to_numpy(observation)
        if not self._parts:
            return self.entries[0].read(observation)
        return np.concatenate([entry.read(observation).ravel() for entry in self.entries])

    @property
    def as_it_is(self) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
        """The shape and type of a numpy array that the learner sees as it is; None: none is."""
        only, box = self.entries[0], self.box
        plain = len(self.entries) == 1 and not only.path and only.kind != "words"
        is_box = isinstance(only.space, gym_spaces.Box) and only.space.shape == box.shape
        return (box.shape, box.dtype) if plain and is_box else None

    @property
    def rounded(self) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
        """The shape and type of a numpy array whose float64 the learner sees as float32; None: none is."""
        plain = self.as_it_is is not None and self.entries[0].space.dtype == np.float64
        return (self.box.shape, np.dtype(np.float64)) if plain and self.box.dtype == np.float32 else None

    @property
    def picture(self) -> Callable[[Array], Array] | None:
        """What finds its first picture that can be drawn in the array, (H, W) or (H, W, 3) bytes; None: it has none."""
        for place, entry in enumerate(self.entries):
            shape = entry.sense.space.shape
            if entry.kind == "picture" and (len(shape) == 2 or shape[2:] == (3,)):
                part = self._parts[place] if self._parts else Part(entry.name, 0, shape)
                return lambda row: row.ravel()[part.start : part.stop].reshape(part.shape).astype(np.uint8)
        return None

    def __str__(self) -> str:
        return "; ".join(map(str, self.entries))


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation."""
    return WORD.findall(text.lower())


def leaves(space: Space, path: Path = ()) -> Iterator[tuple[Path, Space]]:
    """Every space in ``space`` that is no Dict or Tuple, in order, with the path that leads to it."""
    if isinstance(space, gym_spaces.Dict):
        for key, inner in space.spaces.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(space, gym_spaces.Tuple):
        for place, inner in enumerate(space.spaces):
            yield from leaves(inner, (*path, place))
    else:
        yield path, space


def _entry(env: str, path: Path, space: Space, vocabulary: Sequence[str] | None) -> Entry:
    if isinstance(space, gym_spaces.Text) or _is_mission(space):
        return _text(env, path, space, vocabulary)
    if isinstance(space, gym_spaces.Box):
        in_bytes = space.dtype == np.uint8
        box = space if in_bytes else float_box(space)
        box = box if space.shape else gym_spaces.Box(box.low[None], box.high[None], dtype=box.dtype.type)
        return Entry(
            path, "picture" if in_bytes and 2 <= len(space.shape) <= 4 else "vector", space, Sense(box), in_bytes
        )
    if isinstance(space, gym_spaces.Discrete | gym_spaces.MultiDiscrete | gym_spaces.MultiBinary):
        flat = gym_spaces.flatten_space(space)
        assert isinstance(flat, gym_spaces.Box)
        return Entry(path, "vector", space, Sense(float_box(flat)), in_bytes=True)
    where = f"entry {_label(path)!r}, " if path else ""
    raise WorldError(
        f"{env}: observations of {type(space).__name__} have no fixed size: {where}{space}. Wrap the environment so "
        "that it shows a Box (pictures, vectors), Discrete, MultiDiscrete, MultiBinary, Text, or a Dict or Tuple of "
        "them: a Graph or Sequence as a Box of the most that there can be, and 0 where there is less"
    )


def float_box(space: gym_spaces.Box) -> gym_spaces.Box:
    """The Box in float32; bounds beyond its range are infinite."""
    if space.dtype == np.float32:
        return space
    with np.errstate(over="ignore"):
        return gym_spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)


def _named(env: str, entries: list[Entry]) -> Iterator[Entry]:
    """Pictures share a sense with others of their shape, unless one observation has two; others have their own."""
    if len(entries) == 1:
        yield replace(entries[0], name=sense_name(entries[0].sense.space, env))
        return
    shared = [sense_name(entry.sense.space, "") for entry in entries]
    taken = {_plain(env)}
    for entry, name in zip(entries, shared, strict=True):
        if not name or shared.count(name) > 1:
            name = "_".join([_plain(env), *(_plain(str(step)) for step in entry.path)])
        while name in taken:
            name += "_"
        taken.add(name)
        yield replace(entry, name=name)


def _plain(text: str) -> str:
    return re.sub(r"\W", "_", text)


def _label(path: Path) -> str:
    return ".".join(map(str, path))


# ---- words -------------------------------------------------------------------------------------------------------


def _is_mission(space: Space) -> bool:
    """Whether it is one of MiniGrid's missions, found by what it has: nothing has to be installed."""
    return hasattr(space, "mission_func") and hasattr(space, "ordered_placeholders")


def _text(env: str, path: Path, space: Space, vocabulary: Sequence[str] | None) -> Entry:
    said = _missions(space) if _is_mission(space) else []
    known = list(vocabulary) if vocabulary is not None else sorted({word for text in said for word in words_of(text)})
    if not known:
        where = f" {_label(path)!r}" if path else ""
        raise WorldError(
            f"{env}: its texts{where} ({type(space).__name__}) do not say which words they have. Declare them, by the "
            "key 'vocabulary: [go, to, the, ..]' of the stage and of the probe, or by an attribute 'vocabulary' of the "
            "environment"
        )
    words = _vocabulary(env, known)
    if isinstance(space, gym_spaces.Text):
        length = (space.max_length + 1) // (min(map(len, words)) + 1)  # as many of the shortest as there is place for
    else:
        length = max((len(words_of(text)) for text in said), default=LONGEST)
    in_bytes = len(words) < 256
    box = gym_spaces.Box(0, len(words), (max(length, 1),), np.uint8 if in_bytes else np.float32)
    return Entry(path, "words", space, Sense(box, words=words), in_bytes)


def _vocabulary(env: str, words: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(str(word).lower() for word in words))
    for word in found:
        if words_of(word) != [word]:
            raise WorldError(f"{env}: {word!r} of its vocabulary is no single word; write words alone, one an item")
    return found


def _missions(space: Any) -> list[str]:
    """What a mission's function can say; nothing where the space takes anything at all for a mission, as BabyAI's."""
    if space.ordered_placeholders is None:
        return [] if space.contains(ANYTHING) else [str(space.mission_func())]
    options = [list(each) for each in space.ordered_placeholders]
    if np.prod([float(len(each)) for each in options]) <= MANY_MISSIONS:
        return [str(space.mission_func(*chosen)) for chosen in product(*options)]
    first = [each[0] for each in options]
    longest = [max(each, key=lambda text: len(words_of(str(text)))) for each in options]
    varied = [[*first[:k], option, *first[k + 1 :]] for k, each in enumerate(options) for option in each]
    return [str(space.mission_func(*chosen)) for chosen in (longest, *varied)]
