"""Environments with the spaces that people bring: nested, told in words, masked, with bounds of all kinds.

Each checks that what it is given is an action of its space. Importing registers them.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple

WORDS = ("left", "right", "now", "wait", "go", "to", "the", "door")


class World(gymnasium.Env[Any, Any]):
    """Ends after ``length`` steps, shows ``see`` of a step and rewards ``judge`` of an action."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    observation_space: spaces.Space[Any] = Box(-1, 1, (2,), np.float32)
    action_space: spaces.Space[Any] = Discrete(2)
    length = 6

    def __init__(self) -> None:
        """Spaces of its own: those of a class are shared, and so are their generators."""
        self.observation_space = self.seen()
        self.action_space = self.acted()

    def seen(self) -> spaces.Space[Any]:
        return Box(-1, 1, (2,), np.float32)

    def acted(self) -> spaces.Space[Any]:
        return Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self.see(), self.info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        reward = float(self.judge(action))
        self.steps += 1
        return self.see(), reward, self.steps >= self.length, False, self.info()

    def see(self) -> Any:
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def judge(self, action: Any) -> float:
        return 1.0

    def info(self) -> dict[str, Any]:
        return {}


class Camera(World):
    """A camera in a Dict with a vector and a gear."""

    def seen(self) -> spaces.Space[Any]:
        return Dict({"camera": Box(0, 255, (8, 9, 3), np.uint8), "speed": Box(-5, 5, (2,)), "gear": Discrete(3)})

    def see(self) -> Any:
        self.image = self.np_random.integers(0, 256, (8, 9, 3), np.uint8)
        self.speed, self.gear = self.np_random.uniform(-5, 5, 2).astype(np.float32), int(self.np_random.integers(3))
        return {"camera": self.image, "speed": self.speed, "gear": self.gear}


class Eyes(World):
    """Two cameras of one shape, and switches: nested, and all of it in bytes."""

    def seen(self) -> spaces.Space[Any]:
        eye = Box(0, 255, (6, 6), np.uint8)
        return Tuple([Dict({"left": eye, "right": eye}), Tuple([MultiBinary(3), MultiDiscrete([2, 4])])])

    def see(self) -> Any:
        left, right = self.np_random.integers(0, 256, (2, 6, 6), np.uint8)
        switches = self.np_random.integers(0, 2, 3).astype(np.int8)
        return {"left": left, "right": right}, (switches, np.array([1, self.np_random.integers(4)]))


class Wrapped(World):
    """A Dict of one picture."""

    def seen(self) -> spaces.Space[Any]:
        return Dict({"camera": Box(0, 255, (3, 8, 8), np.uint8)})

    def see(self) -> Any:
        return {"camera": self.np_random.integers(0, 256, (3, 8, 8), np.uint8)}


class Film(World):
    """A stack of colour pictures."""

    def seen(self) -> spaces.Space[Any]:
        return Box(0, 255, (2, 8, 10, 3), np.uint8)

    def see(self) -> Any:
        return self.np_random.integers(0, 256, (2, 8, 10, 3), np.uint8)


class Told(World):
    """A text and a number; the words are the environment's own, and more of them can be said."""

    vocabulary = WORDS

    def __init__(self, says: str = "Go to the door, now!") -> None:
        super().__init__()
        self.says = says

    def seen(self) -> spaces.Space[Any]:
        charset = "abcdefghijklmnopqrstuvwxyzGN ,!."
        return Dict({"near": Box(0, 1, (1,)), "told": Text(30, charset=charset)})

    def see(self) -> Any:
        return {"near": np.full(1, 0.5, np.float32), "told": self.says if self.steps == 2 else WORDS[self.steps]}


class Untold(Told):
    """The same without a vocabulary."""

    vocabulary = None  # type: ignore[assignment]


