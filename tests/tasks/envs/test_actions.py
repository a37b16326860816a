"""Any action: what a learner does in each space, within which bounds, and what masks allow."""

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from devlearn_envs import NATIVE, BatchEnv, SingleEnv
from gymnasium import spaces as gym_spaces
from space_worlds import COPIES, MASKED, SEEDS, draw, env, made, open_world

from devlearn.learners.objectives import Factors
from devlearn.tasks.envs import EnvSpec, VectorEnv, WorldError
from devlearn.tasks.envs.actions import Controls
from devlearn.tasks.envs.observations import View
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.testing import assert_ok, check_env

# ---- what is done ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "choices", "numbers", "words"),
    [
        ("Lever", (3, 2, 3), 0, "3 choices of 3, 2, 3"),
        ("Switches", (2, 2, 2, 2), 0, "4 choices of 2, 2, 2, 2"),
        ("Counts", (3, 31), 0, "2 choices of 3, 31"),
        ("Bytes", (), 2, "2 numbers"),
        ("Endless", (), 4, "4 numbers"),
        ("Body", (2, 2, 4), 4, "3 choices of 2, 2, 4 and 4 numbers"),
        ("MaskedByInfo", (5,), 0, "one of 5 actions"),
    ],
)
def test_an_action_is_made_of_factors(name: str, choices: Any, numbers: int, words: str) -> None:
    controls = view_and_controls(EnvSpec(env(name)))[1]
    assert controls.factors == Factors(choices, numbers) and str(controls) == words


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("Lever", [2, 0, 1], [3, 1, 2]),
        ("Switches", [0, 1, 1, 0], [[0, 1], [1, 0]]),
        ("Counts", [0, 30], [-1, 30]),
        ("Bytes", [-1.0, 0.004], [0, 128]),
        ("Endless", [7e8, -3.0, -1.0, 0.5], [7e8, -3.0, 0.0, 2.5]),
        ("Body", [1, 0, 3, -1.0, 0.5, 1.0, 0.0],
         {"aim": [[-1.0, 2.0]], "hand": ([1, 0], [512, 256]), "jump": 2}),
    ],
)  # fmt: skip
def test_an_action_reaches_the_environment_as_its_own(name: str, row: Any, expected: Any) -> None:
    controls = view_and_controls(EnvSpec(env(name)))[1]
    given = controls.clean(np.array([row], np.int64 if controls.factors.discrete else np.float32), "affine")
    action = controls.to_env(given[0])
    assert made(name).action_space.contains(action)
    for one, other in zip(_parts(action), _parts(expected), strict=True):
        assert np.array_equal(one, other)


def _parts(action: Any) -> list[Any]:
    return [action["aim"], *action["hand"], action["jump"]] if isinstance(action, dict) else [action]


def test_in_the_usual_bounds_nothing_is_rounded() -> None:
    controls = Controls("x", gym_spaces.Box(-1, 1, (4,), np.float32))
    raw = np.array([[1e-9, -0.0, 0.3333333, -7.0]], np.float32)
    for scaling in ("affine", "none"):
        assert controls.clean(raw, scaling).tobytes() == raw.clip(-1, 1).tobytes()


def test_whole_numbers_of_a_wide_box_are_the_nearest_ones() -> None:
    controls = Controls("x", gym_spaces.Box(-1000, 1000, (2,), np.int64))
    action = controls.to_env(controls.clean(np.array([[-0.5004, 0.2504]], np.float32), "affine")[0])
    assert action.dtype == np.int64 and action.tolist() == [-500, 250]


@pytest.mark.parametrize(
    "empty", [gym_spaces.Dict({}), gym_spaces.Tuple([]), gym_spaces.Box(-1, 1, (0,)), gym_spaces.Box(0, 255, (2, 0))]
)
def test_a_space_with_nothing_in_it_is_refused_with_what_to_give_instead(empty: gym_spaces.Space[Any]) -> None:
    with pytest.raises(WorldError, match=r"x: actions of .* leave nothing to do; give it .* Discrete\(1\)"):
        Controls("x", empty)
    with pytest.raises(WorldError, match=r"x: observations of .* show nothing; give it .* Discrete\(1\)"):
        View("x", empty)


