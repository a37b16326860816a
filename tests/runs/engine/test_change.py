"""``change`` in the engine: one life without a restart, counted as it is lived, and resumed through a boundary."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from devlearn.learners.cohort import Cohort
from devlearn.runs.engine import checkpoint, live
from devlearn.stages.context import Context
from devlearn.stages.supervise.cross_entropy import Supervise
from devlearn.tasks.data.blur import blurred
from tests.runs.engine.jobs import digest, killed_after, rows, write_job

SCHOOL = {"kind": "supervise", "labels": 50, "batch": 10, "updates": 12, "schedule": "cosine"}
SHORT = [{"from": 5, "until": 8, "set": {"batch": 4, "lr": 3e-3}}]
PLAY = {"kind": "trial.ppo", "env": "Acrobot-v1", "env_steps": 200, "num_envs": 2, "rollout": 20}


def brain(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = checkpoint.load(folder / "artifacts" / "end.pt")["brain"]
    return found


def test_a_change_to_the_same_value_leaves_records_and_weights_bit_equal(tmp_path: Path) -> None:
    same = [{"from": 3, "until": 7, "set": {"lr": 1e-3}}, {"from": 9, "set": {"batch": 10}}]
    plain, changed = (
        write_job(tmp_path / str(n), "branch", {"school": {**SCHOOL, "change": c}}) for n, c in enumerate(([], same))
    )
    live(plain)
    live(changed)
    assert digest(plain) == digest(changed)
    a, b = brain(plain), brain(changed)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_change_is_counted_as_it_is_lived_and_leaves_the_optimiser_alone(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"school": {**SCHOOL, "change": SHORT}}, {"digits": {"kind": "accuracy"}})
    live(folder)
    last = rows(folder, "00-school.0/train.csv")[-1]
    assert int(last["images"]) == 9 * 10 + 3 * 4
    layers = (784 * 16, 16 * 12, 12 * 10)
    assert int(last["flops"]) == 2 * (9 * 10 + 3 * 4) * (3 * sum(layers) - layers[0])
    assert (int(last["updates"]), int(last["labels"])) == (12, 50)
    assert set(checkpoint.load(folder / "artifacts" / "end.pt")["inherited"]["steps"].values()) == {12}


@pytest.mark.parametrize(("budget", "updates"), [({"images": 71}, 9), ({"images": 62}, 8), ({"images": 63}, 9)])
def test_a_budget_ends_at_the_first_yield_that_reaches_it(tmp_path: Path, budget: Any, updates: int) -> None:
    """Five yields of ten images, three of four, then ten again."""
    school = {key: value for key, value in SCHOOL.items() if key != "updates"}
    folder = write_job(tmp_path, "branch", {"school": {**school, **budget, "change": SHORT}})
    live(folder)
    assert {row["update"] for row in rows(folder, "00-school.0/events.csv") if row["event"] == "budget"} == {
        str(updates)
    }


def test_a_total_counts_the_windows_that_learners_live(tmp_path: Path) -> None:
    folder = write_job(tmp_path, "branch", {"school": {**SCHOOL, "change": SHORT, "total": ["images", 65]}})
    live(folder)
    assert {row["images"] for row in rows(folder, "00-school.0/train.csv") if row["update"] == "9"} == {"72"}


def test_a_blur_that_lifts_is_a_blurred_life_and_then_a_sharp_one(tmp_path: Path) -> None:
    lives = {
        "sharp": {},
        "blurred": {"blur": 3.0},
        "lifts": {"change": [{"until": 6, "from": 0, "set": {"blur": 3.0}}]},
    }
    losses = {}
    for name, keys in lives.items():
        folder = write_job(tmp_path / name, "branch", {"school": {**SCHOOL, **keys}})
        live(folder)
        every = [row for row in rows(folder, "00-school.0/train.csv") if row["seed"] == "0"]
        losses[name] = {int(row["update"]): row["loss"] for row in every}
    assert sorted(losses["lifts"]) == [0, 4, 8, 10, 12]
    assert losses["lifts"][4] == losses["blurred"][4] != losses["sharp"][4]
    assert losses["lifts"][8] not in (losses["blurred"][8], losses["sharp"][8])


def test_blurred_lessons_show_the_same_images_out_of_focus() -> None:
    context = Context((0, 1), "school", 0, torch.device("cpu"), 1)
    cohort = Cohort(lambda: torch.nn.Linear(1, 1), (0, 1))
    sharp, soft = (
        next(Supervise(updates=1, labels=20, batch=5, blur=sd).minibatches(cohort, {"done": 0}, context))
        for sd in (0.0, 2.0)
    )
    assert torch.equal(sharp["labels"], soft["labels"])
    assert torch.equal(blurred(sharp["images"].flatten(0, 1), 2.0).view_as(soft["images"]), soft["images"])


@pytest.mark.parametrize("segment", [1, 2, 5])
@pytest.mark.parametrize("checkpoints", [1, 2])
def test_a_life_that_was_cut_near_a_boundary_is_the_same_life(tmp_path: Path, segment: int, checkpoints: int) -> None:
    stages = {
        "school": {**SCHOOL, "change": SHORT},
        "play": {**PLAY, "change": [{"from": 16, "until": 33, "set": {"rollout": 10, "entropy": 0.0}}]},
    }
    whole, cut = (write_job(tmp_path / name, "branch", stages) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, checkpoints, segment)
    live(cut, segment=segment)
    assert digest(cut) == digest(whole)
    assert all(torch.equal(brain(whole)[name], value) for name, value in brain(cut).items())
    steps = [int(row["env_steps"]) for row in rows(whole, "01-play.0/train.csv") if row["seed"] == "0"]
    assert steps[-1] == 200
    assert [b - a for a, b in pairwise(steps)] == [40, 20, 20, 40, 40, 40]
