"""A cohort's world: its laws over native, replayed and remade environments, and its errors."""

import copy
from typing import Any

import numpy as np
import pytest
from toy_envs import Toy

from devlearn.streams import generator
from devlearn.tasks.envs import EnvSpec, EnvStep, VectorEnv, WorldError, check_id, spaces, undetermined
from devlearn.tasks.envs.copies import CopyFailed
from devlearn.tasks.envs.reset_safety import reuse_is_safe
from devlearn.tasks.envs.sync_vector_env import SyncVectorEnv

NATIVE = ("devlearn/DigitReach-v0", "devlearn/CartPole-v1")
RESUMED = (*NATIVE, "CartPole-v1", "Acrobot-v1", "Pendulum-v1", "BipedalWalker-v3", "toy_envs:toy/Leaks-v0")
SEEDS = (3, 0, 11)
STREAM = ("play", 0, "")


def open_world(env: str, seeds: tuple[int, ...] = SEEDS, copies: int = 2, **more: Any) -> VectorEnv:
    return VectorEnv(env, seeds, copies, STREAM, **more)


def toy(name: str) -> str:
    return f"toy_envs:toy/{name}-v0"


def act(world: VectorEnv, t: int) -> np.ndarray:
    """Random actions (N, E, ...) of step t, which depend on learner and copy alone."""
    rows = [[_draw(world, seed, e, t) for e in range(world.copies)] for seed in world.seeds]
    return np.array(rows)


def _draw(world: VectorEnv, seed: int, e: int, t: int) -> Any:
    rng, space = generator(seed, "test", e, counter=t), world.action_space
    if world.action_space.shape:
        return rng.uniform(-1.2, 1.2, space.shape).astype(np.float32)
    return rng.integers(space.n)


def live(world: VectorEnv, begin: int, end: int) -> list[EnvStep]:
    return [world.step(act(world, t)) for t in range(begin, end)]


def assert_same(a: Any, b: Any) -> None:
    """Bit for bit, of arrays in steps, dicts and tuples."""
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for name in a:
            assert_same(a[name], b[name])
    elif isinstance(a, EnvStep):
        assert_same(vars(a), vars(b))
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


@pytest.mark.parametrize("env", RESUMED)
def test_a_step_has_the_shapes_and_types_that_it_promises(env: str) -> None:
    world = open_world(env)
    box, actions = spaces(EnvSpec(env))
    assert (world.observation_space, world.action_space) == (box, actions)
    for step in live(world, 0, 3):
        for seen in (step.observation, step.final):
            assert seen.shape == (3, 2, *box.shape) and seen.dtype == box.dtype
        assert (step.reward.dtype, step.terminated.dtype, step.truncated.dtype) == (np.float32, bool, bool)
        assert step.reward.shape == step.terminated.shape == step.truncated.shape == (3, 2)
    world.close()


@pytest.mark.parametrize("env", RESUMED)
@pytest.mark.parametrize("trial", range(2))
def test_resumed_at_a_random_moment_it_goes_on_bit_for_bit(env: str, trial: int) -> None:
    moment = int(np.random.default_rng([trial, len(env)]).integers(60, 250))
    whole = open_world(env)
    live(whole, 0, moment)
    state = copy.deepcopy(whole.state())
    rest = live(whole, moment, moment + 120)
    resumed = open_world(env, state=state)
    assert_same(resumed.state(), state)
    assert_same(live(resumed, moment, moment + 120), rest)
    assert_same(resumed.completed, whole.completed)
    assert_same(resumed.state(), whole.state())
    whole.close(), resumed.close()


@pytest.mark.parametrize("env", ["CartPole-v1", *NATIVE])
def test_a_state_is_numbers_and_copied_arrays_with_a_leading_learner_axis(env: str) -> None:
    world = open_world(env)
    live(world, 0, 5)
    state = world.state()
    arrays = [value for value in (*state.values(), *state["batch"].values()) if isinstance(value, np.ndarray)]
    assert all(array.shape[0] == len(SEEDS) and array.dtype.kind in "iufb" for array in arrays)
    assert set(map(type, state.values())) == {np.ndarray, int, dict}
    before = copy.deepcopy(state)
    live(world, 5, 40)
    assert_same(state, before)


@pytest.mark.parametrize("env", NATIVE)
def test_native_and_copy_by_copy_live_the_same(env: str) -> None:
    native, wrapped = open_world(env), open_world(env, native=False)
    assert_same(native.observation, wrapped.observation)
    assert_same(live(native, 0, 80), live(wrapped, 0, 80))
    assert_same(native.completed, wrapped.completed)
    assert native.completed[2].min() > 0


