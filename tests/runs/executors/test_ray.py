"""A real Ray cluster of two nodes on this machine: one is lost in the middle, and not a byte differs."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from devlearn.records.atomic import read_json
from devlearn.runs.executors import Supervisor, View
from devlearn.runs.executors.base import BadExecutor
from devlearn.runs.executors.local import Local
from devlearn.runs.executors.ray import Ray
from devlearn.runs.folder import Step
from devlearn.runs.pipeline import Options, load, write
from tests.cut import Over, long_enough
from tests.runs.engine.jobs import digest

SCENARIO = """
devlearn: 1
scenario: lost
seeds: 4
block: 2
brain: {kind: mlp, width: [64, 32], activation: tanh}
stages:
  look: {kind: pretrain.denoise, updates: UPDATES}
  swing: {kind: trial.ppo, env: Acrobot-v1, env_steps: STEPS, num_envs: 4, rollout: 32}
arms:
  grown: [look, swing]
probes:
  rebuild: {kind: objective, stage: look, every: 100}
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without cores; nodes are added by the test."""
    ray = pytest.importorskip("ray", reason="pip install 'devlearn[ray]'")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("DEVLEARN_CHECKPOINT_SECONDS", "0.1")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def begun(folder: Path, out: str, times: int) -> Step:
    text = SCENARIO.replace("UPDATES", str(300 * times)).replace("STEPS", str(3072 * times))
    (folder / "lost.yaml").write_text(text, encoding="utf-8")
    return write(load(folder / "lost.yaml", []), folder / out).first


def test_a_node_is_lost_and_not_a_byte_differs(tmp_path: Path, cluster: Any) -> None:
    long_enough(tmp_path, lambda folder, times: lose_a_node(folder, times, cluster))


def lose_a_node(folder: Path, times: int, cluster: Any) -> None:
    whole, cut = begun(folder, "whole", times), begun(folder, "cut", times)
    assert not Supervisor(whole.folder, whole.jobs, Local(2)).supervise().failed
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    killed: list[str] = []

    def watch(views: Sequence[View]) -> None:
        """Once both jobs are in the middle, one node is lost, and all processes on it."""
        if not killed and all(view.status == "running" and view.overall > 0.3 for view in views):
            killed.append(nodes[0].node_id)
            cluster.remove_node(nodes[0], allow_graceful=False)

    executor = Ray()
    assert executor.workers == 2
    outcome = Supervisor(cut.folder, cut.jobs, executor, watch).supervise()
    assert len(outcome.done) == 2
    if not killed:
        for node in nodes:
            cluster.remove_node(node)
        raise Over
    attempts = sorted(read_json(cut.folder / job.folder / "state.json")["attempt"] for job in cut.jobs)
    assert attempts == [1, 2]  # one of them was begun again, by Ray
    for job in cut.jobs:
        assert digest(cut.folder / job.folder) == digest(whole.folder / job.folder)


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadExecutor, match=r"^--executor ray needs the package ray: pip install 'devlearn\[ray\]'$"):
        Options("ray").made()
