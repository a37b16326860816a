"""Yoked arms: they go through what another arm went through, seed by seed, and answer for themselves."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devlearn.records.reader import lines, load
from devlearn.runs.engine import checkpoint
from devlearn.tasks.envs import EnvSpec, VectorEnv, WorldError
from devlearn.tasks.envs.stream import Followed, Stream
from tests.commands import call, said

TEXT = """
devlearn: 1
scenario: yoked
seeds: 2
block: 2
brain: {kind: mlp, width: [8], activation: tanh}
stages:
  play:
    kind: trial.ppo
    env: devlearn/ThreeStories-v0
    env_kwargs: {k: 1, acts: choose, free: true}
    env_steps: 96
    num_envs: 2
    rollout: 16
    minibatches: 2
  other: {kind: trial.ppo, env: devlearn/GreedyCasino-v0, env_steps: 32, num_envs: 2, rollout: 16, minibatches: 2}
  cart: {kind: trial.ppo, env: CartPole-v1, env_steps: 32, num_envs: 2, rollout: 16, minibatches: 2}
arms:
  active: [play]
  yoked: [{use: play, as: led, set: {of: {arm: active, stage: play, what: stream}}}]
  blind:
    - use: play
      as: blind
      set:
        of: {arm: active, stage: play, what: stream}
        env_kwargs: {k: 1, acts: choose, free: true, efference: false}
  elsewhere: [other]
  balancing: [cart]
probes:
  named: {kind: return, env: devlearn/ThreeStories-v0, episodes: 2, worst: 0}
