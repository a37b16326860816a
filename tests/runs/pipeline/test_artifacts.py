"""Arms that take from each other, from the scenario's file to the verdict: seeds added later, a giver that diverges."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.reader import load
from tests.commands import said
from tests.runs.engine.jobs import digest

TEXT = """
devlearn: 1
scenario: copies
seeds: 2
block: 1
brain: {kind: mlp, width: [8], activation: tanh}
stages:
  copy: {kind: imitate.clone, env: CartPole-v1, of: {arm: expert, stage: play}, env_steps: 64, num_envs: 2, rollout: 16}
  play: {kind: trial.ppo, env: CartPole-v1, env_steps: 64, num_envs: 2, rollout: 16, minibatches: 2}
arms:
  clone: [copy]
  expert: [play]
  twice: [copy, {use: play, as: more}]
probes:
  pole: {kind: return, env: CartPole-v1, episodes: 2, limit: 30, worst: 0}
compare: {probe: pole, smallest_effect: 1, pairs: [[clone, expert]]}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inline: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "copies.yaml").write_text(TEXT)
    return tmp_path


def jobs(run: Path) -> dict[str, dict[str, str]]:
    """The checksums of every job's records."""
    found = json.loads((run / "resolved.json").read_text())["jobs"]
    return {job["folder"]: digest(run / job["folder"]) for job in found}


def test_the_plan_shows_who_waits_for_whom(here: Path) -> None:
    lines = said("run", "copies.yaml", "--dry-run").splitlines()
    (expert,) = {line.split()[0] for line in lines if line.startswith("jobs/play-") and "seeds-1" in line.split()[0]}
    waits = [line.split()[1] for line in lines if line.startswith("jobs/copy-") and "seeds-1" in line.split()[0]]
    assert waits == [expert]


def test_seeds_that_are_added_take_from_givers_of_their_own(here: Path, inline: list[tuple[str, int]]) -> None:
    said("run", "copies.yaml", "--no-report")
    first = jobs(here / "runs/copies")
    assert inline[-1][1] == 6, "expert, clone and what twice does afterwards, two seeds each"
    said("run", "copies.yaml", "--seeds", "3", "--no-report")
    assert inline[-1][1] == 3
    later = jobs(here / "runs/copies")
    assert {folder: later[folder] for folder in first} == first
    said("run", "copies.yaml", "--seeds", "3", "--no-report", "--out", "at-once")
    assert jobs(here / "at-once") == later


def test_heirs_of_learners_that_diverged_are_unscored_and_the_verdict_says_so(here: Path) -> None:
    output = " ".join(said("run", "copies.yaml", "--set", "stages.play.lr=1e30", "--no-report").split())
    assert "unscored, as the learners that they take from in another arm diverged: clone seed 0, clone seed 1" in output
    found = json.loads((here / "runs/copies/comparison.json").read_text())
    assert [pair["verdict"] for pair in found["comparisons"]] == ["incomplete"]
    assert found["arms"]["clone"]["values"] == {"0": None, "1": None} and found["arms"]["clone"]["diverged"] == 0
    assert found["arms"]["expert"]["values"] == {"0": 0, "1": 0}, "the giver itself counts with worst"
    (point,) = load(here / "runs/copies").points
    assert {life.unscored for life in point.arms["twice"].lives.values()} == {0}
