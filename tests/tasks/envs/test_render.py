"""Filmstrips: moments of one episode, played again; small; and what is kept of an environment that can't be drawn."""

import sys
import zlib
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from devlearn_envs import NATIVE, BatchEnv
from devlearn_envs.cartpole import CartPole
from devlearn_envs.digit_reach import DigitReach
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.probes.probe import Measurement
from devlearn.probes.returns import Return
from devlearn.tasks.envs import EnvSpec
from devlearn.tasks.envs.render import BYTES, FRAMES, HEIGHT, render_episode
from tests.laws.rows import measure

sys.path.insert(0, str(Path(__file__).parent))
from toy_envs import Toy

RIGHT = [np.int64(1)] * 12


class Drawn(Toy):
    """Draws noise, which no compression makes small, the step in the first pixel."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__()
        self.render_mode = render_mode

    def render(self) -> Any:
        return np.random.default_rng(self.steps).integers(0, 256, (400, 600, 3), dtype=np.uint8)


class NoRenderer(Drawn):
    def render(self) -> Any:
        raise DependencyNotInstalled("pip install a-renderer")


class Picture(Toy):
    """Shows pictures and can't be drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0, 255, (20, 20), np.uint8)

    def show(self) -> Any:
        return np.full((20, 20), self.steps, np.uint8)


class Long(Toy):
    """A thousand numbers, a thousand steps."""

    length = 1000

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(-1000, 1000, (1000,), np.float32)

    def show(self) -> Any:
        return np.full(1000, self.steps, np.float32)


for one in (Drawn, NoRenderer, Picture, Long):
    gymnasium.register(f"film/{one.__name__}-v0", entry_point=one)


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_our_environments_draw_small_pictures_that_are_new_arrays(name: str) -> None:
    batch = NATIVE[name](3)
    assert batch.drawable()
    batch.reset(np.array([1, 2, 3]), np.ones(3, bool))
    for _ in range(5):
        pictures = [batch.draw(k) for k in range(3)]
        batch.step(np.array([1, 0, 1]).reshape(3, *batch.action_space.shape))
        for picture in pictures:
            assert picture.dtype == np.uint8 and picture.shape[0] <= 96 and picture.ndim in (2, 3)
            assert len(np.unique(picture)) > 1
    assert any(not np.array_equal(pictures[0], other) for other in pictures[1:])
    before = batch.draw(0)
    kept = before.copy()
    before[:] = 7
    assert np.array_equal(batch.draw(0), batch.draw(0)) and not np.array_equal(kept, before)


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_rendering_shows_what_is_drawn_in_colour(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    env.reset(seed=4)
    batch = NATIVE[name](1)
    batch.reset(np.array([4]), np.array([True]))
    picture = env.render()
    assert picture.shape == (*batch.draw(0).shape, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture[..., 1], batch.draw(0))
    bare = gymnasium.make(name)
    bare.reset(seed=4)
    assert bare.unwrapped.render() is None
    with pytest.raises(ValueError, match="'human' is none of"):
        NATIVE_FACE[name](render_mode="human")


NATIVE_FACE = {name: type(gymnasium.make(name).unwrapped) for name in NATIVE}


def test_the_drawn_cart_and_pole_stand_where_they_are() -> None:
    env = CartPole(2)
    env.load({"body": np.array([[1.0, 0, 0, 0], [-1.0, 0, 0.2, 0]]), "steps": np.zeros(2, np.int64)})
    upright, leaning = env.draw(0), env.draw(1)
    columns = np.flatnonzero((upright == 0).any(0))
    assert columns.mean() == pytest.approx(79.5 + 32 * 1.0, abs=0.6)  # 32 pixels a metre
    rows = np.flatnonzero((upright == 0).any(1))
    assert len(rows) == pytest.approx(32 * 1.0, abs=4)  # the pole is one metre long
    top, foot = (np.flatnonzero(leaning[row] == 0).mean() for row in np.flatnonzero((leaning == 0).any(1))[[0, -1]])
    assert top - foot == pytest.approx(32 * np.sin(0.2), abs=2)  # it leans to the right
    assert foot == pytest.approx(79.5 - 32, abs=2)


def test_the_drawn_gaze_frames_what_is_seen() -> None:
    env = DigitReach(1)
    env.reset(np.array([3]), np.array([True]))
    picture = env.draw(0)[::2, ::2]
    rows, columns = np.nonzero(picture == 120)
    top, left = rows.min(), columns.min()
    view = env.observe()[0]
    assert np.array_equal(picture[top + 1 : top + 27, left + 1 : left + 27], view[1:-1, 1:-1])
    scene = np.zeros((44, 44), np.uint8)
    scene[top : top + 28, left : left + 28] = view
    assert picture.shape == (44, 44) and picture.max() <= 255
    env.step(np.array([2]))  # the gaze goes down by 2 pixels
    moved = env.draw(0)[::2, ::2]
    assert np.nonzero(moved == 120)[0].min() in (top + 2, top)  # or is at the edge


def test_an_environment_without_draw_says_so() -> None:
    class Blind(DigitReach):
        draw = BatchEnv.draw

    assert not Blind.drawable()
    with pytest.raises(NotImplementedError, match=r"Blind can't be drawn: it has no draw\(index\)"):
        Blind(1).draw(0)


@pytest.mark.parametrize("env", ["devlearn/CartPole-v1", "CartPole-v1"])
def test_moments_are_spread_over_the_episode_and_returns_add_up(env: str) -> None:
    strip = render_episode(EnvSpec(env), 7, RIGHT)
    peer = gymnasium.make("CartPole-v1")
    peer.reset(seed=7)
    length = next(t for t in range(1, 20) if peer.step(1)[2])
    assert strip["steps"][0] == 0 and strip["steps"][-1] == length
    assert set(np.diff(strip["steps"]).tolist()) <= {1, 2}
    assert strip["rewards"].tolist() == strip["steps"].tolist()  # one for each step
    assert len(strip["frames"]) == len(strip["steps"]) <= FRAMES
    assert strip["frames"].shape[1] <= HEIGHT and strip["frames"].dtype == np.uint8
    assert strip["steps"].dtype == np.int64 and strip["rewards"].dtype == np.float32


def test_an_episode_of_no_step_has_one_moment() -> None:
    assert render_episode(EnvSpec("devlearn/DigitReach-v0", {"reach": 4}), 1, [])["steps"].tolist() == [0]


def test_a_strip_that_is_too_big_is_made_smaller() -> None:
    strip = render_episode(EnvSpec("film/Drawn-v0"), 1, [np.int64(0)] * 10)
    frames = strip["frames"]
    assert len(zlib.compress(frames.tobytes())) <= BYTES
    assert frames.shape[0] == 8 and 10 < frames.shape[1] < HEIGHT
    full = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)  # what it draws at step 0
    times = 400 // frames.shape[1]
    expected = full[:times, :times].mean((0, 1)).round()
    assert np.array_equal(frames[0, 0, 0], expected)


