"""Demonstrations: what is recorded is what a learner would have had; what is wrong with a file is said at its place."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from space_worlds import env, made

from devlearn.streams import generator
from devlearn.tasks.data import BadData
from devlearn.tasks.demonstrations import demonstrations, digest, episodes, is_demonstrations, located, record
from devlearn.tasks.envs import EnvSpec, VectorEnv
from devlearn.tasks.envs.observations import leaves
from devlearn.tasks.envs.spaces import view_and_controls
from devlearn.testing import assert_ok, check_demonstrations
from tests.commands import call, said

CPU = torch.device("cpu")
CARTPOLE = EnvSpec("CartPole-v1")


def kept(folder: Path, spec: EnvSpec, count: int = 3, seed: int = 0, policy: str = "random") -> str:
    return str(record(spec, policy, count, seed).write(folder / "told.npz"))


# ---- from an environment to tensors ------------------------------------------------------------------------------

SPACES = ("Camera", "Eyes", "Wrapped", "Errand", "Lever", "Switches", "Counts", "Bytes", "Body", "Far")


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("scaling", ["affine", "squash", "none"])
def test_a_step_is_what_a_learner_would_have_seen_and_done(tmp_path: Path, name: str, scaling: Any) -> None:
    """Told of an environment with any spaces, written and read: its own steps again, through the learner's own eyes."""
    spec = EnvSpec(env(name), action_scaling=scaling)
    told = record(spec, "random", 2, 5)
    found = demonstrations(str(told.write(tmp_path / "told.npz")), spec, CPU)
    view, controls = view_and_controls(spec)
    assert found.seen.numpy().dtype == view.box.dtype and len(found) == told.steps
    one = made(name)
    given = controls.clean(found.actions.numpy(), scaling)
    for step in range(told.steps):
        if step == 0 or found.episode[step] != found.episode[step - 1]:
            seed = record_seed(5, int(found.episode[step]))
            seen = view.read(one.reset(seed=seed)[0]).astype(view.box.dtype)
            assert np.array_equal(found.seen[found.before[step]].numpy(), seen)
        observation, reward, terminated, _, _ = one.step(controls.to_env(given[step]))
        shown = view.read(observation).astype(view.box.dtype)
        assert np.array_equal(found.seen[found.after[step]].numpy(), shown)
        assert found.rewards[step].item() == pytest.approx(reward, abs=1e-4)
        assert bool(found.terminated[step]) == terminated
    assert found.returns.numpy() == pytest.approx([told.rewards[told.episode == e].sum() for e in (0, 1)], abs=1e-4)


def record_seed(seed: int, episode: int) -> int:
    return int(generator(seed, "demonstrate", counter=episode).integers(2**31))


def test_transitions_are_those_that_a_cohort_would_have_collected(tmp_path: Path) -> None:
    """The batch-native environment and the recorded one show the same pictures."""
    spec = EnvSpec("devlearn/DigitReach-v0")
    found = demonstrations(kept(tmp_path, spec, 2), spec, CPU)
    world = VectorEnv(spec, (0,), 1, ("told",))
    assert found.seen.shape[1:] == world.observation.shape[2:] and found.seen.dtype == torch.uint8
    batch = found.transitions(torch.tensor([[0, 1], [2, 0]]))
    assert torch.equal(batch["targets"][0, 0], batch["images"][0, 1])
    assert torch.equal(batch["images"][1, 1], batch["images"][0, 0])
    assert batch["actions"].dtype == torch.int64 and batch["actions"].shape == (2, 2)


