"""``pin``: streams that are the same for all seeds, through the engine."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devlearn.records.atomic import write_json
from devlearn.runs.engine import checkpoint, live
from devlearn.stages.context import Context
from devlearn.streams import BIRTH, PINNED, generator
from tests.runs.engine.jobs import digest, rows, write_job

SCHOOL = {"kind": "supervise", "labels": 50, "batch": 10, "updates": 12}
PLAY = {"kind": "trial.ppo", "env": "CartPole-v1", "env_steps": 80, "num_envs": 2, "rollout": 20}
LIFE = {"play": PLAY, "shuffle": {"kind": "innate.shuffle"}, "school": SCHOOL}
STREAMS = [BIRTH, "labels", "order", "rollout", "episode"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoint.load(folder / "artifacts" / "end.pt")["brain"]
    return found


def lived(folder: Path, pin: list[str], seeds: tuple[int, ...] = (0, 1, 2), life: Any = LIFE) -> Path:
    made = write_job(folder, "branch", life, seeds=seeds, pin=pin)
    live(made)
    return made


def test_learners_whose_streams_are_all_pinned_are_identical(tmp_path: Path) -> None:
    """They are born bit-equal; later they agree up to how kernels round by a learner's place in the cohort."""
    folder = lived(tmp_path, STREAMS)
    for name, tensor in weights(folder).items():
        torch.testing.assert_close(tensor, tensor[:1].expand_as(tensor), rtol=1e-4, atol=1e-5, msg=name)
    assert len({row["value"] for row in rows(folder, "birth/probes.csv") if row["metric"] == "accuracy"}) == 1
    returns = [[row["return"] for row in rows(folder, "00-play.0/train.csv") if row["seed"] == s] for s in "012"]
    assert returns[0] == returns[1] == returns[2] != []


@pytest.mark.parametrize("left", STREAMS)
def test_every_stream_that_is_not_pinned_tells_learners_apart(tmp_path: Path, left: str) -> None:
    found = weights(lived(tmp_path, [name for name in STREAMS if name != left]))
    assert any(not torch.equal(tensor[0], tensor[1]) for tensor in found.values())


def test_a_pinned_stream_is_drawn_by_a_seed_that_no_learner_has(tmp_path: Path) -> None:
    """The learner of that seed is born and draws as the others do, whoever they are."""
    apart = [weights(lived(tmp_path / str(n), STREAMS, seeds)) for n, seeds in enumerate([(0, 1, 2), (7, 8, 9)])]
    assert all(torch.equal(apart[0][name], apart[1][name]) for name in apart[0])


def test_without_pin_nothing_is_different(tmp_path: Path) -> None:
    plain, none = (write_job(tmp_path / name, "branch", LIFE) for name in ("plain", "none"))
    live(plain)
    spec = json.loads((none / "job.json").read_text(encoding="utf-8"))
    assert spec.pop("pin") == []
    write_json(none / "job.json", spec)
    live(none)
    assert digest(plain) == digest(none)


def test_a_pinned_stream_is_one_for_all_and_the_others_stay_as_they_are() -> None:
    free = Context((3, 5), "school", 0, torch.device("cpu"), 1)
    pinned = Context((3, 5), "school", 0, torch.device("cpu"), 1, pin=frozenset({"labels"}))
    draws = pinned.streams("labels").random(4)
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], generator(PINNED, "school", 0, "labels").random(4, dtype=np.float32))
    np.testing.assert_array_equal(pinned.streams("order").random(4), free.streams("order").random(4))
