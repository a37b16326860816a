"""A stage that is shown demonstrations: from the file's line to the records, cut and gone on with, and told apart."""

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import devlearn
from devlearn.evidence.statistics.sign_flip import sign_flip
from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.records.layout import RunFolder
from devlearn.registry import get
from devlearn.runs.engine import live as live_job
from devlearn.stages.stage import Stage
from devlearn.tasks.data import BadData
from devlearn.tasks.demonstrations import demonstrations, episodes, record
from devlearn.tasks.demonstrations import digest as digest_of
from devlearn.tasks.envs import EnvSpec
from tests.commands import said
from tests.laws.rows import context_for, live
from tests.runs.engine.jobs import digest, killed_after, write_job

SCENARIO = """
devlearn: 1
scenario: shown
seeds: 2
brain: {kind: mlp, width: [16]}
stages:
  look: {kind: pretrain.predict, env: devlearn/DigitReach-v0, demonstrations: told.npz, updates: 6, num_envs: 4, rollout: 2}
  school: {kind: supervise, labels: 20, updates: 4, batch: 8}
arms:
  plain: [school]
  shown: [look, school]
probes:
  digits: {kind: accuracy, data: mnist.test}
  foresees: {kind: objective, stage: look, every: 3}
compare: {probe: digits, smallest_effect: 0.01, pairs: [[shown, plain]]}
"""  # noqa: E501


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario, and beside it what it is shown."""
    record(EnvSpec("devlearn/DigitReach-v0"), "random", 4, 0).write(tmp_path / "told.npz")
    (tmp_path / "shown.yaml").write_text(SCENARIO)
    return tmp_path


def test_it_is_lived_from_the_file_to_the_verdict_and_costs_no_step_of_an_environment(folder: Path) -> None:
    devlearn.run(folder / "shown.yaml", out=folder / "run", progress=False, report=False)
    run = RunFolder(folder / "run")
    arms = json.loads(run.comparison.read_text())["arms"]
    ledger = arms["shown"]["ledger"]
    assert ledger["env_steps"] == 0 and ledger["updates"] == 10 and ledger["flops"] > arms["plain"]["ledger"]["flops"]
    programs = json.loads(run.manifest.read_text())["programs"].values()
    told = [files for program in programs for files in program["sources"].values() if "told.npz" in files]
    assert len(told) == 1 and len(told[0]["told.npz"]) == 64


def test_another_file_of_that_name_is_another_program(folder: Path) -> None:
    """The run is gone on with by the same file only."""
    said("run", folder / "shown.yaml", "--out", folder / "run", "--no-report", "--seeds", 1)
    record(EnvSpec("devlearn/DigitReach-v0"), "random", 4, 1).write(folder / "told.npz")
    more = ("run", folder / "shown.yaml", "--out", folder / "run", "--no-report", "--seeds", 2)
    assert "told.npz" in said(*more, code=2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("told.npz", "tld.npz", "shown.yaml:7:79: demonstrations: there is no file "),
        ("told.npz", "tld.npz", "did you mean 'told.npz'?"),
        ("told.npz", "told", "names no demonstrations; write PATH.npz, or minari:ID"),
        ("updates: 6", "env_steps: 60", "give the budget in updates or flops"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(folder: Path, old: str, new: str, says: str) -> None:
    path = folder / "shown.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    assert says in said("check", "scenario", path, code=2)


def test_demonstrations_of_another_environment_are_refused_at_the_stage(folder: Path) -> None:
    record(EnvSpec("CartPole-v1"), "random", 2, 0).write(folder / "told.npz")
    told = said("check", "scenario", folder / "shown.yaml", code=2)
    assert "shown.yaml:7:3: look: " in told and "the observation has shape (4,) instead of (28, 28)" in told


def test_killed_and_gone_on_with_it_is_the_same_life(tmp_path: Path) -> None:
    told = record(EnvSpec("devlearn/DigitReach-v0"), "random", 3, 0).write(tmp_path / "told.npz")
    look = {"kind": "pretrain.predict", "env": "devlearn/DigitReach-v0", "demonstrations": str(told), "num_envs": 4}
    stages = {"look": {**look, "rollout": 3, "updates": 20}}
    whole, cut = (write_job(tmp_path / name, "branch", stages, {}) for name in ("whole", "cut"))
    live_job(whole)
    killed_after(cut, 2, segment=3)
    live_job(cut)
    assert digest(cut) == digest(whole)


def test_what_was_shown_is_foreseen_in_the_world_itself(tmp_path: Path) -> None:
    """Judged in a world of the measurement's own, where nothing was shown; over eight seeds, and by enough."""
    told = record(EnvSpec("devlearn/DigitReach-v0"), "random", 60, 0).write(tmp_path / "told.npz")
    keys: dict[str, Any] = {"env": "devlearn/DigitReach-v0", "num_envs": 16, "rollout": 4, "lr": 3e-3}
    stage: Stage = get("stages", "pretrain.predict")(**keys, demonstrations=str(told), updates=40)
    seeds = tuple(range(8))
    cohort = Cohort(brain_builder({"kind": "mlp", "width": [64, 32]}, stage.needs()), seeds)
    losses = []
    for updates in (0, 40):
        live(stage, cohort, updates)
        with torch.no_grad():
            losses.append(stage.evaluate(cohort, context_for(seeds))["loss"].double().numpy())
    assert (losses[0] - losses[1]).mean() >= 0.3
    assert sign_flip(losses[0] - losses[1]) <= 0.01