def test_a_box_without_an_axis_takes_one_number() -> None:
    for box, factors in (
        (gym_spaces.Box(-2, 2, (), np.float32), Factors((), 1)),
        (gym_spaces.Box(0, 255, (), np.uint8), Factors((), 1)),
        (gym_spaces.Box(-1, 3, (), np.int64), Factors((5,))),
    ):
        controls = Controls("x", box)
        assert controls.factors == factors
        raw = np.array([[1.0]], np.float32) if factors.numbers else np.array([4])
        (action,) = controls.rows_to_env(controls.clean(raw, "affine"))
        assert action == box.high and np.shape(action) == () and action.dtype == box.dtype


def test_random_actions_are_a_samples_where_bounds_are_reasonable_and_a_learners_elsewhere() -> None:
    usual = gym_spaces.Dict({"a": gym_spaces.Box(-1, 5, (3,)), "b": gym_spaces.Discrete(4)})
    one, other = copy.deepcopy(usual), copy.deepcopy(usual)
    one.seed(1), other.seed(1)
    drawn, sampled = Controls("x", one).random(one, None), other.sample()
    assert all(np.array_equal(drawn[key], sampled[key]) for key in usual)
    ends = np.array([1e300, 1e6, 2.0])
    wide = gym_spaces.Box(-ends, ends, dtype=np.float64)
    wide.seed(1)
    rows = np.array([Controls("x", wide).random(wide, None) for _ in range(500)])
    assert (np.abs(rows) < 6).all() and (np.abs(rows[:, 2]) <= 2).all()
    assert np.allclose(rows[:, :2].std(0), 1, atol=0.15)


def test_every_bound_is_reached_and_none_is_crossed() -> None:
    low, high = np.array([0.1, -3.7, 1e5], np.float32), np.array([0.7, -0.3, 3e5], np.float32)
    controls = Controls("x", gym_spaces.Box(low, high))
    for scaling in ("affine", "squash", "none"):
        for sign, end in ((-1, low), (1, high)):
            assert np.array_equal(controls.clean(np.full((1, 3), sign * 1e9, np.float32), scaling)[0], end)


