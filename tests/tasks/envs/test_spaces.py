"""Any observation: what a learner sees of each space, what becomes of it in a brain, and that all laws hold."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces as gym_spaces
from space_worlds import CONV, COPIES, DONE, MASKED, MLP, PLAY, SEEDS, SEEN, WORDS, draw, env, open_world

from devlearn.learners.brains import brain_builder, split_observation
from devlearn.learners.brains.needs import picture_layout
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.context import Context
from devlearn.tasks.envs import EnvSpec, VectorEnv, WorldError
from devlearn.tasks.envs.policy import policy_of
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.testing import assert_ok, check_env, check_stage

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
        ("Told", "a vector 'near' of 1 number; words 'told', up to 10 of a vocabulary of 8"),
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
    shown = world._batch._own.envs[3].unwrapped  # type: ignore[attr-defined]
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


def test_a_check_is_told_the_words_as_a_run_is() -> None:
    assert "'vocabulary: [go, to" in next(one for one in check_env(env("Untold")) if not one.ok).message
    assert_ok(check_env(env("Untold"), vocabulary=WORDS))
