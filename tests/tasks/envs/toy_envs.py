"""Small environments for the tests of worlds: some sound, some broken on purpose. Importing registers them."""

import random
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces


class Toy(gymnasium.Env[Any, Any]):
    """Shows (position, a number drawn at reset) and ends after ten steps. Subclasses break one thing."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    length = 10

    def __init__(self) -> None:
        self.observation_space: spaces.Space[Any] = spaces.Box(-10, 10, (2,), np.float32)
        self.action_space: spaces.Space[Any] = spaces.Discrete(3)
        self.life = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps, self.drawn = 0, self.np_random.uniform(-1, 1)
        return self.show(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps, self.life = self.steps + 1, self.life + 1
        return self.show(), float(self.steps), self.steps >= self.length, False, {}

    def show(self) -> Any:
        return np.array([min(self.steps, 10), self.drawn], np.float32)


class NaNObservation(Toy):
    def show(self) -> Any:
        return np.array([np.nan if self.steps == 7 else self.steps, self.drawn], np.float32)


class NaNOfOddSeeds(Toy):
    """Its last number is none in episodes of odd seeds."""

    odd = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.odd = bool(seed and seed % 2)
        return super().reset(seed=seed)

    def show(self) -> Any:
        return np.array([self.steps, np.nan if self.odd else self.drawn], np.float32)


class WrongDtype(Toy):
    def show(self) -> Any:
        return super().show().astype(np.float64)


class Outside(Toy):
    def show(self) -> Any:
        return np.array([self.steps * 2, self.drawn], np.float32)


class Raises(Toy):
    """Breaks at the 1,000th step of its life, in its hundredth episode."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.life == 999:
            raise RuntimeError("out of memory for the map")
        return super().step(action)


class RaisesInOneLife(Raises):
    length = 100_000


class NeverEnds(Toy):
    length = 10**9


class EndsOnceThenNever(Toy):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, _, _, info = super().step(action)
        return observation, reward, self.life == 10, False, info


class NaNReward(Toy):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = super().step(action)
        return observation, float("nan"), terminated, truncated, info


class HugeReward(Toy):
    """Its reward is a float, but none in float32."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = super().step(action)
        return observation, 1e39, terminated, truncated, info


class HugeObservation(Toy):
    """What it shows is finite, but not in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(-1e300, 1e300, (2,), np.float64)

    def show(self) -> Any:
        return np.array([2e299, self.drawn])


class Vast(Toy):
    """Takes numbers between bounds as wide as none, and one of a usual range; shows the squares."""

    def __init__(self) -> None:
        super().__init__()
        high = np.array([1e300, np.finfo(np.float64).max, 1.0])
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float64)
        self.action_space = spaces.Dict({"push": spaces.Box(-high, high, dtype=np.float64), "jump": spaces.Discrete(2)})
        self.squares = np.zeros(3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.squares = np.zeros(3)
        return super().reset(seed=seed)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.squares = action["push"] ** 2
        return super().step(action)

    def show(self) -> Any:
        return self.squares


class OldReset(Toy):
    """As before Gymnasium: reset returns an observation alone."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(seed=seed)[0]


class Global(Toy):
    """Draws from the global generators, so its episodes do not depend on their seeds alone."""

    def show(self) -> Any:
        return np.array([random.random(), np.random.random()], np.float32)


class Unseeded(Toy):
    """Ignores its seed."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return super().reset(seed=None)


class Drifting(Toy):
    """From its third step on it shows what no seed decides."""

    def show(self) -> Any:
        return np.array([self.steps, random.random() if self.steps >= 3 else 0], np.float32)


class RandomLater(Toy):
    """The same, from a step on that no trial comes to."""

    length = 100

    def show(self) -> Any:
        return np.array([min(self.steps, 10), random.random() if self.steps >= 20 else 0], np.float32)


class FailsEarly(Toy):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if action == 2:
            raise KeyError("no such move")
        return super().step(action)


class FailsAtReset(Toy):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        raise RuntimeError("no level file")


class Leaks(Toy):
    """What it shows depends on its earlier episodes: a used one is no new one."""

    def show(self) -> Any:
        return np.array([self.steps, self.life % 7 - self.steps], np.float32)


class FloatsInBytes(Toy):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0, 255, (2,), np.uint8)


class WrongShape(Toy):
    def show(self) -> Any:
        return np.zeros(3, np.float32)


class Structured(Toy):
    """Shows a Dict of a Tuple and a Discrete, and numbers its actions from 5. Its reward is the action that came in."""

    def __init__(self) -> None:
        super().__init__()
        pair = spaces.Tuple([spaces.Discrete(3), spaces.MultiBinary(2)])
        self.observation_space = spaces.Dict({"a": spaces.Box(-1, 1, (2,), np.float64), "b": pair})
        self.action_space = spaces.Discrete(3, start=5)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        observation, _, terminated, truncated, info = super().step(action)
        return observation, float(action), terminated, truncated, info

    def show(self) -> Any:
        return {"a": np.array([0.25, self.drawn]), "b": (2, np.array([0, 1], np.int8))}


class Counter(Toy):
    """Shows a Discrete."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Discrete(11)

    def show(self) -> Any:
        return self.steps


class Matrix(Toy):
    """Takes a float64 matrix within (0.1, 0.7), and shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0.1, 0.7, (2, 2), np.float64)
        self.action_space = spaces.Box(0.1, 0.7, (2, 2), np.float64)
        self.last = np.full((2, 2), 0.1)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.last = action
        return super().step(action)

    def show(self) -> Any:
        return self.last.copy()


class Speaks(Toy):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Text(3)


class Endlessly(Toy):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Sequence(spaces.Discrete(2))


for kind in [Toy, RaisesInOneLife, *Toy.__subclasses__()]:
    if f"toy/{kind.__name__}-v0" not in gymnasium.registry:
        gymnasium.register(f"toy/{kind.__name__}-v0", entry_point=kind)
