"""What is said before a run of reflexes that nobody acts by, and of demonstrators that have lived elsewhere."""

from pathlib import Path

import pytest

from devlearn.runs import pipeline
from devlearn.runs.forewarnings import forewarnings
from devlearn.runs.plan import sketch

TEXT = """
devlearn: 1
scenario: bodies
seeds: 4
brain: {{kind: mlp, width: [16]}}
stages:
  wave: {{kind: {kind}, env: {env}}}
  play: {{kind: trial.ppo, env: {lived}, env_steps: 1024{random}}}
  copy: {{kind: imitate.clone, env: {copied}, of: {{arm: born, stage: play}}, env_steps: 1024}}
arms:
  born: [wave, play]
  heir: [copy]
probes:
  skill: {{kind: return, env: {measured}}}
"""
EVOLVED = "innate.evolve_reflex, updates: 1, population: 4, limit: 4"
USUAL = {
    "kind": "innate.reflex",
    "env": "Pendulum-v1",
    "lived": "Pendulum-v1",
    "random": "",
    "copied": "Pendulum-v1",
    "measured": "CartPole-v1",
}
IDLE = "stage wave gives arm born a reflex in Pendulum-v1, and nothing after it acts there"
STRANGE = "stage copy of arm heir copies in CartPole-v1 the learner of born after play, which has lived in Pendulum-v1"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"lived": "CartPole-v1", "copied": "CartPole-v1"}, [IDLE]),
        ({"kind": EVOLVED, "lived": "CartPole-v1", "copied": "CartPole-v1"}, [IDLE]),
        ({"random": ", random: true"}, [IDLE]),  # which acts by no reflex
        ({"lived": "CartPole-v1", "copied": "CartPole-v1", "measured": "Pendulum-v1"}, []),
        ({"copied": "CartPole-v1"}, [STRANGE]),
    ],
)
def test_bodies_that_never_meet_their_environment_are_told(
    changed: dict[str, str], told: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "bodies.yaml"
    file.write_text(TEXT.format(**USUAL | changed), encoding="utf-8")
    found = [one.text for one in forewarnings(sketch(pipeline.load(str(file)).scenario), False)]
    bodies = [text for text in found if "acts there" in text or "which has lived" in text]
    assert [text.split(";")[0] for text in bodies] == told
    assert all("; " in text for text in bodies)