def test_the_cartpoles_live_the_same() -> None:
    native, gymnasiums = open_world("devlearn/CartPole-v1"), open_world("CartPole-v1")
    assert_same(live(native, 0, 150), live(gymnasiums, 0, 150))
    assert native.completed[2].min() > 0


@pytest.mark.parametrize("env", ["devlearn/DigitReach-v0", "Acrobot-v1", "BipedalWalker-v3"])
def test_a_learner_lives_the_same_in_any_cohort(env: str) -> None:
    together, alone = open_world(env), open_world(env, seeds=(11,))
    turned = open_world(env, seeds=(11, 3), copies=3)
    for t in range(60):
        three, one, two = (world.step(act(world, t)) for world in (together, alone, turned))
        for name in ("observation", "final", "reward", "terminated", "truncated"):
            assert_same(getattr(three, name)[2:], getattr(one, name))
            assert_same(getattr(three, name)[2, :2], getattr(two, name)[0, :2])
            assert_same(getattr(three, name)[0, :2], getattr(two, name)[1, :2])


def test_streams_differ_between_learners_copies_episodes_and_names() -> None:
    world = open_world(toy("Toy"))
    other = VectorEnv(toy("Toy"), SEEDS, 2, ("play", 1, ""))
    seen = [world.observation, other.observation]
    for _ in range(80):
        seen += [w.step(act(w, 0)).observation for w in (world, other)]
    starts = np.concatenate([o[o[..., 0] == 0][:, 1] for o in seen])
    assert len(starts) == 2 * 6 * 9 and len(np.unique(starts)) == len(starts)


def test_nan_actions_of_one_learner_act_as_zero_and_leave_the_others_alone() -> None:
    sound, zero, broken = (open_world("Pendulum-v1") for _ in range(3))
    for t in range(30):
        actions = act(sound, t)
        nulled, poisoned = actions.copy(), actions.copy()
        nulled[0], poisoned[0] = 0, np.array([np.nan, np.inf])[:, None]
        a, b, c = sound.step(actions), zero.step(nulled), broken.step(poisoned)
        assert_same(b, c)
        assert_same(a.observation[1:], c.observation[1:])
        assert_same(a.reward[1:], c.reward[1:])
    assert np.isfinite(c.observation).all() and not np.array_equal(a.observation[0], c.observation[0])


def test_an_ended_episode_is_followed_by_the_next_and_its_last_observation_kept() -> None:
    world = open_world(toy("Toy"))
    steps = live(world, 0, 11)
    assert not any(step.terminated.any() for step in steps[:9])
    last, first = steps[9], steps[10]
    assert last.terminated.all() and not last.truncated.any()
    assert (last.final[..., 0] == 10).all() and (last.observation[..., 0] == 0).all()
    assert (last.final[..., 1] == steps[8].observation[..., 1]).all()
    assert (last.observation[..., 1] != last.final[..., 1]).all()
    assert (first.observation[..., 0] == 1).all() and first.observation is first.final


def test_a_time_limit_truncates() -> None:
    world = open_world("Pendulum-v1")
    steps = live(world, 0, 200)
    assert steps[-1].truncated.all() and not any(step.terminated.any() for step in steps)
    assert not any(step.truncated.any() for step in steps[:-1])


def test_completed_averages_the_last_hundred_episodes_of_each_learner() -> None:
    world = open_world("devlearn/CartPole-v1", copies=3)
    running, lengths = np.zeros((3, 3)), np.zeros((3, 3))
    done: list[list[float]] = [[], [], []]
    assert np.isnan(world.completed[0]).all() and (world.completed[2] == 0).all()
    for step in live(world, 0, 1200):
        running += step.reward
        lengths += 1
        for n, e in np.argwhere(step.terminated | step.truncated):
            done[n].append(running[n, e])
            assert running[n, e] == lengths[n, e]
            running[n, e] = lengths[n, e] = 0
    returns, means, count = world.completed
    assert min(map(len, done)) > 100 and count.tolist() == [len(one) for one in done]
    assert returns == pytest.approx([np.mean(one[-100:]) for one in done], abs=1e-9)
    assert_same(returns, means)