def test_an_episode_is_another_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    first, again, other = (record(CARTPOLE, "random", 3, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.observations[""], again.observations[""]) and not np.array_equal(
        first.observations[""][: len(other.observations[""])], other.observations[""][: len(first.observations[""])]
    )
    starts = first.observations[""][[0, *(np.cumsum(first.lengths + 1)[:-1])]]
    assert len(np.unique(starts, axis=0)) == 3


def test_how_an_episode_ended_is_kept() -> None:
    told = record(EnvSpec("CartPole-v1", {"max_episode_steps": 12}), "random", 20, 0)
    assert told.terminations.any() and told.truncations.any()
    assert np.array_equal(told.terminations | told.truncations, told.last)
    assert (told.lengths[~told.terminations[told.last]] == 12).all() and (told.lengths <= 12).all()


LEAN = "def lean(observation, rng):\n    return int(observation[2] + observation[3] > 0)\n"


def test_a_policy_of_ones_own_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lean_policy.py").write_text(LEAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    told = said("demonstrate", "CartPole-v1", "--policy", "lean_policy:lean", "--episodes", 5, "--out", "lean.npz")
    assert re.fullmatch(r"wrote lean.npz: 5 episodes of [\d,]+ steps, mean return \d+(\.\d+)?\n", told)
    found = episodes(str(tmp_path / "lean.npz"))
    assert found.returns.mean() > 100 and found.about["policy"] == "lean_policy:lean"
    assert found.about["env"] == "CartPole-v1" and found.about["seed"] == 0
    checked = said("check", "data", "lean.npz")
    assert "by lean_policy:lean; returns" in checked and "demonstrations lean.npz: keeps all 3 laws" in checked
    assert "remove it, or choose another name" in said("demonstrate", "CartPole-v1", "--out", "lean.npz", code=2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["CartPole-v9", "--out", "a.npz"], "did you mean 'CartPole-v1'?"),
        (["CartPole-v1", "--out", "a.npy"], "--out names an .npz file, not 'a.npy'"),
        (["CartPole-v1", "--out", "a.npz", "--policy", "lean"], "unknown policy 'lean'; write random, or module:func"),
        (["CartPole-v1", "--out", "a.npz", "--policy", "math:pi"], "policy 'math:pi' is no function"),
        (["CartPole-v1", "--out", "a.npz", "--policy", "math:sqrt"], "CartPole-v1: episode 0, step 1: TypeError"),
        (["CartPole-v1", "--out", "a.npz", "--wrapper", "FrameStack"], "did you mean 'FrameStackObservation'?"),
    ],
)
def test_what_can_not_be_recorded_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in said("demonstrate", *arguments, code=2)
    assert not list(tmp_path.iterdir())


# ---- what is wrong with a file -----------------------------------------------------------------------------------


def arrays(**changed: Any) -> dict[str, Any]:
    """Two episodes of 3 and 2 steps."""
    found = {
        "observations": np.zeros((7, 4), np.float32),
        "actions": np.array([0, 1, 0, 1, 1]),
        "rewards": np.ones(5),
        "terminations": np.array([False, False, True, False, False]),
        "truncations": np.zeros(5, bool),
        "lengths": np.array([3, 2]),
    }
    return {name: array for name, array in {**found, **changed}.items() if array is not None}


def test_plain_arrays_are_enough_and_an_end_that_is_not_told_is_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, **arrays(rewards=np.arange(5)))
    found = demonstrations(str(path), CARTPOLE, CPU)
    assert found.before.tolist() == [0, 1, 2, 4, 5] and found.after.tolist() == [1, 2, 3, 5, 6]
    assert found.terminated.tolist() == [False, False, True, False, False]
    assert found.truncated.tolist() == [False, False, False, False, True]
    assert found.returns.tolist() == [3, 7] and found.episode.tolist() == [0, 0, 0, 1, 1]
    assert_ok(check_demonstrations(str(path)))
    assert digest(str(path)).keys() == {"plain.npz"}


