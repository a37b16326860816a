"""Curious lives and those on top of a reflex go on exactly, and need what the checkpoint holds of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devlearn.runs.engine import live
from tests.runs.engine.jobs import changed_checkpoint, digest, killed_after, rows, write_job

CURIOUS = {
    "kind": "trial.ppo",
    "env": "devlearn/KeyCorridor-v0",
    "env_kwargs": {"length": 5, "limit": 30},
    "env_steps": 320,
    "num_envs": 2,
    "rollout": 16,
    "epochs": 2,
    "intrinsic": {"kind": "rnd", "hidden": 8, "features": 4},
}
WAVE = {"kind": "innate.reflex", "env": "Pendulum-v1", "gate": "learned", "oscillator": {"coupling": 1.0}}
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


def nothing(content: dict[str, Any]) -> None:
    pass


def forgetting(key: str) -> Callable[[dict[str, Any]], None]:
    """Sets all numbers that a checkpoint has under ``state[key]`` to 0."""

    def forget(value: Any) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                forget(inner)
        elif isinstance(value, torch.Tensor):
            value.zero_()
        elif isinstance(value, np.ndarray):
            value[...] = 0

    return lambda content: forget(content["state"][key])


@pytest.mark.parametrize("kind", ["rnd", "icm"])
@pytest.mark.parametrize("take", [nothing, forgetting("curiosity")], ids=["nothing", "curiosity"])
def test_a_curious_life_that_was_killed_is_the_life_that_was_not(
    tmp_path: Path, kind: str, take: Callable[[dict[str, Any]], None]
) -> None:
    play = {**CURIOUS, "intrinsic": {**CURIOUS["intrinsic"], "kind": kind}}  # type: ignore[dict-item]
    whole, cut = (write_job(tmp_path / name, "branch", {"play": play}, {}) for name in ("whole", "cut"))
    live(whole)
    assert all(float(row["bonus"]) > 0 for row in rows(whole, "00-play.0/train.csv") if row["bonus"])
    killed_after(cut, 2, segment=3)
    with changed_checkpoint(cut) as content:
        take(content)
    live(cut, segment=1 if take is nothing else None)
    assert (digest(cut) == digest(whole)) == (take is nothing)


@pytest.mark.parametrize("take", [nothing, forgetting("reflexes")], ids=["nothing", "reflexes"])
def test_what_is_learned_from_a_replay_on_top_of_a_reflex_goes_on(
    tmp_path: Path, take: Callable[[dict[str, Any]], None]
) -> None:
    stages = {"wave": WAVE, "play": SOFT}
    whole, cut = (write_job(tmp_path / name, "branch", stages, {}) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 4, segment=3)
    with changed_checkpoint(cut) as content:
        assert "replay" in content["state"]
        take(content)
    live(cut)
    assert (digest(cut) == digest(whole)) == (take is nothing)