compare: {probe: named, smallest_effect: 0.1, pairs: [[active, yoked]]}
"""

OF = "arm: active, stage: play, what: stream}}}]"
LEARNER = "as: led, set: {of: {arm: active, stage: play}}"
BLIND = "{k: 1, acts: choose, free: true, efference: false}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inline: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "yoked.yaml").write_text(TEXT)
    return tmp_path


def folders(run: Path) -> dict[str, Path]:
    """The folder of the one job of every arm."""
    arms = load(run).resolved.points[0].arms
    return {name: next((run / "jobs").glob(f"{arm.path[-1]}*")) for name, arm in arms.items()}


def gives(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoint.load(next(folder.rglob("end.pt")))["gives"]
    return found


def test_who_is_yoked_goes_through_the_same_and_answers_for_itself(here: Path) -> None:
    said("run", "yoked.yaml", "--no-report")
    active, yoked, blind = (gives(folders(here / "runs/yoked")[arm]) for arm in ("active", "yoked", "blind"))
    assert active["actions"].shape == (2, 2, 48) and active["marks"].shape == (2, 2, 3)
    assert (
        len({tuple(row.flatten().tolist()) for row in active["actions"]}) == 2
    )  # each learner has a stream of its own
    answers = active["actions"] >= 3
    assert answers.float().mean() == pytest.approx(1 / 3)
    for led in (yoked, blind):
        assert torch.equal(led["actions"][~answers], active["actions"][~answers])
        assert not torch.equal(led["actions"][answers], active["actions"][answers])
        assert torch.equal(led["marks"], active["marks"])
    table = next(folders(here / "runs/yoked")["blind"].rglob("train.csv"))
    assert {row["giver_env_steps"] for row in lines(table)} == {"", "96"}


def test_heirs_of_actors_that_diverged_are_unscored(here: Path) -> None:
    keys = (
        "--set",
        "arms.yoked=[{use: play, as: led, set: {lr: 0.001, of: {arm: active, stage: play, what: stream}}}]",
    )
    output = " ".join(said("run", "yoked.yaml", "--set", "stages.play.lr=1e30", *keys, "--no-report").split())
    assert "yoked takes from active, which diverged in 2 of 2 seeds (0, 1)" in output and "yet comparable" not in output


def test_who_is_not_where_the_other_was_is_told_so() -> None:
    spec, seeds = EnvSpec.of("devlearn/ThreeStories-v0", {"k": 1}), (5, 6)
    noted = Stream(spec, (3, 4, 5), seeds, 2)
    acted(VectorEnv(spec, seeds, 2, ("play", 0), stream=noted), 16)
    held = noted.state()
    again = Stream(spec, (3, 4, 5), seeds, 2, Followed(held["actions"], held["marks"], "another"))
    acted(VectorEnv(spec, seeds, 2, ("play", 0), stream=again), 16)
    assert np.array_equal(again.state()["marks"], held["marks"])
    with pytest.raises(WorldError, match="is over after 16 steps in each copy, and more are wanted"):
        again.leash(np.ones((4, 6), bool))
    lost = Stream(spec, (3, 4, 5), seeds, 2, Followed(held["actions"], held["marks"], "another"))
    with pytest.raises(WorldError, match="seed 5, copy 0, by step 16, is not where another was, whom it follows"):
        acted(VectorEnv(spec, seeds, 2, ("elsewhere", 0), stream=lost), 16)


def acted(world: VectorEnv, steps: int) -> None:
    """Take the last action that is allowed, again and again."""
    for _ in range(steps):
        assert world.mask is not None
        world.step(5 - world.mask[..., ::-1].argmax(-1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (LEARNER[:-2] + ", what: stream}}", LEARNER, "a yoked learner takes another's stream"),
        (OF, "arm: elsewhere, stage: other, what: stream}}}]", "it was in devlearn/GreedyCasino-v0, not in"),
        (OF, "arm: balancing, stage: cart, what: stream}}}]", "CartPole-v1 has no answers, so it has no stream"),
        (OF, "arm: nobody, stage: play, what: stream}}}]", "no arm is called 'nobody'"),
        (BLIND, "{k: 2, acts: choose, free: true}", "its environment had k=1, not 2; env_kwargs may differ in"),
        ("what: stream}}}]", "what: stream}, num_envs: 4}}]", "it had num_envs 2, not 4"),
        ("what: stream}}}]", "what: stream}, env_steps: 128}}]", "it is over after 96 env_steps, and 128 are"),
        ("what: stream}}}]", "what: stream}, random: true}}]", "drop random and lessons, or of"),
        ("active: [play]", "active: [{use: play, set: {until: {probe: named, at_least: 0.9}}}]", "a gate lets its"),
    ],
)
def test_a_stream_that_can_not_be_followed_is_refused_at_its_place(here: Path, old: str, new: str, told: str) -> None:
    assert old in TEXT
    (here / "yoked.yaml").write_text(TEXT.replace(old, new, 1))
    result = call("run", "yoked.yaml", "--dry-run")
    assert result.exit_code == 2 and told in " ".join(result.output.split()), result.output
    assert re.search(r"yoked\.yaml:\d+:\d+: ", result.output)


def test_a_stage_that_is_broken_is_complained_of_once(here: Path) -> None:
    """Who follows it is right, as far as is known."""
    (here / "yoked.yaml").write_text(TEXT.replace("rollout: 16\n", "rollout: 16\n    lessons: [{k: 1}, {k: 2}]\n", 1))
    output = call("run", "yoked.yaml", "--dry-run").output
    assert output.splitlines() == ["yoked.yaml:8:3: lessons need a teacher: {kind: random}, for one"]


def test_what_a_setting_breaks_elsewhere_is_said_of_the_setting(here: Path) -> None:
    lines = call(
        "run", "yoked.yaml", "--dry-run", "--set", "seeds=3", "--set", "stages.other.num_envs=3", "--set",
        "arms.yoked=[{use: other, set: {num_envs: 2, of: {arm: elsewhere, stage: other, what: stream}}}]",
    ).output.splitlines()  # fmt: skip
    assert len(lines) == 1 and lines[0].startswith("--set arms.yoked=[") and "it had num_envs 3, not 2" in lines[0]
    (line,) = call("run", "yoked.yaml", "--dry-run", "--set", "arms.active=[cart]").output.splitlines()[:1]
    assert line.startswith("--set arms.active=[cart]: arm 'active' has no stage 'play'") and "(yoked.yaml:20:" in line