def test_environments_that_a_reset_does_not_renew_are_made_anew() -> None:
    assert not reuse_is_safe(EnvSpec("BipedalWalker-v3")) and not reuse_is_safe(EnvSpec(toy("Leaks")))
    assert all(reuse_is_safe(EnvSpec(env)) for env in ("Acrobot-v1", "Pendulum-v1", toy("Toy")))
    world = open_world(toy("Leaks"))
    assert all(np.array_equal(step.final[..., 1], np.full((3, 2), 0)) for step in live(world, 0, 6))
    later = live(world, 6, 16)
    assert np.array_equal(later[-1].final[..., 0], np.full((3, 2), 6)) and (later[-1].final[..., 1] == 0).all()


def test_an_episode_longer_than_the_first_log_is_replayed() -> None:
    world = open_world(toy("NeverEnds"), seeds=(1,))
    moves = live(world, 0, 300)
    resumed = open_world(toy("NeverEnds"), seeds=(1,), state=world.state())
    assert_same(resumed.observation, moves[-1].observation)
    assert_same(live(resumed, 300, 400), live(world, 300, 400))


def test_an_environment_that_replays_differently_is_named() -> None:
    world = open_world(toy("RandomLater"))
    live(world, 0, 30)
    with pytest.raises(WorldError, match=r"RandomLater-v0: seed 3, copy 0, episode 0, step 30: .* replays differently"):
        open_world(toy("RandomLater"), state=world.state())


@pytest.mark.parametrize(("name", "step"), [("Global", "at once"), ("Unseeded", "at once"), ("Drifting", "3 equal")])
def test_an_environment_whose_seed_does_not_decide_is_known_before_it_is_lived_in(name: str, step: str) -> None:
    assert step in undetermined(EnvSpec(toy(name)))
    assert not undetermined(EnvSpec(toy("Toy"))) and not undetermined(EnvSpec("devlearn/DigitReach-v0"))


def test_what_can_not_be_replayed_goes_on_while_its_process_lives_and_begins_anew_in_another() -> None:
    world = open_world(toy("Unseeded"))
    moves = live(world, 0, 5)
    state = world.state()
    world.close()
    again = open_world(toy("Unseeded"), state=state)
    assert not again.restarted
    assert_same(again.observation, moves[-1].observation)
    assert (live(again, 5, 6)[-1].final[..., 0] == 6).all()
    with pytest.warns(UserWarning, match="Unseeded-v0: its seed does not decide .* new ones have begun"):
        later = open_world(toy("Unseeded"), state=state)
    assert later.restarted and (later.observation[..., 0] == 0).all()
    assert live(later, 0, 10)[-1].terminated.all() and later.completed[0].tolist() == [55.0] * 3


@pytest.mark.parametrize("missing", ["seeds", "lengths", "actions"])
def test_a_resume_notices_that_its_state_is_not_the_one_that_was_saved(missing: str) -> None:
    world = open_world("Acrobot-v1")
    live(world, 0, 20)
    state = world.state()
    state["batch"][missing] = np.zeros_like(state["batch"][missing])
    with pytest.raises(WorldError, match="Acrobot-v1: seed 3, copy 0"):
        open_world("Acrobot-v1", state=state)


