"""Any observation and any action: what a learner sees and does of each space, with masks and bounds."""

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from devlearn_envs import NATIVE, BatchEnv, SingleEnv
from gymnasium import spaces as gym_spaces

from devlearn.learners.brains import brain_builder, split_observation
from devlearn.learners.brains.needs import picture_layout
from devlearn.learners.cohort import Cohort
from devlearn.learners.objectives import Factors
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.streams import generator
from devlearn.tasks.envs import EnvSpec, VectorEnv, WorldError
from devlearn.tasks.envs.actions import Controls
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.testing import assert_ok, check_env, check_stage

SEEDS, COPIES = (3, 0), 2
WORDS = ("go", "to", "the", "door", "now", "left", "right", "wait")
SEEN = ("Camera", "Eyes", "Wrapped", "Film", "Told", "Errand")
DONE = ("Lever", "Switches", "Counts", "Bytes", "Endless", "Body")
MASKED = ("MaskedByInfo", "MaskedByMethod", "MaskedPairs")
PLAY = {"env_steps": 10_000, "num_envs": 2, "rollout": 8, "epochs": 2, "minibatches": 2}
MLP = {"kind": "mlp", "width": [8, 6], "activation": "tanh"}
CONV = {"kind": "conv", "channels": [3], "width": [8]}


def env(name: str) -> str:
    return f"space_envs:space/{name}-v0"


def open_world(name: str, vocabulary: tuple[str, ...] | None = None, **keys: Any) -> VectorEnv:
    return VectorEnv(EnvSpec(env(name), keys, vocabulary=vocabulary), SEEDS, COPIES, ("t",))


def made(name: str, **keys: Any) -> Any:
    view_and_controls(EnvSpec(env(name), keys))  # imports the module
    return gymnasium.make(f"space/{name}-v0", **keys).unwrapped


def draw(world: VectorEnv, t: int) -> np.ndarray:
    """Allowed actions of step t, by a policy that knows nothing; they depend on learner and copy alone."""
    factors = view_and_controls(world.spec)[1].factors
    rng = [[generator(seed, "test", e, counter=t) for e in range(world.copies)] for seed in world.seeds]
    size = factors.outputs
    output = torch.zeros(len(world.seeds), world.copies, size * (1 if factors.discrete else 2))
    noise = torch.from_numpy(np.array([[one.standard_normal(size, np.float32) for one in row] for row in rng]))
    mask = None if world.mask is None else torch.from_numpy(world.mask)
    return factors.sample(output, noise, mask).numpy()


# ---- what is seen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Camera", "a picture 'camera' of 8 x 9 in 3 channels, channels last; a vector 'gear' of 3 numbers; "
                   "a vector 'speed' of 2 numbers"),
        ("Eyes", "a picture '0.left' of 6 x 6 in 1 channel; a picture '0.right' of 6 x 6 in 1 channel; "
                 "a vector '1.0' of 3 numbers; a vector '1.1' of 6 numbers"),
        ("Wrapped", "a picture 'camera' of 8 x 8 in 3 channels, channels first"),
        ("Film", "a picture of 8 x 10 in 6 channels, channels last, a stack of 2"),
        ("Told", "a vector 'near' of 1 numbers; words 'told', up to 10 of a vocabulary of 8"),
        ("Errand", "a vector 'direction' of 4 numbers; a picture 'image' of 7 x 7 in 3 channels, channels last; "
                   "words 'mission', up to 5 of a vocabulary of 7"),
    ],
)  # fmt: skip
def test_what_is_seen_is_said_in_words(name: str, words: str) -> None:
    assert str(view_and_controls(EnvSpec(env(name)))[0]) == words
    (found,) = [finding for finding in check_env(env(name)) if finding.name == "spaces"]
    assert words in found.message


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((5, 6), ((1, 5, 6), False)),
        ((84, 84, 3), ((3, 84, 84), True)),
        ((4, 84, 84), ((4, 84, 84), False)),
        ((84, 84, 12), ((12, 84, 84), True)),
        ((10, 10, 6), ((6, 10, 10), True)),
        ((12, 84, 84), ((12, 84, 84), False)),
        ((8, 8, 8), ((8, 8, 8), False)),
        ((4, 84, 84, 3), ((12, 84, 84), True)),
        ((4, 3, 84, 84), ((12, 84, 84), False)),
    ],
)
def test_channels_are_found_by_shape(shape: tuple[int, ...], found: Any) -> None:
    assert picture_layout(shape) == found


