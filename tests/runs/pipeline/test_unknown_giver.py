"""An environment that there is not, of a stage whose stream another takes, is told at its key."""

from pathlib import Path

import pytest

from devlearn.runs import pipeline
from devlearn.scenario import ScenarioError

TEXT = """devlearn: 1
scenario: yoked
seeds: 2
brain: {kind: mlp, width: [8]}
stages:
  act: {kind: trial.ppo, env: nowhere/None-v0, env_steps: 64}
  led: {kind: trial.ppo, env: devlearn/DigitReach-v0, env_steps: 64, of: {arm: active, stage: act, what: stream}}
arms: {active: [act], yoked: [led]}
"""


def test_an_unknown_environment_of_a_giver_is_told_at_its_key(tmp_path: Path) -> None:
    (tmp_path / "yoked.yaml").write_text(TEXT)
    with pytest.raises(ScenarioError, match=r"yoked.yaml:6:31: unknown env 'nowhere/None-v0'"):
        pipeline.load(tmp_path / "yoked.yaml")