NAN = np.where(np.arange(28).reshape(7, 4) == 9, np.nan, 0.0)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"actions": None}, "has no array 'actions'; it has observations, rewards"),
        ({"rewards": None, "reward": np.ones(5)}, "has no array 'rewards'; is 'reward' meant?"),
        ({"infos": np.ones(5)}, "'infos' is none of observations, actions, rewards"),
        ({"observations": np.zeros((5, 4))}, "observations is (5, 4) float64; lengths says 5 steps in 2 episodes, and "
         "observations are one more than steps in every episode: give (7, ..)"),
        ({"actions": np.zeros(6, int)}, "actions is (6,) int64; lengths says 5 steps in 2 episodes: give (5, ..)"),
        ({"rewards": np.ones((5, 1))}, "rewards is (5, 1) float64; lengths says 5 steps in 2 episodes: give (5,)"),
        ({"truncations": np.zeros(4, bool)}, "truncations is (4,) bool; lengths says 5 steps in 2 episodes"),
        ({"lengths": np.array([3, 0, 2])}, "lengths is (3,) int64; it has the steps of each episode"),
        ({"lengths": np.array([3.0, 2.0])}, "lengths is (2,) float64; it has whole numbers"),
        ({"lengths": np.array([2, 3])}, "step 0 of episode 1 ends it, and lengths says that it has 3"),
        ({"observations": NAN}, "observations is (7, 4) float64; row 2 is not finite; leave that episode out"),
        ({"rewards": np.array(["a"] * 5)}, "rewards is (5,) <U1; it has numbers"),
        ({"observations": np.array([None] * 7)}, "it holds Python objects: save arrays of numbers or of text"),
        ({"observations/image": np.zeros((7, 4))}, "has 'observations' and 'observations/image'; keep the one or"),
        ({"about": np.array("{env")}, "about is no JSON"),
        ({"about": np.array("[1]")}, "about is no map"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_key_and_shape(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, **arrays(**changed))
    with pytest.raises(BadData, match=re.escape(says)) as error:
        episodes(str(path))
    assert str(error.value).startswith(str(path))
    assert is_demonstrations(str(path))
    assert says in said("check", "data", str(path), code=1)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"observations": np.zeros((7, 3))}, "observations, row 0: the observation has shape (3,) instead of (4,) (of "
         "CartPole-v1; observations is (7, 3) float64)"),
        ({"observations": None, "observations/a": np.zeros((7, 4))}, "has no 'observations'; CartPole-v1 has observ"),
        ({"observations": np.full((7, 4), 1e300)}, "observations, row 0: numbers that float32 does not have (of "),
        ({"actions": np.array([0, 1, 2, 1, 1])}, "actions, row 2: 2 is not in Discrete(2) (of CartPole-v1"),
        ({"actions": np.zeros((5, 1), int)}, "actions, actions of shape (1,) instead of ()"),
        ({"actions": np.zeros(5)}, "actions, actions of type float64 for Discrete(2)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_environment_is_said(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, **arrays(**changed))
    with pytest.raises(BadData, match=re.escape(says)):
        demonstrations(str(path), CARTPOLE, CPU)


def test_no_file_no_demonstrations(tmp_path: Path) -> None:
    kept(tmp_path, CARTPOLE)
    for name, says in {
        "tld.npz": "did you mean 'told.npz'?",
        "told": "names no demonstrations; write PATH.npz, or minari:ID",
        "minari:no/such-v0": "no/such-v0",
    }.items():
        with pytest.raises(BadData, match=re.escape(says)):
            episodes(located(name, tmp_path))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "told.npz").read_bytes()[:300])
    with pytest.raises(BadData, match="is cut off"):
        episodes(str(tmp_path / "cut.npz"))
    assert call("check", "data", str(tmp_path / "none.npz")).exit_code == 2


def test_a_word_that_is_not_in_the_vocabulary_is_named(tmp_path: Path) -> None:
    path = kept(tmp_path, EnvSpec(env("Told"), vocabulary=tuple(["go", "to", "the", "red", "blue", "door"])))
    with pytest.raises(BadData, match=r"observations, row \d+: the word .* is not in the vocabulary"):
        demonstrations(path, EnvSpec(env("Told"), vocabulary=("go",)), CPU)


# ---- actions there and back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Lever", "Switches", "Counts", "Bytes", "Body", "Far"])
@pytest.mark.parametrize("scaling", ["affine", "squash", "none"])
def test_an_action_goes_to_the_policy_and_back(name: str, scaling: Any) -> None:
    spec = EnvSpec(env(name))
    told, controls = record(spec, "random", 10, 3), view_and_controls(spec)[1]
    rows = controls.from_env([told.actions["/".join(map(str, path))] for path, _ in leaves(controls.whole)])
    again = controls.clean(controls.unscaled(rows, scaling), scaling)
    assert rows.dtype == again.dtype and rows.shape == (told.steps, *controls.factors.shape)
    np.testing.assert_allclose(again.astype(np.float64), rows.astype(np.float64), rtol=1e-4, atol=2e-2)
    one = made(name).action_space
    assert all(one.contains(controls.to_env(row)) for row in again)


def test_an_action_that_no_learner_has_numbers_for_is_refused() -> None:
    controls = view_and_controls(EnvSpec(env("Endless")))[1]
    assert controls.from_env([np.array([[1e30, 0, 0, 0]])]).tolist() == [[np.float32(1e30), 0, 0, 0]]
    with pytest.raises(ValueError, match=r"row 1: .* no learner has numbers for"):
        controls.from_env([np.array([[1.0, 0, 0, 0], [1e300, 0, 0, 0]])])