def test_every_entry_is_a_sense_and_images_are_shared() -> None:
    needs, policy = policy_of(EnvSpec(env("Camera")))
    own = "space_envs_space_Camera_v0"
    assert policy.sense == own
    assert set(needs.senses) == {own, "image_8x9x3", f"{own}_gear", f"{own}_speed"}
    assert needs.senses["image_8x9x3"].space == gym_spaces.Box(0, 255, (8, 9, 3), np.uint8)
    assert needs.senses[own].space.shape == (8 * 9 * 3 + 3 + 2,) and needs.senses[own].space.dtype == np.float32
    alone, policy = policy_of(EnvSpec(env("Wrapped")))
    assert set(alone.senses) == {"image_3x8x8"} == {policy.sense}


def test_two_cameras_of_one_shape_are_two_senses() -> None:
    needs, _ = policy_of(EnvSpec(env("Eyes")))
    own = "space_envs_space_Eyes_v0"
    assert {f"{own}_0_left", f"{own}_0_right"} < set(needs.senses)
    assert needs.senses[own].space.dtype == np.uint8  # all of it fits into bytes


def test_entries_arrive_as_they_were_shown() -> None:
    world, keys = open_world("Camera"), policy_of(EnvSpec(env("Camera")))
    sense = keys[0].senses[keys[1].sense]
    shown = world._batch._envs[3].unwrapped  # type: ignore[attr-defined]
    seen = split_observation(torch.from_numpy(world.observation), sense)
    assert np.array_equal(seen["image_8x9x3"][1, 1], shown.image)
    assert np.array_equal(seen["space_envs_space_Camera_v0_speed"][1, 1], shown.speed)
    assert seen["space_envs_space_Camera_v0_gear"][1, 1].tolist() == np.eye(3)[shown.gear].tolist()


def test_words_arrive_as_their_numbers() -> None:
    world = open_world("Told")
    for _ in range(2):
        world.step(np.zeros((2, 2), np.int64))
    told = world.observation[0, 0, 1:]
    assert told.tolist() == [5, 6, 7, 8, 3, 0, 0, 0, 0, 0]  # "Go to the door, now!" in the environment's vocabulary


def test_missions_say_their_words() -> None:
    needs, _ = policy_of(EnvSpec(env("Errand")))
    sense = needs.senses["space_envs_space_Errand_v0_mission"]
    assert sense.words == ("ball", "blue", "dark", "fetch", "key", "red", "the") and sense.space.shape == (5,)


def test_a_vocabulary_that_is_declared_goes_first() -> None:
    told = view_and_controls(EnvSpec(env("Told"), vocabulary=WORDS))[0].senses["space_envs_space_Told_v0_told"]
    assert told.words == WORDS
    world = open_world("Errand", ("go",), open=True)
    assert world.observation[..., -64:].reshape(-1, 64).tolist() == [[1] + [0] * 63] * 4


@pytest.mark.parametrize(
    ("name", "keys", "vocabulary", "message"),
    [
        ("Told", {"says": "to the moon"}, None, r"seed 3, copy 0, episode 0, step 2: .*'moon' of 'to the moon' is not "
                                                "in the vocabulary .* add it to the key 'vocabulary'"),
        ("Told", {"says": "go " * 11}, None, "has 11 words, and there is place for 10"),
        ("Untold", {}, None, r"its texts 'told' \(Text\) do not say which words they have.*'vocabulary: \[go, to"),
        ("Errand", {"open": True}, None, r"its texts 'mission' \(MissionSpace\) do not say which"),
        ("Told", {}, ("go to",), "'go to' of its vocabulary is no single word"),
        ("Web", {}, None, "observations of Graph have no fixed size: entry 'net'.*as a Box of the most"),
    ],
)  # fmt: skip
def test_what_can_not_be_seen_is_named_with_the_mend(name: str, keys: Any, vocabulary: Any, message: str) -> None:
    with pytest.raises(WorldError, match=message):
        world = open_world(name, vocabulary, **keys)
        for _ in range(3):
            world.step(np.zeros((2, 2), np.int64))


def test_an_unknown_word_at_the_reset_is_named() -> None:
    with pytest.raises(WorldError, match=r"seed 3, copy 0, episode 0, step 0: .*'left' .* \(it has go\)"):
        open_world("Told", ("go",))


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


