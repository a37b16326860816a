"""Vector environments that packages register: used where each copy is as one alone, and refused with the law broken."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from devlearn.tasks.envs import EnvSpec, VectorEnv, WorldError
from devlearn.tasks.envs.check import check_env
from devlearn.tasks.envs.registered_vector_env import RegisteredVectorEnv, breach, is_used

SEEDS, COPIES, LIMIT = (3, 0, 11), 2, 30


class Lawful(SyncVectorEnv):
    """Each copy is one of its own, begun where and from what it is told."""

    def __init__(self, num_envs: int, max_episode_steps: int, **kwargs: Any) -> None:
        def one() -> gymnasium.Env[Any, Any]:
            return TimeLimit(CartPoleEnv(**kwargs), max_episode_steps)

        super().__init__([one] * num_envs, autoreset_mode=AutoresetMode.DISABLED)


class BeginsByItself(SyncVectorEnv):
    def __init__(self, num_envs: int, max_episode_steps: int) -> None:
        super().__init__([lambda: TimeLimit(CartPoleEnv(), max_episode_steps)] * num_envs)


class OneSeed(Lawful):
    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        return super().reset(seed=[seed[0]] * self.num_envs, options=options)


class Rewarded(Lawful):
    def step(self, actions: Any) -> Any:
        observation, rewards, *rest = super().step(actions)
        return observation, rewards * 2, *rest


class Hurries(Lawful):
    def __init__(self, num_envs: int, max_episode_steps: int) -> None:
        super().__init__(num_envs, 5)


class Shared(Lawful):
    """From its tenth step on, what a copy shows depends on its neighbour."""

    def step(self, actions: Any) -> Any:
        self.lived = getattr(self, "lived", 0) + 1
        observation, *rest = super().step(actions)
        return (observation + (0.1 * observation[::-1] if self.lived >= 10 else 0)).astype(np.float32), *rest


class Fails(Lawful):
    def step(self, actions: Any) -> Any:
        self.lived = getattr(self, "lived", 0) + 1
        if self.num_envs == 6 and self.lived == 4:
            raise OSError("no such board")
        return super().step(actions)


KINDS = (Lawful, BeginsByItself, OneSeed, Rewarded, Hurries, Shared, Fails)


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    for kind in KINDS:
        gymnasium.register(name(kind), entry_point=CartPoleEnv, vector_entry_point=kind, max_episode_steps=LIMIT)
    yield
    for kind in KINDS:
        del gymnasium.registry[name(kind)]


def name(kind: type) -> str:
    return f"vector/{kind.__name__}-v0"


def live(world: VectorEnv, begin: int, end: int) -> list[bytes]:
    seen = []
    for t in range(begin, end):
        step = world.step(np.random.default_rng(t).integers(2, size=(3, 2)))
        seen.append(b"".join(array.tobytes() for array in vars(step).values()))
    return seen


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (BeginsByItself, "it begins the next episodes by itself"),
        (OneSeed, "copy 1 shows something else than one alone that begins from its seed"),
        (Rewarded, "copy 0 is rewarded or ends otherwise than one alone, after 1 steps"),
        (Hurries, "copy 0 is rewarded or ends otherwise than one alone, after 5 steps"),
        (Shared, "copy 0 shows something else than one alone, after 10 steps"),
    ],
)
def test_one_that_breaks_a_law_is_not_used_and_a_check_says_which(kind: type, why: str) -> None:
    spec = EnvSpec(name(kind))
    assert why in breach(spec) and not is_used(spec)
    world = VectorEnv(spec, SEEDS, COPIES, ("t",))
    assert not isinstance(world._batch, RegisteredVectorEnv)
    world.close()
    (finding,) = [one for one in check_env(spec.id) if one.name == "vector"]
    assert finding.ok and "is not used" in finding.message and why in finding.message


def test_a_lawful_one_is_used_and_saves_what_single_copies_do() -> None:
    spec = EnvSpec(name(Lawful))
    assert is_used(spec)
    one, other = VectorEnv(spec, SEEDS, COPIES, ("t",)), VectorEnv(spec, SEEDS, COPIES, ("t",), native=False)
    assert isinstance(one._batch, RegisteredVectorEnv) and not isinstance(other._batch, RegisteredVectorEnv)
    assert one.observation.tobytes() == other.observation.tobytes()
    assert live(one, 0, 75) == live(other, 0, 75)
    states = [world.state() for world in (one, other)]
    for key, array in states[0]["batch"].items():
        assert array.tobytes() == states[1]["batch"][key].tobytes() and array.dtype == states[1]["batch"][key].dtype
    resumed = [VectorEnv(spec, SEEDS, COPIES, ("t",), states[0], native=native) for native in (True, False)]
    assert live(one, 75, 120) == live(resumed[0], 75, 120) == live(resumed[1], 75, 120)
    (finding,) = [one for one in check_env(spec.id) if one.name == "vector"]
    assert "is used" in finding.message
    for world in (one, other, *resumed):
        world.close()


def test_a_state_that_is_not_its_own_is_noticed() -> None:
    world = VectorEnv(name(Lawful), SEEDS, COPIES, ("t",))
    live(world, 0, 5)
    state = world.state()
    state["batch"]["seeds"] = state["batch"]["seeds"] + 1
    with pytest.raises(WorldError, match=r"Lawful-v0: seed 3, copy 0, .*replays differently"):
        VectorEnv(name(Lawful), SEEDS, COPIES, ("t",), state)


def test_an_error_of_the_vector_is_named() -> None:
    world = VectorEnv(name(Fails), SEEDS, COPIES, ("t",))
    with pytest.raises(WorldError, match="Fails-v0: step of its vector environment raised OSError: no such board"):
        live(world, 0, 4)


def test_in_gymnasium_s_own_cartpole_copies_depend_on_each_other() -> None:
    """Which is why its vector is not used: with another number of copies, copy 0 lives another life."""
    first = []
    for copies in (2, 3):
        world = CartPoleVectorEnv(copies)
        shown, _ = world.reset(seed=7)
        first.append(shown[0])
    assert not np.array_equal(*first)
    with pytest.raises((TypeError, gymnasium.error.Error)):  # it takes no seed for each copy
        CartPoleVectorEnv(2).reset(seed=[7, 11])  # type: ignore[arg-type]
    assert "begins the next episodes by itself" in breach(EnvSpec("CartPole-v1"))