def test_a_whole_npz_in_a_folder_is_no_split_of_another(tmp_path: Path) -> None:
    """`sense: data/own.npz` names a data set by its path from the scenario's folder, as `data: data/own.npz:train`."""
    (tmp_path / "data").mkdir()
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    np.savez(
        tmp_path / "data" / "own.npz", train_images=images[:30], train_labels=labels[:30],
        test_images=images[30:], test_labels=labels[30:],
    )  # fmt: skip
    text = SCENARIO.replace("mnist.test", '"data/own.npz:test"')
    text = text.replace("supervise,", "supervise, data: 'data/own.npz:train',")
    look = text[text.index("  look:") : text.index("  school:")]
    text = text.replace(look, "  look: {kind: innate.gabor, sense: data/own.npz}\n")
    text = text[: text.index("  foresees")] + text[text.index("compare:") :]
    (tmp_path / "shown.yaml").write_text(text)
    assert "ok" in said("check", "scenario", tmp_path / "shown.yaml")


def test_demonstrations_of_minaris_are_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same episodes, written by Minari and by us, are the same to a learner."""
    minari = pytest.importorskip("minari", reason="the extra `minari` is not installed")
    pytest.importorskip("h5py", reason="the extra `minari` is not installed")
    from minari.data_collector import EpisodeBuffer

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    own = record(EnvSpec("CartPole-v1"), "random", 3, 0)
    rows, steps = np.cumsum(own.lengths + 1)[:-1], np.cumsum(own.lengths)[:-1]
    parts = zip(
        np.split(own.observations[""], rows),
        *(np.split(each, steps) for each in (own.actions[""], own.rewards, own.terminations, own.truncations)),
        strict=True,
    )
    names = ("observations", "actions", "rewards", "terminations", "truncations")
    buffers = [EpisodeBuffer(id=k, **dict(zip(names, each, strict=True))) for k, each in enumerate(parts)]
    minari.create_dataset_from_buffers("cartpole/test-v0", buffers, env="CartPole-v1", algorithm_name="dice")
    told = episodes("minari:cartpole/test-v0")
    assert told.about["env"] == "CartPole-v1" and told.about["policy"] == "dice"
    ours = demonstrations(str(own.write(tmp_path / "own.npz")), EnvSpec("CartPole-v1"), torch.device("cpu"))
    found = demonstrations("minari:cartpole/test-v0", EnvSpec("CartPole-v1"), torch.device("cpu"))
    for field in fields(found):
        assert torch.equal(getattr(found, field.name), getattr(ours, field.name)), field.name
    (name, before), *_ = digest_of("minari:cartpole/test-v0").items()
    assert name == "minari:cartpole/test-v0" and len(before) == 64
    assert "by dice; returns" in said("check", "data", name)
    shutil.rmtree(tmp_path / "minari")
    with pytest.raises(BadData, match="`minari download cartpole/test-v0` fetches it"):
        episodes(name)
