"""Arms that take from each other, from the scenario's file to the verdict: seeds added later, a giver that diverges."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.reader import lines, load
from devlearn.runs.engine import checkpoint
from tests.commands import call, said
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
    assert "clone takes from expert, which diverged in 2 of 2 seeds (0, 1)" in output and "yet comparable" not in output
    found = json.loads((here / "runs/copies/comparison.json").read_text())
    assert [pair["verdict"] for pair in found["comparisons"]] == ["incomplete"]
    assert found["arms"]["clone"]["values"] == {"0": None, "1": None} and found["arms"]["clone"]["diverged"] == 0
    assert found["arms"]["expert"]["values"] == {"0": 0, "1": 0}, "the giver itself counts with worst"
    (point,) = load(here / "runs/copies").points
    assert {life.unscored for life in point.arms["twice"].lives.values()} == {0}


REPLAY = """
devlearn: 1
scenario: replays
seeds: 3
block: 3
brain: {kind: mlp, width: [8], activation: tanh}
stages:
  play: &play
    kind: trial.ppo
    env: devlearn/KeyCorridor-v0
    env_kwargs: {limit: 6}
    env_steps: 192
    num_envs: 2
    rollout: 16
    minibatches: 2
    lessons: [{door: 5}, {door: 6}, {door: 7}]
    teacher: {kind: random}
arms:
  led: [play]
  yoked: [{use: play, as: again, set: {teacher: {kind: replay, of: {arm: led, stage: play, what: order}}}}]
  mixed:
    - use: play
      as: else
      set: {teacher: {kind: replay, shuffled: true, of: {arm: led, stage: play, what: order}}}
probes:
  door: {kind: return, env: devlearn/KeyCorridor-v0, env_kwargs: {limit: 6}, episodes: 2, worst: 0}
compare: {probe: door, smallest_effect: 0.1, pairs: [[led, yoked], [led, mixed]]}
"""


def order_of(folder: Path) -> list[list[int]]:
    end = checkpoint.load(next(folder.rglob("end.pt")))["gives"]
    return [row[:count].tolist() for row, count in zip(end["lessons"], end["counts"], strict=True)]


def test_who_replays_an_order_has_the_lessons_that_the_giver_of_its_seed_had(here: Path) -> None:
    (here / "replays.yaml").write_text(REPLAY)
    said("run", "replays.yaml", "--no-report")
    plan = load(here / "runs/replays").resolved
    arms = plan.points[0].arms
    jobs = here / "runs/replays/jobs"
    led, yoked, mixed = (order_of(next(jobs.glob(f"{arms[name].path[-1]}*"))) for name in ("led", "yoked", "mixed"))
    assert len({tuple(order) for order in led}) == 3  # each learner has lessons of its own
    for own, other in zip(led, yoked, strict=True):
        shared = min(len(own), len(other))  # episodes end by what learners do, so one of them has more
        assert shared > 10 and own[:shared] == other[:shared]
    assert [own[:10] for own in led] != [other[:10] for other in mixed]
    table = next(jobs.glob(f"{arms['yoked'].path[-1]}*/*/records/*/train.csv"))
    assert {row["giver_env_steps"] for row in lines(table)} == {"", "192"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (", what: order}}}}]", "}}}}]", "the teacher replay needs (another arm's order|the order of another arm)"),
        (
            "set: {teacher:",
            "set: {lessons: [{door: 5}, {door: 9}], teacher:",
            "had other lessons than 'play' has",
        ),
        ("teacher: {kind: random}", "", "lessons need a teacher"),
    ],
)
def test_an_order_that_can_not_be_replayed_is_refused_at_its_place(here: Path, old: str, new: str, told: str) -> None:
    (here / "replays.yaml").write_text(REPLAY.replace(old, new, 1))
    result = call("run", "replays.yaml", "--dry-run")
    assert result.exit_code == 2 and re.search(told, " ".join(result.output.split())), result.output
    assert re.search(r"replays\.yaml:\d+:\d+: ", result.output)