class MissionSpace(spaces.Space[str]):
    """As MiniGrid's: a function of placeholders."""

    def __init__(self, mission_func: Callable[..., str], ordered_placeholders: list[list[str]] | None = None) -> None:
        self.mission_func, self.ordered_placeholders = mission_func, ordered_placeholders
        super().__init__(dtype=str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        options = self.ordered_placeholders or []
        return self.mission_func(*(each[self.np_random.integers(len(each))] for each in options))

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MissionSpace)


class Closed(MissionSpace):
    """One that knows what it says."""

    def contains(self, x: Any) -> bool:
        return bool(x == self.mission_func()) if self.ordered_placeholders is None else True


class Errand(World):
    """MiniGrid's three entries: an image of object codes, a direction and a mission."""

    def __init__(self, open: bool = False) -> None:
        self.open = open
        super().__init__()

    def seen(self) -> spaces.Space[Any]:
        mission = Closed(lambda colour, thing: f"fetch the {colour} {thing}", [["red", "dark blue"], ["key", "ball"]])
        anything = MissionSpace(lambda: "go")
        image = Box(0, 10, (7, 7, 3), np.uint8)
        return Dict({"direction": Discrete(4), "image": image, "mission": anything if self.open else mission})

    def see(self) -> Any:
        image = self.np_random.integers(0, 11, (7, 7, 3), np.uint8)
        thing = "dark blue ball" if self.np_random.random() < 0.5 else "red key"
        return {"direction": 2, "image": image, "mission": "go" if self.open else f"fetch the {thing}"}


class Lever(World):
    """Three choices, counted from one; the reward is the middle one."""

    def acted(self) -> spaces.Space[Any]:
        return MultiDiscrete([3, 2, 3], start=[1, 1, 1])

    def judge(self, action: Any) -> float:
        return float(action[1])


class Switches(World):
    """MultiBinary in two axes."""

    def acted(self) -> spaces.Space[Any]:
        return MultiBinary([2, 2])


class Counts(World):
    """Few whole numbers."""

    def acted(self) -> spaces.Space[Any]:
        return Box(np.array([-1, 0]), np.array([1, 30]), dtype=np.int64)


class Bytes(World):
    """Many whole numbers; the reward is the first."""

    def acted(self) -> spaces.Space[Any]:
        return Box(0, 255, (2,), np.uint8)

    def judge(self, action: Any) -> float:
        return float(action[0])


class Endless(World):
    """No bounds, bounds beyond float32, one bound, and two."""

    def acted(self) -> spaces.Space[Any]:
        low, high = np.array([-np.inf, -1e300, 0.0, -2.0]), np.array([np.inf, 1e300, np.inf, 4.0])
        return Box(low, high, dtype=np.float64)

    def judge(self, action: Any) -> float:
        return float(action[3])


class Body(World):
    """A Dict of everything."""

    def acted(self) -> spaces.Space[Any]:
        hand = Tuple([MultiBinary(2), Box(0, 512, (2,), np.int32)])
        return Dict({"aim": Box(-1, 3, (1, 2)), "hand": hand, "jump": Discrete(4, start=-1)})

    def judge(self, action: Any) -> float:
        return float(action["jump"])


class Masked(World):
    """Five actions, of which a random half is allowed, and asked for what is not it breaks."""

    options = 5

    def acted(self) -> spaces.Space[Any]:
        return Discrete(self.options)

    def see(self) -> Any:
        self.allowed = self.np_random.random(self.options) < 0.5
        self.allowed[self.np_random.integers(self.options)] = True
        if self.steps == self.length:
            self.allowed[:] = False  # nothing can be done in an episode that is over
        return super().see()

    def judge(self, action: Any) -> float:
        assert self.allowed[action], f"{action} is not allowed: {self.allowed}"
        return 0.0


class MaskedByInfo(Masked):
    def info(self) -> dict[str, Any]:
        return {"action_mask": self.allowed.astype(np.int8)}


class MaskedByMethod(Masked):
    def action_masks(self) -> Any:
        return self.allowed.tolist()


