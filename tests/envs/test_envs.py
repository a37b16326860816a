"""Our own environments: one table of all of them crossed with the laws, then what each one promises."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import devlearn_envs
import gymnasium
import numpy as np
import pytest
from devlearn_envs import NATIVE, BatchEnv, SingleEnv, environment
from devlearn_envs.batch import random_bits
from devlearn_envs.cartpole import CartPole
from devlearn_envs.digit_reach import COST, TRAINING, DigitReach, training_images
from devlearn_envs.interval import Interval
from devlearn_envs.key_corridor import KeyCorridor, KeyCorridorEnv
from devlearn_envs.noisy_tv import SWITCH, NoisyTV
from devlearn_envs.repeat_back import RepeatBack
from devlearn_envs.strategic_student import StrategicStudent
from devlearn_envs.t_maze import TMaze
from gymnasium.utils.env_checker import check_env

ALL = sorted(NATIVE.items())


def play(env: BatchEnv, seeds: np.ndarray, actions: np.ndarray) -> list[np.ndarray]:
    """Observations, rewards and ends of one step after another: each (K, ...)."""
    env.reset(seeds, np.ones(env.copies, bool))
    out = [env.observe()]
    for action in actions:
        out += [*env.step(action), env.observe()]
    return out


def actions_for(env: BatchEnv, steps: int, seed: int = 0) -> np.ndarray:
    space, rng = env.action_space, np.random.default_rng(seed)
    if isinstance(space, gymnasium.spaces.Box):
        return rng.uniform(-1, 1, (steps, env.copies, *space.shape)).astype(np.float32)
    return rng.integers(space.n, size=(steps, env.copies))


LAMP = """
import numpy as np
from gymnasium import spaces

from devlearn_envs.batch import Array, BatchEnv, SingleEnv, environment


class Lamp(BatchEnv):
    observation_space, action_space = spaces.Box(0, 1, (1,), np.float32), spaces.Discrete(2)

    def reset(self, seeds, where): ...
    def step(self, actions): return np.zeros(self.copies, np.float32), *np.ones((2, self.copies), bool)
    def observe(self): return np.zeros((self.copies, 1), np.float32)
    def state(self): return {}
    def load(self, state): ...


@environment("devlearn/Lamp-v0")
class LampEnv(SingleEnv):
    batch = Lamp
