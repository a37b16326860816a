"""What a run folder and a scenario refuse because it would bend an answer that has been seen, or leak held-out data."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from tests.commands import call

SCENARIO = """
devlearn: 1
scenario: asked
seeds: 3
brain: {kind: mlp, width: [8]}
stages:
  first: {kind: supervise, labels: 20, updates: 4, until: {probe: held-out, at_least: 0.9}}
  school: {kind: supervise, labels: 20, updates: 4}
arms:
  short: [school]
  long: [first, school]
probes:
  held-out: {kind: accuracy, data: mnist.valid, every: 2, quick: 50}
compare: {probe: held-out, smallest_effect: 0.05, pairs: [[long, short]]}
"""


def asked(tmp_path: Path, *options: str, text: str = SCENARIO) -> Result:
    (tmp_path / "asked.yaml").write_text(text)
    return call("run", tmp_path / "asked.yaml", "--out", tmp_path / "run", *options)


def test_a_question_is_not_changed_after_its_answer(tmp_path: Path) -> None:
    assert asked(tmp_path, "--no-report").exit_code == 0
    changed = asked(tmp_path, "--set", "compare.smallest_effect=0.5")
    assert changed.exit_code == 2
    assert "compare.smallest_effect was 0.05 and is 0.5" in changed.output
    fewer = asked(tmp_path, "--seeds", "2")
    assert fewer.exit_code == 2
    assert "seeds that this run leaves out: 2" in fewer.output
    more = asked(tmp_path, "--seeds", "4", "--no-report")
    assert more.exit_code == 0
    found = json.loads((tmp_path / "run" / "comparison.json").read_text())
    assert any("seeds were added after a verdict on 3 seeds" in warning for warning in found["warnings"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("labels: 20, updates: 4}\narms", "data: mnist.valid, labels: 20, updates: 4}\narms", "is not held out here"),
        ("labels: 20, updates: 4}\narms", "data: mnist.train+valid, updates: 4}\narms", "is not held out here"),
        ("updates: 4}\narms", "updates: 4, optimiser: continue}\narms", "'school' can't continue an optimiser"),
    ],
)
def test_leaks_and_couplings_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SCENARIO
    refused = asked(tmp_path, text=SCENARIO.replace(old, new))
    assert refused.exit_code == 2
    assert says in refused.output


SECOND = """
devlearn: 1
scenario: again
seeds: 6
brain: {kind: mlp, width: [8]}
stages:
  school: {kind: supervise, data: mnist.rest, labels: 20, updates: 4}
arms:
  short: [school]
  long: [{use: school, set: {updates: 8}}]
probes:
  digits: {kind: accuracy, data: mnist.second}
compare: {probe: digits, smallest_effect: 0.05, pairs: [[long, short]]}
"""


def test_the_second_test_set_is_answered_image_by_image(tmp_path: Path) -> None:
    said = asked(tmp_path, "--no-report", text=SECOND)
    assert said.exit_code == 0, said.output
    run = tmp_path / "run"
    (pair,) = json.loads((run / "comparison.json").read_text())["comparisons"]
    assert pair["interval_new_images"] is not None
    counts = {int(np.load(path)["count"]) for path in run.glob("jobs/*/*/records/*school*/arrays/digits.npz")}
    assert counts == {5_000}


def test_who_trains_on_images_of_the_second_test_set_has_no_answer_there(tmp_path: Path) -> None:
    refused = asked(tmp_path, text=SECOND.replace("mnist.rest", "mnist.train"))
    assert refused.exit_code == 2
    assert "asked.yaml:12:34: mnist.second is not held out here: stage 'school' trains on mnist.train" in refused.output
    assert "train on mnist.rest" in refused.output
