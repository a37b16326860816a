"""A toy scenario, and a folder to run it in."""

import sys
from pathlib import Path

import pytest

SCENARIO = """
devlearn: 1
scenario: toy
seeds: 4
block: 2
brain: {kind: mlp, width: [16, 8]}
stages:
  look: {kind: pretrain.denoise, updates: 4, batch: 8}
  school: {kind: supervise, labels: 20, updates: 6, batch: 8}
arms:
  plain: [school]
  looked: [look, school]
probes:
  digits: {kind: accuracy, data: mnist.test, every: 3}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[looked, plain]]}
"""


@pytest.fixture(scope="session")
def toy() -> str:
    """A scenario of two arms."""
    return SCENARIO


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: str) -> Path:
    """An empty folder outside the project, with ``toy.yaml`` in it, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "toy.yaml").write_text(toy)
    return tmp_path