@pytest.mark.parametrize("factors", [Factors((3,)), Factors((2, 2, 3)), Factors((), 2), Factors((3, 2, 2), 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_densities_and_entropies_are_those_of_torchs_distributions(factors: Factors, masked: bool) -> None:
    rng = torch.Generator().manual_seed(1)
    width = factors.outputs * (1 if factors.discrete else 2)
    output = torch.randn(7, width, generator=rng, dtype=torch.float64)
    mask = torch.rand(7, factors.options, generator=rng) < 0.5
    mask[:, np.cumsum([0, *factors.choices[:-1]]) if factors.choices else []] = True
    given = mask if masked and factors.choices else None
    noise = torch.randn(7, factors.outputs, generator=rng, dtype=torch.float64)
    actions = factors.sample(output, noise, given)
    assert actions.shape == (7, *factors.shape)
    columns = actions.unsqueeze(-1) if not factors.shape else actions
    log_p, entropy = torch.zeros(7, dtype=torch.float64), torch.zeros(7, dtype=torch.float64)
    start = 0
    for column, options in enumerate(factors.choices):
        logits = output[:, start : start + options]
        if given is not None:
            allowed = given[:, start : start + options]
            assert allowed.gather(1, columns[:, column : column + 1].long()).all()
            logits = logits.masked_fill(~allowed, -torch.inf)
        peer = torch.distributions.Categorical(logits=logits)
        log_p, start = log_p + peer.log_prob(columns[:, column].long()), start + options
        shares = peer.probs
        entropy = entropy - torch.xlogy(shares, shares).sum(-1)
    if factors.numbers:
        mean, log_std = (half[:, start:] for half in output.chunk(2, -1))
        normal = torch.distributions.Normal(mean, log_std.exp())
        log_p = log_p + normal.log_prob(columns[:, len(factors.choices) :]).sum(-1)
        entropy = entropy + normal.entropy().sum(-1)
    torch.testing.assert_close(factors.judge(output, actions, given), (log_p, entropy))


# ---- what is allowed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MASKED)
def test_only_what_is_allowed_is_done(name: str) -> None:
    world = open_world(name)
    assert world.mask is not None and world.mask.shape == (2, 2, 5) and not world.mask.all()
    for t in range(40):
        world.step(draw(world, t))  # the environment breaks at what is not
    assert world.completed[2].min() > 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Stuck", "seed 3, copy 0, episode 0, step 2: .*allows none of the options while the episode goes on"),
        ("HalfMasked", "step 1: .*offered at some resets and steps and not at others; give info"),
        ("ShortMask", r"step 0: .*has 3 entries instead of 5, one for each option of Discrete\(5\)"),
    ],
)
def test_a_mask_that_is_none_is_named(name: str, message: str) -> None:
    with pytest.raises(WorldError, match=message):
        world = open_world(name)
        for _ in range(3):
            world.step(world.mask.argmax(-1))  # type: ignore[union-attr]


@pytest.mark.parametrize("name", MASKED)
def test_checks_do_what_is_allowed(name: str) -> None:
    assert_ok(check_env(env(name)))


def test_a_check_refuses_a_mask_that_is_there_at_times_as_a_run_does() -> None:
    (broken,) = [finding for finding in check_env(env("HalfMasked")) if not finding.ok]
    assert (
        "episode 0, step 1 " in broken.message
        and "offered at some resets and steps and not at others" in broken.message
    )


def test_a_mask_is_part_of_what_is_replayed() -> None:
    world = open_world("MaskedByInfo")
    for t in range(3):
        world.step(draw(world, t))
    state = copy.deepcopy(world.state())
    resumed = VectorEnv(EnvSpec(env("MaskedByInfo")), SEEDS, COPIES, ("t",), state)
    assert np.array_equal(resumed.mask, world.mask)  # type: ignore[arg-type]
    state["batch"]["masks"][0, 1] ^= True
    with pytest.raises(WorldError, match=r"seed 3, copy 1, .* replays differently"):
        VectorEnv(EnvSpec(env("MaskedByInfo")), SEEDS, COPIES, ("t",), state)


class Doors(BatchEnv):
    """Native: of three doors, the one that was taken last is shut. Breaks at a shut one."""

    def __init__(self, copies: int) -> None:
        super().__init__(copies)
        self.observation_space = gym_spaces.Box(0, 9, (1,), np.float32)
        self.action_space = gym_spaces.Discrete(3)
        self.shut, self.steps = np.zeros(copies, np.int64), np.zeros(copies, np.int64)

    def reset(self, seeds: np.ndarray, where: np.ndarray) -> None:
        self.shut[where], self.steps[where] = seeds[where] % 3, 0

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert (actions != self.shut).all()
        self.shut, self.steps = actions.copy(), self.steps + 1
        ended = self.steps >= 9
        return np.ones(self.copies, np.float32), ended, np.zeros_like(ended)

    def observe(self) -> np.ndarray:
        return self.steps[:, None].astype(np.float32)

    def masks(self) -> np.ndarray:
        return np.arange(3) != self.shut[:, None]

    def state(self) -> dict[str, np.ndarray]:
        return {"shut": self.shut.copy(), "steps": self.steps.copy()}

    def load(self, state: dict[str, np.ndarray]) -> None:
        self.shut, self.steps = state["shut"].copy(), state["steps"].copy()


class DoorsEnv(SingleEnv):
    batch = Doors


def test_a_native_environment_offers_masks_as_a_batch_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NATIVE, "space/Doors-v0", Doors)
    gymnasium.register("space/Doors-v0", entry_point=DoorsEnv)
    try:
        native, alone = (VectorEnv("space/Doors-v0", SEEDS, COPIES, ("t",), native=way) for way in (True, False))
        for t in range(25):
            assert np.array_equal(native.mask, alone.mask)  # type: ignore[arg-type]
            actions = draw(native, t)
            assert np.array_equal(native.step(actions).observation, alone.step(actions).observation)
        resumed = VectorEnv("space/Doors-v0", SEEDS, COPIES, ("t",), native.state())
        assert np.array_equal(resumed.mask, native.mask)  # type: ignore[arg-type]
    finally:
        del gymnasium.registry["space/Doors-v0"]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (gym_spaces.MultiDiscrete([3]), [2]),
        (gym_spaces.Dict({"a": gym_spaces.Discrete(3, start=4)}), {"a": 6}),
        (gym_spaces.Box(5, 7, (1, 1), np.int16), [[7]]),
    ],
)
def test_a_lone_choice_is_a_number_whatever_holds_it(space: Any, expected: Any) -> None:
    controls = Controls("x", space)
    assert controls.space == gym_spaces.Discrete(3)
    action = controls.to_env(controls.clean(np.array([2]), "affine")[0])
    assert space.contains(action) and action == expected
