"""Exact resume needs everything that a checkpoint holds: taking one thing away changes the records."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devlearn.runs.engine import live
from tests.runs.engine.jobs import changed_checkpoint, digest, killed_after, write_job

SWING = {"kind": "trial.ppo", "env": "Pendulum-v1", "env_steps": 400, "num_envs": 2, "rollout": 20, "epochs": 3}
PLAY = {**SWING, "env": "Acrobot-v1", "normalise_observations": True}
REACH = {**SWING, "env": "devlearn/DigitReach-v0"}


def no_moments(content: dict[str, Any]) -> None:
    content["state"]["moments"] = {}


def no_statistics(content: dict[str, Any]) -> None:
    for name, tensor in content["brain"].items():
        if ".normaliser." in name:
            tensor.fill_(1.0)


def no_episode_seeds(content: dict[str, Any]) -> None:
    """Every copy forgets which episode it is in and what it began from."""

    def forget(state: dict[str, Any]) -> None:
        for key, value in state.items():
            if isinstance(value, dict):
                forget(value)
            elif key in ("episode", "seeds"):
                value[...] = 0

    forget(content["state"]["world"])


def nothing(content: dict[str, Any]) -> None:
    pass


@pytest.mark.parametrize("play", [PLAY, REACH], ids=["replayed", "native"])
@pytest.mark.parametrize("take", [nothing, no_moments, no_statistics, no_episode_seeds])
def test_a_checkpoint_holds_nothing_that_could_be_left_out(
    tmp_path: Path, play: dict[str, Any], take: Callable[[dict[str, Any]], None]
) -> None:
    if take is no_statistics and play is REACH:
        pytest.skip("images have no observation statistics")
    whole, cut = (write_job(tmp_path / name, "branch", {"play": play}, {}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=3)
    with changed_checkpoint(cut) as content:
        assert content["state"] is not None
        take(content)
    try:
        live(cut)
    except Exception as error:
        assert take is not nothing, error
        assert "replay" in str(error)  # an environment that is not where it was is noticed at once
        return
    assert (digest(cut) == digest(whole)) == (take is nothing)


VALUES = {
    "kind": "trial.dqn",
    "env": "CartPole-v1",
    "env_steps": 400,
    "num_envs": 2,
    "rollout": 10,
    "capacity": 150,
    "learning_starts": 100,
    "batch": 16,
    "target_every": 40,
}
SOFT = {
    "kind": "trial.sac",
    "env": "Pendulum-v1",
    "env_steps": 160,
    "num_envs": 2,
    "rollout": 5,
    "capacity": 100,
    "learning_starts": 60,
    "batch": 16,
}
OFF_POLICY = {"dqn": VALUES, "sac": SOFT}


def no_replay(content: dict[str, Any]) -> None:
    content["state"]["replay"]["filled"] = 1


def no_rewards(content: dict[str, Any]) -> None:
    content["state"]["replay"]["rewards"].zero_()


def no_target(content: dict[str, Any]) -> None:
    for tensor in content["state"]["target"].values():
        tensor.zero_()


@pytest.mark.parametrize("kind", sorted(OFF_POLICY))
@pytest.mark.parametrize("take", [nothing, no_moments, no_replay, no_rewards, no_target])
def test_a_replay_and_its_target_networks_go_on(
    tmp_path: Path, kind: str, take: Callable[[dict[str, Any]], None]
) -> None:
    """Cut behind the first yield, which fills the replay, and twice after it."""
    whole, cut = (write_job(tmp_path / name, "branch", {"play": OFF_POLICY[kind]}, {}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=3)
    with changed_checkpoint(cut) as content:
        assert content["state"] is not None
        take(content)
    live(cut, segment=1 if take is nothing else None)
    assert (digest(cut) == digest(whole)) == (take is nothing)


def no_critics(content: dict[str, Any]) -> None:
    for tensor in content["state"]["critics"].values():
        tensor.zero_()


def no_critic_moments(content: dict[str, Any]) -> None:
    content["state"]["critic_moments"] = {}


def no_temperature(content: dict[str, Any]) -> None:
    content["state"]["temperature"].zero_()


def no_temperature_moments(content: dict[str, Any]) -> None:
    content["state"]["temperature_moments"] = {}


@pytest.mark.parametrize("take", [no_critics, no_critic_moments, no_temperature, no_temperature_moments])
def test_critics_and_temperature_go_on(tmp_path: Path, take: Callable[[dict[str, Any]], None]) -> None:
    whole, cut = (write_job(tmp_path / name, "branch", {"play": SOFT}, {}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=3)
    with changed_checkpoint(cut) as content:
        take(content)
    live(cut)
    assert digest(cut) != digest(whole)


SCHOOL = {
    "kind": "supervise",
    "updates": 16,
    "labels": 20,
    "batch": 8,
    "unlabelled": "consistency",
    "unlabelled_batch": 16,
    "threshold": 0.1,
    "align": True,
    "teacher": 0.9,
    "views": {},
}


def no_teacher(content: dict[str, Any]) -> None:
    for tensor in content["state"]["teacher"].values():
        tensor.fill_(0)


def no_share(content: dict[str, Any]) -> None:
    content["state"]["share"].copy_(content["state"]["share"].roll(1, -1) ** 4)


@pytest.mark.parametrize("take", [nothing, no_moments, no_teacher, no_share])
def test_a_school_with_a_teacher_goes_on_where_it_was(tmp_path: Path, take: Callable[[dict[str, Any]], None]) -> None:
    """Killed after its second checkpoint; what the teacher knew and which answers were frequent is needed."""
    whole, cut = (write_job(tmp_path / name, "branch", {"school": SCHOOL}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 2, segment=5)
    with changed_checkpoint(cut) as content:
        assert content["state"] is not None
        take(content)
    live(cut)
    assert (digest(cut) == digest(whole)) == (take is nothing)
