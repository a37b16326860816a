"""Environments that hang, end their process, or are unusual otherwise: for processes of their own. Importing registers.

The folder of this file has to be on the module path, or a copy of it beside a scenario.
"""

import ctypes
import multiprocessing
import os
import sys
import time
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

FAR = 10**6  # seconds


class Fine(gymnasium.Env[Any, Any]):
    """Shows (step, a number drawn at reset) and ends after eight steps.

    Step 3 is ``bad`` where the seed is above 100, which those of trials are not and those of a life are.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self) -> None:
        self.observation_space: spaces.Space[Any] = spaces.Box(-1, 1, (2,), np.float32)
        self.action_space: spaces.Space[Any] = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps, self.drawn, self.lives = 0, self.np_random.uniform(-1, 1), (seed or 0) > 100
        return self.show(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.steps == 3 and self.lives:
            self.bad()
        return self.show(), float(action), self.steps >= 8, False, {}

    def show(self) -> Any:
        return np.array([self.steps / 8, self.drawn], np.float32)

    def bad(self) -> None:
        """Nothing, here."""


class HangsInStep(Fine):
    def bad(self) -> None:
        time.sleep(FAR)


class HoldsTheLock(Fine):
    """Hangs in a library that keeps Python's lock, so that no other thread of the process runs."""

    def bad(self) -> None:
        ctypes.PyDLL(None).sleep(FAR)


class HangsInReset(Fine):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if (seed or 0) > 100:
            time.sleep(FAR)
        return super().reset(seed=seed)


class HangsInMake(Fine):
    def __init__(self) -> None:
        time.sleep(FAR)


class EndsInMake(Fine):
    def __init__(self) -> None:
        os._exit(5)


class Exits(Fine):
    def bad(self) -> None:
        os._exit(3)


def beside() -> bool:
    """Whether this process steps copies for another: it is no worker, and no test."""
    return multiprocessing.parent_process() is None and "pytest" not in sys.modules


class RaisesBeside(Fine):
    def bad(self) -> None:
        if beside():
            raise KeyError("no such tile")


class ExitsBeside(Exits):
    def bad(self) -> None:
        if beside():
            super().bad()


class HangsBeside(HangsInStep):
    def bad(self) -> None:
        if beside():
            super().bad()


class HoldsTheLockBeside(HoldsTheLock):
    def bad(self) -> None:
        if beside():
            super().bad()


class SysExits(Fine):
    def bad(self) -> None:
        sys.exit("no licence")


class Interrupts(Fine):
    def bad(self) -> None:
        raise KeyboardInterrupt("a key of its own")


class EndsGenerators(Fine):
    def bad(self) -> None:
        raise GeneratorExit("no more levels")


class OutOfLevels(BaseException):
    """What no ``except Exception`` catches."""


class EndsInReset(Fine):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if (seed or 0) > 100:
            raise OutOfLevels("none is left")
        return super().reset(seed=seed)


class Crashes(Fine):
    def bad(self) -> None:
        ctypes.string_at(0)


class CrashesBeside(Crashes):
    def bad(self) -> None:
        if beside():
            super().bad()


class OutOfMemory(Fine):
    def bad(self) -> None:
        raise MemoryError("no room for the map")


class Unseeded(Fine):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return super().reset(seed=None)


class GlobalGenerator(Fine):
    def show(self) -> Any:
        return np.array([self.steps / 8, np.random.uniform(-1, 1)], np.float32)


class Prints(Fine):
    """Writes a megabyte to stdout when it is made, and at every reset."""

    def __init__(self) -> None:
        super().__init__()
        print("x" * 2**20, flush=True)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        os.write(1, b"y" * 2**20)
        return super().reset(seed=seed)


class NeedsKeyword(Fine):
    def __init__(self, size: int, colour: str = "red") -> None:
        super().__init__()


class FailsInMake(Fine):
    def __init__(self) -> None:
        raise FileNotFoundError("no map.txt")


class ClassSpaces(Fine):
    """Its spaces are the class's, as in older environments, so that all copies share them."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        pass


class TorchArrays(Fine):
    def show(self) -> Any:
        import torch

        return torch.tensor([self.steps / 8, self.drawn], dtype=torch.float32, requires_grad=True)


class JustOutside(Fine):
    """One rounding error beyond its bounds."""

    def show(self) -> Any:
        return np.array([1 + 1e-7, self.drawn], np.float32)


class FarOutside(Fine):
    def show(self) -> Any:
        return np.array([7, self.drawn], np.float32)


class NeverEnds(Fine):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, _, _, info = super().step(action)
        self.steps = min(self.steps, 8)
        return observation, reward, False, False, info


class WrongShape(Fine):
    def show(self) -> Any:
        return np.zeros(3, np.float32)


class NaNReward(Fine):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = super().step(action)
        return observation, float("nan"), terminated, truncated, info


class FourResults(Fine):
    """Returns what Gym 0.21 did."""

    def step(self, action: Any) -> Any:
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, terminated, info


class Sequences(Fine):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Sequence(spaces.Discrete(2))


class Halved(gymnasium.ObservationWrapper[Any, Any, Any]):
    """A wrapper of one's own: half of what is seen, ``by`` times."""

    def __init__(self, env: gymnasium.Env[Any, Any], by: int = 1) -> None:
        super().__init__(env)
        self.factor = np.float32(0.5**by)

    def observation(self, observation: Any) -> Any:
        return observation * self.factor


class Refuses(gymnasium.Wrapper[Any, Any, Any, Any]):
    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        raise TypeError("this wrapper is for pictures")


for kind in [each for each in list(vars().values()) if isinstance(each, type) and issubclass(each, Fine)]:
    if f"scratch/{kind.__name__}-v0" not in gymnasium.registry:
        gymnasium.register(f"scratch/{kind.__name__}-v0", entry_point=kind)
