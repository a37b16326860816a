"""Branches are called after the digest of what is lived in them, so a key that a stage gains renames none of before."""

from pathlib import Path

from devlearn.runs.pipeline import load, plan

TEXT = """
devlearn: 1
scenario: names
seeds: 2
brain: {kind: mlp, width: [8]}
stages:
  waves:  {kind: innate.waves, updates: 4}
  gabor:  {kind: innate.gabor}
  evolve: {kind: innate.evolve, updates: 2, labels: 200}
  look:   {kind: pretrain.denoise, updates: 4}
  mask:   {kind: pretrain.mask, updates: 4}
  predict: {kind: pretrain.predict, env: devlearn/DigitReach-v0, env_steps: 128, num_envs: 2}
  play:   {kind: trial.ppo, env: devlearn/DigitReach-v0, env_steps: 256}
  school: {kind: supervise, labels: 20, updates: 4}
  guess:  {kind: supervise.reinforce, updates: 4}
arms:
  one: [waves]
  two: [gabor]
  three: [evolve]
  four: [look]
  five: [mask]
  six: [predict]
  seven: [play]
  eight: [school]
  nine: [guess]
"""
NAMED = {
    "one": "waves-7becfe59",
    "two": "gabor-6606316f",
    "three": "evolve-5968f910",
    "four": "look-10ce5013",
    "five": "mask-ce415245",
    "six": "predict-487edd0c",
    "seven": "play-83330b36",
    "eight": "school-0e2c73c6",
    "nine": "guess-96a067bb",
}


def test_lives_are_called_what_they_were_called_before(tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(TEXT)
    assert {job.branch.arms[0]: job.branch.name for job in plan(load(path)).own.jobs if min(job.seeds) == 0} == NAMED