def test_without_a_renderer_the_observations_are_kept_and_it_is_said() -> None:
    with pytest.warns(UserWarning, match=r"film/NoRenderer-v0 can't be drawn.*pip install a-renderer"):
        strip = render_episode(EnvSpec("film/NoRenderer-v0"), 1, [np.int64(0)] * 10)
    assert strip["trace"].shape == (11, 2) and strip["trace"].dtype == np.float32
    assert strip["trace"][:, 0].tolist() == strip["steps"].tolist() == list(range(11))
    assert strip["rewards"].tolist() == np.cumsum(range(11)).tolist()


class Aborts(Drawn):
    asked = 0

    def render(self) -> Any:
        Aborts.asked += 1
        raise RuntimeError("no display")


def test_a_renderer_that_failed_is_not_tried_again_in_this_process() -> None:
    """MuJoCo's ends the process the second time."""
    gymnasium.register("film/Aborts-v0", entry_point=Aborts)
    with pytest.warns(UserWarning, match="no display"):
        render_episode(EnvSpec("film/Aborts-v0"), 1, [np.int64(0)])
    asked = Aborts.asked
    strip = render_episode(EnvSpec("film/Aborts-v0"), 1, [np.int64(0)])
    assert Aborts.asked == asked and strip["trace"].shape == (2, 2)


def test_an_environment_that_shows_pictures_is_seen_as_the_learner_sees_it() -> None:
    strip = render_episode(EnvSpec("film/Picture-v0"), 1, [np.int64(0)] * 10)
    assert strip["frames"][:, 0, 0].tolist() == strip["steps"].tolist()


def test_a_long_wide_trace_is_thinned_out() -> None:
    strip = render_episode(EnvSpec("film/Long-v0"), 1, [np.int64(0)] * 1000)
    assert strip["trace"].nbytes <= BYTES and strip["trace"].shape[0] == 8
    assert strip["steps"][-1] == 1000 and strip["trace"][:, 0].tolist() == strip["steps"].tolist()


def measured(env: str, full: bool, seeds: tuple[int, ...] = (4, 5)) -> tuple[Measurement, Cohort]:
    probe = Return(env=env, episodes=3)
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, probe.needs()), seeds)
    return measure(probe, cohort, full), cohort


@pytest.mark.parametrize("env", ["devlearn/CartPole-v1", "CartPole-v1", "devlearn/DigitReach-v0", "Pendulum-v1"])
def test_the_probes_strip_is_the_first_learners_first_episode(env: str) -> None:
    found, _ = measured(env, full=True)
    alone = Return(env=env, episodes=1)  # the same stream: the first of the episodes above
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [8]}, alone.needs()), (4,))
    values = measure(alone, cohort, full=True).values
    assert found.pictures["steps"][-1] == values["length"][0]
    assert found.pictures["rewards"][-1].item() == pytest.approx(values["return"][0].item(), rel=1e-5)


def test_pictures_change_no_number_and_the_way_has_none() -> None:
    end, _ = measured("devlearn/DigitReach-v0", full=True)
    way, _ = measured("devlearn/DigitReach-v0", full=False)
    assert end.pictures and not way.pictures
    assert all(torch.equal(end.values[name], way.values[name]) for name in end.values)