"""


def test_an_environment_is_one_file(tmp_path: Path) -> None:
    copy = shutil.copytree(Path(devlearn_envs.__file__).parent, tmp_path / "devlearn_envs")
    (copy / "lamp.py").write_text(LAMP)
    program = (
        "import devlearn_envs, gymnasium, pickle\n"
        "assert 'devlearn/Lamp-v0' in devlearn_envs.NATIVE and 'devlearn/DigitReach-v0' in devlearn_envs.NATIVE\n"
        "made = gymnasium.make('devlearn/Lamp-v0')\n"
        "assert type(made.unwrapped).batch is devlearn_envs.NATIVE['devlearn/Lamp-v0']\n"
        "pickle.dumps(made.spec); made.spec.to_json()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_two_environments_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="two environments are called 'devlearn/CartPole-v1'"):

        @environment("devlearn/CartPole-v1")
        class Other(SingleEnv):
            batch = CartPole

    assert NATIVE["devlearn/CartPole-v1"] is CartPole


@pytest.mark.filterwarnings("ignore:.*A Box observation space m")
@pytest.mark.parametrize("name", sorted(NATIVE))
def test_passes_gymnasiums_own_check(name: str) -> None:
    check_env(gymnasium.make(name, disable_env_checker=True).unwrapped)


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_single_env_plays_the_batch_episode_of_that_seed(name: str, kind: type[BatchEnv]) -> None:
    seeds = np.array([3, 2**31 - 1, 0])
    batch = kind(3)
    moves = actions_for(batch, 8)
    played = play(batch, seeds, moves)
    for k, seed in enumerate(seeds.tolist()):
        env = gymnasium.make(name)
        observation, _ = env.reset(seed=seed)
        assert np.array_equal(observation, played[0][k])
        for t, action in enumerate(moves[:, k]):
            observation, reward, terminated, truncated, _ = env.step(action)
            expected = [part[k] for part in played[1 + 4 * t : 5 + 4 * t]]
            assert [np.float32(reward), terminated, truncated] == expected[:3]
            assert observation.dtype == env.observation_space.dtype
            assert np.array_equal(observation, expected[3])
            if terminated or truncated:
                break


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_copies_do_not_see_each_other_and_nothing_of_an_earlier_episode_is_left(
    name: str, kind: type[BatchEnv]
) -> None:
    used, fresh = kind(4), kind(2)
    play(used, np.arange(4), actions_for(used, 9))
    moves = actions_for(used, 7, seed=1)
    of_four = play(used, np.array([5, 6, 7, 8]), moves)
    of_two = play(fresh, np.array([8, 6]), moves[:, [3, 1]])
    for a, b in zip(of_four, of_two, strict=True):
        assert np.array_equal(a[[3, 1]], b)


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_state_continues_bit_for_bit(name: str, kind: type[BatchEnv]) -> None:
    env, again = kind(5), kind(5)
    moves = actions_for(env, 12)
    play(env, np.arange(5), moves[:4])
    again.load(env.state())
    assert np.array_equal(env.observe(), again.observe())
    where = np.array([True, False, True, False, False])
    for action in moves[4:]:
        for a, b in zip(env.step(action), again.step(action), strict=True):
            assert np.array_equal(a, b)
        env.reset(np.arange(5) + 9, where), again.reset(np.arange(5) + 9, where)
        assert np.array_equal(env.observe(), again.observe())


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_state_and_observation_are_copies(name: str, kind: type[BatchEnv]) -> None:
    env = kind(3)
    play(env, np.arange(3), actions_for(env, 2))
    seen, state = env.observe(), env.state()
    before = [seen.copy(), *(array.copy() for array in state.values())]
    env.step(actions_for(env, 1, seed=1)[0])
    env.reset(np.arange(3) + 50, np.ones(3, bool))
    for a, b in zip(before, [seen, *state.values()], strict=True):
        assert np.array_equal(a, b)


OTHERS = {
    "devlearn/KeyCorridor-v0": [{"door": 6}, {"door": 17}, {"door": 9}],
    "devlearn/DigitReach-v0": [{"reach": 26, "limit": 3}, {"reach": 2}, {"limit": 5}],
    "devlearn/TMaze-v0": [{"length": 3, "flip": 0.4}, {"length": 12}, {"flip": 0.2}],
    "devlearn/RepeatBack-v0": [{"k": 1}, {"k": 9}],
}


def test_all_that_can_be_adjusted_is_tried() -> None:
    assert {name for name, kind in ALL if kind.adjustable} == set(OTHERS)
    for name, given in OTHERS.items():
        assert {key for one in given for key in one} == set(NATIVE[name].adjustable)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_an_adjusted_copy_is_from_its_next_episode_on_as_one_that_was_made_so(name: str) -> None:
    given, kind = OTHERS[name], NATIVE[name]
    together, again, seeds = kind(len(given)), kind(len(given)), np.arange(len(given)) + 4
    play(together, seeds, actions_for(together, 2))
    for env in (together, again):
        for k, keywords in enumerate(given):
            env.adjust(k, keywords)
    moves = actions_for(together, 12, seed=2)
    shown = play(together, seeds, moves)
    half = kind(len(given))
    for k, keywords in enumerate(given):
        half.adjust(k, keywords)
    play(half, seeds, moves[:6])
    again.load(half.state())
    rest = [again.observe()]
    for action in moves[6:]:
        rest += [*again.step(action), again.observe()]
    for k, keywords in enumerate(given):
        alone = play(kind(1, **keywords), seeds[k : k + 1], moves[:, k : k + 1])
        assert all(np.array_equal(a[k], b[0]) for a, b in zip(shown, alone, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(shown[24:], rest, strict=True))


def test_what_can_not_be_adjusted_says_so() -> None:
    with pytest.raises(NotImplementedError, match="CartPole has no adjustable arguments"):
        CartPole(1).adjust(0, {})


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_refuses_what_is_no_action(name: str) -> None:
    env = gymnasium.make(name).unwrapped
    env.reset(seed=0)
    with pytest.raises(ValueError, match="99 is not an action"):
        env.step(99)


@pytest.mark.parametrize("policy", ["random", "balance"])
def test_cartpole_equals_gymnasiums_bit_for_bit(policy: str) -> None:
    """``balance`` keeps the pole up past 500 steps, so that truncation is compared as well."""
    seeds = np.array([0, 1, 2, 12345, 2**31 - 1, 77, 78, 79])
    twin, rng, ends = CartPole(len(seeds)), np.random.default_rng(0), 0
    twin.reset(seeds, np.ones(len(seeds), bool))
    peers = [gymnasium.make("CartPole-v1", disable_env_checker=True) for _ in seeds]
    seen = np.stack([peer.reset(seed=int(seed))[0] for peer, seed in zip(peers, seeds, strict=True)])
    for _ in range(510):
        assert twin.observe().dtype == seen.dtype and np.array_equal(twin.observe(), seen)
        tilt = twin.observe() @ np.array([0.1, 0.3, 1.0, 0.8])
        actions = rng.integers(2, size=len(seeds)) if policy == "random" else (tilt > 0).astype(np.int64)
        rewards, terminated, truncated = twin.step(actions)
        steps = [peer.step(int(action)) for peer, action in zip(peers, actions, strict=True)]
        assert [(float(r), bool(t), bool(u)) for r, t, u in zip(rewards, terminated, truncated, strict=True)] == [
            (reward, end, cut) for _, reward, end, cut, _ in steps
        ]
        seen = np.stack([step[0] for step in steps])
        ended = terminated | truncated
        ends, seeds = ends + ended.sum(), np.where(ended, seeds // 2 + 3, seeds)
        twin.reset(seeds, ended)
        for k in np.flatnonzero(ended):
            seen[k] = peers[k].reset(seed=int(seeds[k]))[0]
    assert ends >= len(seeds)


def digit_reach(offset: tuple[int, int], **keys: int) -> DigitReach:
    """One copy whose digit lies ``offset`` (down, right) of the centre."""
    env = DigitReach(1, **keys)
    env.reset(np.array([4]), np.array([True]))
    env.load({**env.state(), "offset": np.array([offset])})
    return env


def test_digit_reach_shows_the_training_image_displaced() -> None:
    env = digit_reach((4, -6))
    image = training_images()[env.state()["image"][0]]
    expected = np.zeros((28, 28), np.uint8)
    expected[4:, :-6] = image[:-4, 6:]
    assert image.any() and np.array_equal(env.observe()[0], expected)


@pytest.mark.parametrize(("action", "offset"), [(0, (2, 2)), (1, (4, 2)), (2, (0, 2)), (3, (2, 4)), (4, (2, 0))])
def test_digit_reach_actions_move_the_gaze(action: int, offset: tuple[int, int]) -> None:
    env = digit_reach((2, 2))
    reward, terminated, truncated = env.step(np.array([action]))
    assert tuple(env.state()["offset"][0]) == offset
    assert reward[0] == pytest.approx((4 - sum(offset)) / 8 - COST)
    assert not terminated[0] and not truncated[0]


def test_digit_reach_ends_at_the_centre_with_the_digit_as_it_is_stored() -> None:
    env = digit_reach((2, 0))
    reward, terminated, truncated = env.step(np.array([2]))
    assert reward[0] == pytest.approx(2 / 8 - COST + 1) and terminated[0] and not truncated[0]
    assert np.array_equal(env.observe()[0], training_images()[env.state()["image"][0]])


def test_digit_reach_stops_at_the_edge_and_is_cut_at_its_limit() -> None:
    env = digit_reach((4, 4), reach=4, limit=3)
    results = [env.step(np.array([1])) for _ in range(3)]
    assert tuple(env.state()["offset"][0]) == (4, 4)
    assert [bool(truncated[0]) for _, _, truncated in results] == [False, False, True]
    assert not any(terminated[0] for _, terminated, _ in results)
    assert [float(reward[0]) for reward, _, _ in results] == pytest.approx([-COST] * 3)


def test_digit_reach_starts_are_uniform_even_and_never_centred() -> None:
    env = DigitReach(24 * 200, reach=4)
    env.reset(np.arange(24 * 200), np.ones(24 * 200, bool))
    state = env.state()
    cells, counts = np.unique(state["offset"], axis=0, return_counts=True)
    expected = [(i, j) for i in range(-4, 5, 2) for j in range(-4, 5, 2) if (i, j) != (0, 0)]
    assert [tuple(cell) for cell in cells] == expected
    assert ((counts - 200) ** 2 / 200).sum() < 49.7  # chi-square, 23 degrees of freedom, p = 0.001
    assert state["image"].min() >= 0 and TRAINING * 0.99 < state["image"].max() < TRAINING


@pytest.mark.parametrize("keys", [{"reach": 3}, {"reach": 0}, {"reach": 28}, {"limit": 0}])
def test_digit_reach_refuses_arguments_that_make_no_sense(keys: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(keys))):
        DigitReach(1, **keys)
    short = DigitReach(1, reach=26, limit=1)
    short.reset(np.array([0]), np.array([True]))
    assert short.step(np.array([0]))[2][0]


def test_noisy_tv_shows_its_screen_to_who_stands_before_it_and_another_picture_to_who_switches() -> None:
    env = NoisyTV(1)
    env.reset(np.array([4]), np.array([True]))
    env.load({**env.state(), "cell": np.array([[1, 2]])})
    away = env.observe()[0]
    assert not away[:2].any() and away[2:].sum() == 255 == away[3, 2]
    assert env.step(np.array([SWITCH]))[0] == 0 and env.state()["pressed"][0] == 0  # out of reach
    assert env.step(np.array([0]))[0] == np.float32(1 / 64)
    first = env.observe()[0, :2]
    env.step(np.array([3]))
    assert np.array_equal(env.observe()[0, :2], first) and env.observe()[0, 2, 3] == 255
    env.step(np.array([SWITCH]))
    assert not np.array_equal(env.observe()[0, :2], first)


def test_noisy_tv_pays_who_moves_at_random_one_part_in_its_size_and_shows_as_much_white_as_black() -> None:
    env, rng, total, white = NoisyTV(2_000), np.random.default_rng(0), 0.0, []
    env.reset(np.arange(2_000), np.ones(2_000, bool))
    for t in range(64):
        reward, terminated, truncated = env.step(rng.integers(5, size=2_000))
        total += reward.mean()
        white.append(env.observe()[env.state()["cell"][:, 0] == 0, :2].mean() / 255)
        assert not terminated.any() and truncated.all() == (t == 63)
    assert total == pytest.approx(1 / 6, abs=0.01)
    assert np.mean(white) == pytest.approx(0.5, abs=0.01)


def test_key_corridor_is_solved_by_its_bot_and_never_by_chance() -> None:
    env, rng = KeyCorridor(20_000), np.random.default_rng(0)
    env.reset(np.arange(20_000), np.ones(20_000, bool))
    assert {tuple(np.flatnonzero(seen)) for seen in env.observe()[:, 1]} == {(7,), (8,), (9,)}
    assert not any(env.step(rng.integers(4, size=20_000))[1].any() for _ in range(52))
    single = KeyCorridorEnv()
    seen, _ = single.reset(seed=0)
    start, rewards, ended = int(seen[1].argmax()), [], False
    while not ended:
        seen, reward, ended, _, _ = single.step(np.int64(KeyCorridorEnv.bot(seen, rng)))
        rewards.append(reward)
    assert rewards == [0.0] * (start + 17) + [1.0]


def test_key_corridor_opens_with_the_key_alone_and_only_at_the_door() -> None:
    env = KeyCorridor(4)
    env.reset(np.arange(4), np.ones(4, bool))
    env.load({**env.state(), "place": np.array([16, 16, 15, 0]), "has_key": np.array([True, False, True, False])})
    reward, terminated, _ = env.step(np.array([3, 3, 3, 2]))
    assert reward.tolist() == [1, 0, 0, 0] and terminated.tolist() == [True, False, False, False]
    assert env.state()["has_key"].tolist() == [True, False, True, True]
    assert not env.observe()[3, 0].any() and env.observe()[1, 0, 0] == 255


@pytest.mark.parametrize("door", [5, 11, 17])
def test_key_corridor_ends_at_its_door_and_is_solved_by_its_bot(door: int) -> None:
    env, seen = KeyCorridorEnv(door=door), []
    observation, _ = env.reset(seed=3)
    assert observation[2].nonzero()[0].tolist() == [door - 1]
    reward, ended = 0.0, False
    while not ended:
        observation, reward, ended, _, _ = env.step(np.int64(KeyCorridorEnv.bot(observation, np.random.default_rng(0))))
        seen.append(int(observation[1].argmax()))
    assert reward == 1.0 and max(seen) == door - 1
    walls = KeyCorridor(1, door=door)
    walls.reset(np.array([0]), np.array([True]))
    for _ in range(30):
        walls.step(np.array([1]))
    assert walls.state()["place"][0] == door - 1


def test_key_corridor_gives_a_copy_another_door_at_its_next_episode() -> None:
    env = KeyCorridor(3)
    env.reset(np.arange(3), np.ones(3, bool))
    env.adjust(1, {"door": 6})
    env.step(np.ones(3, np.int64))
    assert env.observe()[:, 2].argmax(1).tolist() == [16, 16, 16]
    env.reset(np.arange(3) + 9, np.array([True, True, False]))
    assert env.observe()[:, 2].argmax(1).tolist() == [16, 5, 16]
    with pytest.raises(ValueError, match="door must be a cell from 5 to 17, the corridor's last, not 18"):
        env.adjust(0, {"door": 18})


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (StrategicStudent, {"ceilings": [1.0]}),
        (StrategicStudent, {"ceilings": [1, 1, -1, 0]}),
        (StrategicStudent, {"rates": [1, 1, 0, 1]}),
        (StrategicStudent, {"limit": 0}),
        (KeyCorridor, {"door": 4}),
        (KeyCorridor, {"door": 18}),
        (KeyCorridor, {"door": 7.0}),
        (NoisyTV, {"size": 1}),
        (NoisyTV, {"size": 33}),
        (NoisyTV, {"limit": 0}),
        (TMaze, {"length": 0}),
        (TMaze, {"length": 2.0}),
        (TMaze, {"flip": 0.51}),
        (TMaze, {"flip": -0.1}),
        (RepeatBack, {"k": 0}),
        (RepeatBack, {"symbols": 1}),
        (RepeatBack, {"questions": 0}),
        (Interval, {"shortest": 0}),
        (Interval, {"longest": 1}),
        (Interval, {"scatter": 0.6}),
        (KeyCorridor, {"length": 4}),
        (KeyCorridor, {"limit": 0}),
    ],
)
def test_worlds_refuse_arguments_that_make_no_sense(kind: type[BatchEnv], keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(keys))):
        kind(1, **keys)


def test_random_bits_are_those_of_splitmix64() -> None:
    """The first words of SplitMix64 from seed 0 are published; ours are that hash of itself."""
    first = 0xE220A8397B1DCDAF
    step = (first + 0x9E3779B97F4A7C15) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        step = (step ^ (step >> shift)) * factor % 2**64
    assert int(random_bits(np.array([0]), 0)[0]) == step ^ (step >> 31)
    words = [random_bits(np.arange(100_000), counter) for counter in range(2)]
    assert len(np.unique(np.concatenate(words))) == 200_000