class MaskedPairs(Masked):
    """A mask for each of two choices, and a number that has none."""

    def acted(self) -> spaces.Space[Any]:
        return Dict({"number": Box(-1, 1, (1,)), "pair": MultiDiscrete([2, 3])})

    def see(self) -> Any:
        seen = super().see()
        if self.steps < self.length:
            self.allowed[[0, 4]] = True  # one of each at least
        return seen

    def judge(self, action: Any) -> float:
        first, second = action["pair"]
        assert self.allowed[:2][first] and self.allowed[2:][second]
        return 0.0

    def info(self) -> dict[str, Any]:
        return {"action_mask": {"pair": (self.allowed[:2], self.allowed[2:])}}


class AnyOfFive(World):
    """Five actions, all of them possible."""

    def acted(self) -> spaces.Space[Any]:
        return Discrete(5)


class Stuck(AnyOfFive):
    """Allows nothing at its third step."""

    def info(self) -> dict[str, Any]:
        return {"action_mask": np.full(5, self.steps != 2)}


class HalfMasked(AnyOfFive):
    """Says at the reset alone what is allowed."""

    def info(self) -> dict[str, Any]:
        return {"action_mask": np.ones(5, bool)} if self.steps == 0 else {}


class ShortMask(AnyOfFive):
    def info(self) -> dict[str, Any]:
        return {"action_mask": np.ones(3, bool)}


class Web(World):
    """A Graph."""

    def seen(self) -> spaces.Space[Any]:
        return Dict({"net": spaces.Graph(Box(0, 1, (2,)), None)})


# ---- what can be learned -----------------------------------------------------------------------------------------


class Which(World):
    """One step: a bar in the left or right half of a picture, and a word that says whether its side is the right one.

    One of the two alone says nothing.
    """

    length, vocabulary = 1, WORDS

    def seen(self) -> spaces.Space[Any]:
        return Dict({"bar": Box(0, 255, (4, 4), np.uint8), "told": Text(4, charset="gowait")})

    def see(self) -> Any:
        self.side, self.wait = self.np_random.integers(0, 2, 2).tolist()
        bar = np.zeros((4, 4), np.uint8)
        bar[:, 2 * self.side : 2 * self.side + 2] = 255
        return {"bar": bar, "told": "wait" if self.wait else "go"}

    def judge(self, action: Any) -> float:
        return float(action == (self.side ^ self.wait))


class Last(World):
    """One step: two of sixteen actions are allowed, and nothing that is seen says which; the later one is right."""

    length = 1

    def __init__(self, says: bool = True) -> None:
        self.says = says
        super().__init__()

    def acted(self) -> spaces.Space[Any]:
        return Discrete(16)

    def see(self) -> Any:
        self.pair = self.np_random.choice(16, 2, replace=False)
        return np.zeros(2, np.float32)

    def info(self) -> dict[str, Any]:
        return {"action_mask": np.isin(np.arange(16), self.pair)} if self.says else {}

    def judge(self, action: Any) -> float:
        return float(action == self.pair.max())


class Far(World):
    """One step: a target in [0, 512] is shown in [-1, 1]; the reward is minus the distance, as a share of the whole."""

    length = 1

    def acted(self) -> spaces.Space[Any]:
        return Box(0, 512, (1,), np.float32)

    def see(self) -> Any:
        self.target = self.np_random.uniform(0, 512)
        return np.array([self.target / 256 - 1, 0], np.float32)

    def judge(self, action: Any) -> float:
        return -abs(float(action[0]) - self.target) / 512


def _all(kind: type[World]) -> list[type[World]]:
    return [found for sub in kind.__subclasses__() for found in (sub, *_all(sub))]


for found in _all(World):
    if f"space/{found.__name__}-v0" not in gymnasium.registry:
        gymnasium.register(f"space/{found.__name__}-v0", entry_point=found)