@pytest.mark.parametrize("name", ["FailsEarly"])
def test_an_error_names_environment_seed_copy_episode_and_step(name: str) -> None:
    world = open_world(toy(name))
    actions = np.zeros((3, 2), np.int64)
    for _ in range(12):
        world.step(actions)
    actions[2, 1] = 2
    with pytest.raises(
        WorldError, match=r"FailsEarly-v0: seed 11, copy 1, episode 1, step 3: .*no such move"
    ) as caught:
        world.step(actions)
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_of_a_reset_is_named() -> None:
    with pytest.raises(
        WorldError, match=r"seed 3, copy 0, episode 0, step 0: reset\(seed=\d+\) raised .*no level file"
    ):
        open_world(toy("FailsAtReset"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NaNObservation", r"episode 0, step 7: the observation is not finite: \[ *nan"),
        ("NaNReward", "step 1: the reward is not finite in float32: nan"),
        ("HugeReward", r"step 1: the reward is not finite in float32: 1e\+39; return"),
        ("HugeObservation", "step 0: the observation is not finite: .*numbers beyond 3.4e38"),
        ("FloatsInBytes", "the observation is float32 and its space uint8"),
        ("WrongShape", r"shape \(3,\) instead of \(2,\)"),
        ("Speaks", "actions of Text have no fixed number of choices and numbers"),
        ("Endlessly", "observations of Sequence have no fixed size"),
    ],
)
def test_a_broken_environment_is_named_and_not_learned_from(name: str, message: str) -> None:
    with pytest.raises(WorldError, match=message) as caught:
        live(open_world(toy(name)), 0, 12)
    assert f"toy/{name}-v0: " in str(caught.value)


def test_the_copy_that_shows_no_number_is_the_one_that_is_named() -> None:
    batch = SyncVectorEnv(4, EnvSpec(toy("NaNOfOddSeeds")), True)
    with pytest.raises(CopyFailed, match="the observation is not finite") as caught:
        batch.reset(np.array([2, 4, 5, 6]), np.ones(4, bool))
    assert caught.value.copy == 2
    batch.close()


def test_arguments_reach_the_environment_and_wrong_ones_are_named() -> None:
    world = VectorEnv(EnvSpec("devlearn/DigitReach-v0", {"limit": 1}), SEEDS, 2, STREAM)
    assert world.step(np.zeros((3, 2), np.int64)).truncated.all()
    for env, keys in (("devlearn/DigitReach-v0", {"reach": 3}), ("CartPole-v1", {"legs": 2})):
        with pytest.raises(WorldError, match=f"{env}: making it with .*{next(iter(keys))}"):
            VectorEnv(EnvSpec(env, keys), SEEDS, 1, STREAM)


@pytest.mark.parametrize("env", ["CartPole-v1", "devlearn/DigitReach-v0"])
@pytest.mark.parametrize("actions", [np.full((3, 2), 9), np.full((3, 2), -1), np.zeros((3, 2)), np.zeros((2, 3), int)])
def test_impossible_actions_are_refused(env: str, actions: np.ndarray) -> None:
    with pytest.raises(ValueError, match="actions"):
        open_world(env).step(actions)


def test_actions_that_do_not_exist_are_named() -> None:
    with pytest.raises(ValueError, match=r"actions from -1 to 9 given to Discrete\(2\)"):
        open_world("CartPole-v1").step(np.array([[9, 0], [1, -1], [0, 0]]))


def test_structured_observations_arrive_flat_and_shifted_actions_as_the_environment_counts() -> None:
    world = open_world(toy("Structured"))
    assert world.observation_space.shape == (7,) and world.observation_space.dtype == np.float32
    assert (world.action_space.n, world.action_space.start) == (3, 0)
    assert np.array_equal(world.observation[0, 0, [0, 2, 3, 4, 5, 6]], [0.25, 0, 0, 1, 0, 1])
    assert (world.step(np.full((3, 2), 2)).reward == 7).all()


def test_a_discrete_observation_arrives_as_one_hot() -> None:
    world = open_world(toy("Counter"))
    assert world.observation.dtype == np.float32 and (world.observation.argmax(-1) == 0).all()
    step = live(world, 0, 4)[-1]
    assert step.observation.shape == (3, 2, 11)
    assert (step.observation.argmax(-1) == 4).all() and (step.observation.sum(-1) == 1).all()


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("affine", [0.1, 0.4 + 0.3 * 0.5, 0.7, 0.4]),
        ("squash", 0.4 + 0.3 * np.tanh([-5, 0.5, 5, 0])),
        ("none", [0.1, 0.5, 0.7, 0.1]),
    ],
)
def test_box_actions_of_any_shape_are_flat_float32_and_scaled(scaling: Any, expected: Any) -> None:
    world = open_world(EnvSpec(toy("Matrix"), action_scaling=scaling))
    assert world.action_space.shape == (4,) and world.observation_space.dtype == np.float32
    given = np.broadcast_to(np.array([-5, 0.5, 5, np.nan], np.float32), (3, 2, 4))
    seen = world.step(given).observation
    assert seen.shape == (3, 2, 2, 2) and seen.dtype == np.float32
    assert np.allclose(seen.reshape(6, 4), expected)


def test_closing_closes_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(Toy, "close", lambda self: closed.append(self))
    world = open_world(toy("Toy"))
    closed.clear()
    world.close()
    assert len(closed) == 6


def test_no_window_and_no_global_generator() -> None:
    before = np.random.get_state()[1].copy()
    world = open_world("BipedalWalker-v3", seeds=(1,))
    live(world, 0, 5)
    assert np.array_equal(before, np.random.get_state()[1])
    assert check_id("BipedalWalker-v3") == "BipedalWalker-v3"
    assert all(env.render_mode is None for env in world._batch._own.envs)
