"""Sleep goes through what was kept, and nothing else; it brings back what was forgotten, and noise does not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import devlearn
from devlearn.evidence.analysis.values import Measure, values
from devlearn.records.reader import load
from devlearn.runs.engine import checkpoint, live
from devlearn.runs.plan import plan
from devlearn.scenario import ScenarioError, parse
from devlearn.stages.consolidate.sleep import Sleep, without_structure
from devlearn.stages.protections.memory import FILLED, IMAGES, LABELS
from tests.laws.rows import cohort_for, given_context
from tests.runs.engine.jobs import changed_checkpoint, digest, killed_after, write_job

TEXT = """\
devlearn: 1
scenario: naps
seeds: 8
brain: {kind: mlp, width: [64]}
stages:
  first: {kind: supervise, data: digits.train, classes: [0, 1, 2], updates: 150, batch: 32, protect: KEEP}
  second: {kind: supervise, data: digits.train, classes: [3, 4, 5], updates: 150, batch: 32, protect: KEEP}
  sleep: {kind: consolidate.sleep, sense: digits, updates: 60, batch: 32}
probes:
  skill: {kind: accuracy, data: digits.valid, classes: [0, 1, 2]}
arms:
  awake: [first, second]
  asleep: [first, second, sleep]
  noise: [first, second, {use: sleep, set: {sham: noise}}]
""".replace("KEEP", "{kind: replay, size: 60, weight: 0}")

SKILL = Measure(("skill", "accuracy"), "higher", None, "share")


def recalled(stage: Sleep) -> tuple[dict[str, torch.Tensor], dict[str, Any], Any]:
    """One minibatch, what was kept, and the learners that sleep."""
    cohort = cohort_for("sleep", (0, 1, 2))
    context = given_context(stage, cohort)
    batch = next(stage.recalled(cohort, stage.begin(cohort, context), context))
    return batch, dict(context.kept["replay"]), cohort


def test_what_was_kept_is_gone_through_with_its_labels() -> None:
    batch, kept, _ = recalled(Sleep(updates=3, batch=40))
    for row in range(3):
        held = int(kept[FILLED][row])
        known = {kept[IMAGES][row, s].numpy().tobytes(): int(kept[LABELS][row, s]) for s in range(held)}
        found = [image.numpy().tobytes() for image in batch["old_images"][row]]
        assert [known[image] for image in found] == batch["old_labels"][row].tolist()
        assert len(set(found)) > 5


@pytest.mark.parametrize("keys", [{"answers": "own"}, {"sham": "noise"}])
def test_its_own_answers_are_those_of_the_start(keys: dict[str, Any]) -> None:
    batch, kept, cohort = recalled(Sleep(updates=3, batch=40, **keys))
    for row in range(3):
        logits = cohort.member(row)(batch["old_images"][row], "image_28x28", "digits")
        assert torch.equal(logits.argmax(-1), batch["old_labels"][row])
        known = {image.numpy().tobytes() for image in kept[IMAGES][row]}
        mine = {image.numpy().tobytes() for image in batch["old_images"][row]}
        assert mine <= known if "answers" in keys else not mine & known


def test_noise_has_every_pixel_s_values_and_no_structure() -> None:
    stage = Sleep(updates=3, sham="noise")
    cohort = cohort_for("sleep", (0, 1))
    context = given_context(stage, cohort)
    kept = dict(context.kept["replay"])
    noise = without_structure(kept, context.streams("noise"))
    for row in range(2):
        held = int(kept[FILLED][row])
        own, other = (np.sort(images[row, :held].flatten(1).numpy(), 0) for images in (kept[IMAGES], noise))
        assert np.array_equal(own, other)
        assert not torch.equal(kept[IMAGES][row, :held], noise[row, :held])
        assert torch.equal(kept[IMAGES][row, held:], noise[row, held:])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "asleep: [first, second, sleep]",
            "asleep: [sleep]",
            "needs a stage before it with protect: {kind: replay, ..}",
        ),
        ("sense: digits, ", "", "the images that were kept are of digits; write sense: digits"),
        ("sense: digits,", "sense: digits, read_outs: [other],", "images of the read-out 'digits"),
    ],
)
def test_a_sleep_that_can_t_be_is_refused_with_the_mend(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in TEXT
    with pytest.raises(ScenarioError) as error:
        plan(parse(TEXT.replace(old, new), "f.yaml"))
    assert said in str(error.value)


def test_sleep_brings_back_what_was_forgotten_and_noise_does_not(tmp_path: Path) -> None:
    (tmp_path / "naps.yaml").write_text(TEXT)
    devlearn.run(tmp_path / "naps.yaml", out=tmp_path / "run", report=False)
    arms = load(tmp_path / "run").points[0].arms
    skill = {name: np.array(list(values(arm, SKILL, "end").values())) for name, arm in arms.items()}
    assert (skill["awake"] < 0.2).all()
    assert (skill["asleep"] > 0.5).all()
    for other in ("awake", "noise"):
        assert (skill["asleep"] - skill[other] > 0.2).all()  # of 8 seeds all: p = 2 / 2^8


@pytest.mark.parametrize("keys", [{"answers": "own"}, {"sham": "noise"}])
def test_a_sleep_goes_on_after_a_kill_as_if_there_had_been_none(keys: dict[str, Any], tmp_path: Path) -> None:
    school = {"kind": "supervise", "data": "mnist.train", "labels": 20, "batch": 4, "updates": 5}
    stages = {
        "school": {**school, "protect": {"kind": "replay", "size": 9}},
        "sleep": {"kind": "consolidate.sleep", "updates": 9, "batch": 4, **keys},
    }
    whole, cut = (write_job(tmp_path / name, "branch", stages, {}, seeds=(0, 1)) for name in ("whole", "cut"))
    live(whole)
    killed_after(cut, 6, segment=2)  # in the middle of the sleep
    with changed_checkpoint(cut) as content:
        assert content["position"] == 1
        assert content["state"] is not None
    live(cut)
    assert digest(cut) == digest(whole)
    ends = [checkpoint.load_artifact(folder / "artifacts" / "end.pt") for folder in (whole, cut)]
    assert all(torch.equal(tensor, ends[1]["brain"][name]) for name, tensor in ends[0]["brain"].items())