# ---- laws of learning --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "brain", "more"),
    [
        *((name, MLP, {}) for name in (*SEEN, *DONE, *MASKED)),
        ("Camera", CONV, {}),
        ("Errand", CONV, {"normalise_observations": True}),
        ("Eyes", {**MLP, "memory": "gru", "critic": "own"}, {"normalise_observations": True}),
        ("MaskedPairs", {**MLP, "memory": "gru"}, {}),
        ("Film", CONV, {"normalise_observations": True}),
    ],
)
def test_play_keeps_all_laws(name: str, brain: Any, more: Any) -> None:
    assert_ok(check_stage("trial.ppo", {"env": env(name), **PLAY, **more}, brain))


@pytest.mark.parametrize("name", (*SEEN, *DONE, *MASKED))
def test_resumed_it_goes_on_bit_for_bit(name: str) -> None:
    whole = open_world(name)
    for t in range(9):
        whole.step(draw(whole, t))
    state = copy.deepcopy(whole.state())
    resumed = VectorEnv(EnvSpec(env(name)), SEEDS, COPIES, ("t",), state)
    for t in range(9, 20):
        one, other = whole.step(draw(whole, t)), resumed.step(draw(resumed, t))
        for part in ("observation", "final", "reward", "terminated"):
            assert getattr(one, part).tobytes() == getattr(other, part).tobytes()


def test_words_pictures_and_vectors_meet_as_in_one_linear_layer() -> None:
    needs, policy = policy_of(EnvSpec(env("Errand")))
    brain: Any = brain_builder(MLP, needs)()
    world = open_world("Errand")
    row = torch.from_numpy(world.observation[0])
    sense, total = needs.senses[policy.sense], torch.zeros(COPIES, 8)
    for name, entry in split_observation(row, sense).items():
        layer = brain.body.senses[name].layer
        if needs.senses[name].words:
            size = len(needs.senses[name].words)
            entry = torch.nn.functional.one_hot(entry.long(), size + 1)[..., 1:].float()
        elif needs.senses[name].space.dtype == np.uint8:
            entry = entry.float() / 255
        total = total + entry.float().flatten(1) @ layer.weight.T + layer.bias
    torch.testing.assert_close(brain.features(row, policy.sense)[1], torch.tanh(total))


def test_fields_of_several_entries_are_asked_for_one_by_one() -> None:
    needs, policy = policy_of(EnvSpec(env("Camera")))
    brain: Any = brain_builder(MLP, needs)()
    assert brain.fields("image_8x9x3").shape == (8, 8, 9)
    with pytest.raises(ValueError, match="has several entries; ask for the fields of one of them: image_8x9x3"):
        brain.fields(policy.sense)


def test_convolutions_without_a_picture_are_refused() -> None:
    for name in ("Told", "Lever"):
        with pytest.raises(ValueError, match=r"kind: conv needs a picture of 2 x 2 pixels or more, .* use kind: mlp"):
            brain_builder(CONV, policy_of(EnvSpec(env(name)))[0])()


@pytest.mark.parametrize("brain", [MLP, CONV])
def test_statistics_are_those_of_what_is_seen(brain: Any) -> None:
    """Bytes are seen as 0..1, and normalised in it; words have no statistics."""
    stage: Any = get("stages", "trial.ppo")(env=env("Errand"), **{**PLAY, "normalise_observations": True})
    cohort = Cohort(brain_builder(brain, stage.needs()), SEEDS)
    context = Context(SEEDS, "play", 0, torch.device("cpu"), 20)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    for _ in range(20):
        next(segment)
    segment.close()
    name = "body.senses.image_7x7x3.normaliser"
    mean, var = cohort.buffers[f"{name}.mean"], cohort.buffers[f"{name}.var"]
    codes = torch.arange(11) / 255
    assert float(mean.mean()) == pytest.approx(float(codes.mean()), rel=0.02)
    assert float(var.mean()) == pytest.approx(float(codes.var(correction=0)), rel=0.05)
    assert not [key for key in cohort.buffers if "mission.normaliser" in key]


def test_keys_that_came_later_change_no_identity() -> None:
    """What is written of a stage or probe that does not use them is what it was."""
    for room, kind in (("stages", "trial.ppo"), ("probes", "return")):
        plain, other = (get(room, kind)(env="CartPole-v1", **more) for more in ({}, {"action_scaling": "none"}))
        assert not {"vocabulary", "action_scaling"} & plain.model_dump(mode="json").keys()
        assert other.model_dump(mode="json") == {**plain.model_dump(mode="json"), "action_scaling": "none"}
        assert type(plain)(**other.model_dump(mode="json")) == other


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
