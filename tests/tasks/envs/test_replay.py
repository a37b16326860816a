"""A replay gives what was lived: n steps summed by hand, over ends and around the ring."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from devlearn.learners.objectives import Factors
from devlearn.streams import streams
from devlearn.tasks.envs.replay import Replay, replay_bytes
from devlearn.tasks.envs.vector_env import EnvStep

GAMMA = 0.5
CPU = torch.device("cpu")


@dataclass
class Told:
    """A world whose step t, of learner i's copy e, shows 100 i + 10 e + t, pays t + 1, and ends where it is told to."""

    terminated: tuple[int, ...] = ()
    truncated: tuple[int, ...] = ()
    masked: bool = False
    shape: tuple[int, int] = (2, 2)
    t: int = 0

    @property
    def observation(self) -> np.ndarray:
        own = 100 * np.arange(self.shape[0])[:, None] + 10 * np.arange(self.shape[1])
        return (own + self.t)[..., None].astype(np.float32)

    @property
    def mask(self) -> np.ndarray | None:
        if not self.masked:
            return None
        allowed = np.ones((*self.shape, 3), bool)
        allowed[..., self.t % 3] = False
        return allowed

    def step(self, actions: np.ndarray) -> EnvStep:
        done = {name: np.full(self.shape, self.t in getattr(self, name)) for name in ("terminated", "truncated")}
        self.t += 1
        reward = np.full(self.shape, self.t, np.float32)
        return EnvStep(self.observation, reward, done["terminated"], done["truncated"], self.observation + 0.5)


class Every:
    """A stream that draws every place once, in order, whatever it is asked for."""

    def integers(self, high: int, *shape: int) -> np.ndarray:
        return np.tile(np.arange(high), (2, 1))


def lived(world: Any, steps: int, capacity: int = 100) -> Replay:
    replay = Replay(world, Factors((3,)), capacity, CPU)
    replay.live(lambda seen, mask, t: (seen[..., 0].long() + 1) % 3, steps)
    return replay


def sampled(replay: Replay, n: int) -> dict[str, np.ndarray]:
    """Of learner 1's copy 0, by age: (steps, ...)."""
    every: Any = Every()
    return {name: value[1, ::2].numpy() for name, value in replay.sample(every, 2 * replay.filled, n, GAMMA).items()}


def test_a_step_is_kept_as_it_was() -> None:
    found = sampled(lived(Told(), 3), 1)
    np.testing.assert_array_equal(found["observations"][:, 0], [100, 101, 102])
    np.testing.assert_array_equal(found["next_observations"][:, 0], [101.5, 102.5, 103.5])
    np.testing.assert_array_equal(found["actions"], [2, 0, 1])
    np.testing.assert_array_equal(found["rewards"], [1, 2, 3])
    np.testing.assert_array_equal(found["discounts"], [GAMMA] * 3)


def test_n_steps_end_where_the_episode_does_and_at_the_latest_step() -> None:
    """Rewards 1, 2, 3, 4, 5, 6; step 1 terminates, step 3 is truncated, step 5 is the latest."""
    found = sampled(lived(Told(terminated=(1,), truncated=(3,)), 6), 3)
    np.testing.assert_allclose(found["rewards"], [1 + 0.5 * 2, 2, 3 + 0.5 * 4, 4, 5 + 0.5 * 6, 6])
    np.testing.assert_allclose(found["discounts"], [0.25, 0.5, 0.25, 0.5, 0.25, 0.5])
    np.testing.assert_array_equal(found["terminated"], [True, True, False, False, False, False])
    np.testing.assert_array_equal(found["next_observations"][:, 0], [102.5, 102.5, 104.5, 104.5, 106.5, 106.5])


def test_three_whole_steps() -> None:
    found = sampled(lived(Told(), 4), 3)
    np.testing.assert_allclose(found["rewards"][:2], [1 + 0.5 * 2 + 0.25 * 3, 2 + 0.5 * 3 + 0.25 * 4])
    np.testing.assert_allclose(found["discounts"][:2], [0.125, 0.125])


def test_the_oldest_steps_make_room_and_no_sum_runs_from_the_latest_into_them() -> None:
    found = sampled(lived(Told(), 6, capacity=8), 2)  # 4 steps of each of 2 copies
    np.testing.assert_array_equal(found["observations"][:, 0], [102, 103, 104, 105])
    np.testing.assert_allclose(found["rewards"], [3 + 0.5 * 4, 4 + 0.5 * 5, 5 + 0.5 * 6, 6])


def test_masks_are_those_of_what_is_seen_next_and_behind_an_end_all_is_allowed() -> None:
    found = sampled(lived(Told(truncated=(1,), masked=True), 3), 1)
    np.testing.assert_array_equal(found["masks"], [[True, False, True], [True] * 3, [False, True, True]])


def test_steps_are_drawn_evenly_and_by_the_learners_own_stream() -> None:
    replay = lived(Told(), 10)
    drawn = replay.sample(streams((3, 5), "replay"), 4000, 1, GAMMA)["observations"][..., 0]  # (N, B)
    counts = torch.stack([drawn[1] == 100 + 10 * e + t for e in range(2) for t in range(10)]).sum(1).double()
    assert ((counts - 200).abs() < 4.5 * (200 * 0.95) ** 0.5).all()
    swapped = replay.sample(streams((5, 3), "replay"), 4000, 1, GAMMA)["observations"][..., 0]
    torch.testing.assert_close(swapped[0] + 100, drawn[1])


@pytest.mark.parametrize(("dtype", "kind"), [(np.uint8, torch.uint8), (np.float32, torch.float32)])
def test_bytes_stay_bytes_and_are_told_beforehand(dtype: type[Any], kind: torch.dtype) -> None:
    class Camera(Told):
        @property
        def observation(self) -> np.ndarray:
            return np.zeros((*self.shape, 5, 4), dtype)

    replay = Replay(Camera(), Factors((3,)), 101, CPU)  # type: ignore[arg-type]
    assert replay.entries["observations"].dtype == kind
    taken = sum(entry[0].numel() * entry.element_size() for entry in replay.entries.values())
    space = spaces.Box(0, 1, (5, 4), dtype)
    assert replay_bytes(space, Factors((3,)), 101, 2) == taken
