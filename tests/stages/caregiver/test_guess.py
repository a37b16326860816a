"""A caregiver's answers as they are lived: late, wrong, more and more; what they cost; what is refused."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devlearn.learners.brains import brain_builder
from devlearn.learners.cohort import Cohort
from devlearn.registry import get
from devlearn.stages.caregiver.guess import Guess
from devlearn.testing import assert_ok, check_stage
from tests.commands import call, said
from tests.laws.rows import BRAIN, context_for, live, measure

SMALL: dict[str, Any] = {"updates": 100, "labels": 20, "batch": 8}


def learners(stage: Guess, n: int = 2) -> Cohort:
    return Cohort(brain_builder(BRAIN, stage.needs()), tuple(range(n)), dtype=torch.float64)


def test_late_answers_are_about_the_guesses_of_then() -> None:
    """Nothing moves before the first answer; what it teaches is what the first guesses were told, without delay."""
    prompt, late = (Guess(**SMALL, says="label", optimiser="sgd", delay=delay) for delay in (0, 3))
    found = learners(late)
    born = found.flat.clone()
    state, _ = live(late, found, 3)
    assert torch.equal(found.flat, born) and not state["told"]["feedback_events"].any()
    segment = late.segment(found, state, context_for((0, 1)))
    next(segment)
    at_once = learners(prompt)
    live(prompt, at_once, 1)
    torch.testing.assert_close(found.flat, at_once.flat)
    assert (state["told"]["feedback_events"] == 8).all() and not torch.equal(found.flat, born)


@pytest.mark.parametrize("keys", [{"says": "judgement", "delay": 2}, {"says": "explanation", "sham": "silent"}])
def test_it_keeps_the_laws(keys: dict[str, Any]) -> None:
    assert_ok(check_stage("caregiver.guess", {**SMALL, **keys}))


@pytest.mark.parametrize(
    ("keys", "events", "bits"),
    [
        ({"says": "none"}, 0, 0.0),
        ({"says": "judgement"}, 8, 8 * 0.46899559),
        ({"says": "label", "samples": 3}, 24, 24 * np.log2(10)),
        ({"says": "hint", "answers": 5}, 8, 8.0),
        ({"says": "hint", "answers": 5, "sham": "silent"}, 0, 0.0),
        ({"says": "explanation"}, 8, 8 * (0.46899559 + np.log2(3) + 2)),
        ({"says": "explanation", "words": ("even", "odd")}, 8, 8 * (0.46899559 + 1)),
        ({"says": "explanation", "sham": "silent"}, 8, 8 * 0.46899559),
    ],
)
def test_what_is_told_is_what_is_declared(keys: dict[str, Any], events: int, bits: float) -> None:
    stage = Guess(**SMALL, **keys)
    found = learners(stage)
    state, _ = live(stage, found, 2)
    declared = stage.cost(found.member(0).to("meta"))
    assert (declared.feedback_events, declared.feedback_bits) == (events, pytest.approx(bits))
    told = stage.told(state)
    assert told["feedback_events"].tolist() == [events] * 2
    assert told["feedback_bits"].tolist() == pytest.approx([bits] * 2)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"says": "distance", "rule": "reinforce"}, "'distance' says where the answer lies: use rule: likelihood"),
        ({"says": "hint", "rule": "coach"}, "'hint' says which answers are left: use rule: likelihood"),
        ({"says": "label", "rule": "tamer"}, "'label' tells the answer: use rule: likelihood"),
        ({"says": ["judgement", "label"], "opens": 0.5, "rule": "tamer"}, "'label' tells the answer"),
        ({"rule": "tamer", "samples": 2}, "use samples: 1"),
        ({"says": "hint", "answers": 10}, "a hint that leaves 10 of 10 classes says nothing"),
        ({"says": "judgement", "sham": "consistent"}, "sham is about words, and 'judgement' has none"),
        ({"says": "judgement", "words": ["loop"]}, "words are those of an explanation"),
        ({"says": "explanation", "words": ["lop"]}, "'lop' is no word of mnist; did you mean 'loop'?"),
        ({"says": "explanation", "words": ["loop", "loop"]}, "'loop' is named twice"),
        ({"delay": 100}, "an answer comes after 100 updates and the budget is 100: nothing would be learned"),
        ({"says": ["judgement", "label"]}, "opens belongs to a list of rungs"),
        ({"says": "label", "opens": 0.4}, "opens belongs to a list of rungs"),
        ({"says": ["judgement", "hint", "label"], "opens": 0.4}, "opens has 1 numbers for 2 rungs"),
        ({"says": ["judgement", "label"], "opens": 1.4}, "shares of words understood"),
    ],
)
def test_what_can_not_be_is_refused_with_the_reason(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError) as error:
        Guess(**SMALL, **keys)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("keys", "key", "why"),
    [
        ({"says": ["judgement", "hint", "label"], "opens": [0.4, 0.5], "noise": 0.4}, "", ""),
        ({"says": "explanation", "noise": 0.45}, "", ""),
        ({"says": "label", "noise": 0.89}, "", ""),
        ({"says": "judgement", "noise": 0.5}, "noise", "with noise 0.5 a caregiver's judgement tells nothing"),
        ({"says": "label", "noise": 1.0}, "noise", "with noise 1 a caregiver's label tells nothing"),
        ({"says": "hint", "noise": 0.8}, "noise", "with noise 0.8 a caregiver's hint tells nothing"),
        (
            {"says": ["label", "judgement"], "opens": 0.4},
            "says",
            "judgement (0.47 bits a guess) comes after label (3.32 bits a guess) and tells no more; put",
        ),
        ({"says": ["hint", "hint"], "opens": 0.4}, "says", "hint (1.74 bits a guess) comes after hint"),
    ],
)
def test_what_can_teach_nothing_is_doubted_with_the_mend(keys: dict[str, Any], key: str, why: str) -> None:
    doubts = list(Guess(**SMALL, **keys).doubts())
    assert [(place, why in text) for place, text in doubts] == ([(key, True)] if key else [])


def test_doubts_are_told_at_their_place(tmp_path: Path) -> None:
    file = tmp_path / "told.yaml"
    file.write_text(SCENARIO.replace("says: [judgement, label]", "says: [label, judgement]"))
    output = said("run", file, "--dry-run")
    assert "told.yaml:8:75: a caregiver who grows says more and more, and judgement" in output, output


SCENARIO = """
devlearn: 1
scenario: told
seeds: 3
block: 3
brain: {kind: mlp, width: [12]}
stages:
  grow: {kind: caregiver.guess, updates: 30, labels: 50, batch: 10, says: [judgement, label], opens: 0.05}
  school: {kind: supervise, labels: 50, batch: 10, updates: 10}
arms:
  told: [grow, school]
  taught: [school]
probes:
  digits: {kind: accuracy, data: mnist.valid, quick: 100, every: 5}
  one: {kind: feedback, data: mnist.valid, says: label}
compare: {probe: digits, smallest_effect: 0.05, levels: [0.01], pairs: [[told, taught]]}
"""


def rows(folder: Path, stage: str, table: str) -> list[dict[str, str]]:
    (path,) = folder.glob(f"jobs/{stage}*/*/records/*-{stage.partition('+')[0]}.0/{table}.csv")
    return list(csv.DictReader(path.read_text().splitlines()))


def test_rungs_open_as_words_are_understood_and_are_paid_for(tmp_path: Path) -> None:
    (tmp_path / "told.yaml").write_text(SCENARIO)
    said("run", tmp_path / "told.yaml", "--out", tmp_path / "run")
    train, events = (rows(tmp_path / "run", "grow", table) for table in ("train", "events"))
    for seed in range(3):
        own = [row for row in train if int(row["seed"]) == seed]
        opened = [row for row in events if int(row["seed"]) == seed and row["event"] == "rung"]
        assert len(opened) == 1 and opened[0]["detail"].startswith("label, as 0.05")
        at = int(opened[0]["update"])
        assert 3 < at < 30, "comprehension begins at nothing and is near a half by chance"
        last = own[-1]
        assert int(last["feedback_events"]) == 30 * 10 and last["rung"] == "1"
        bits = 10 * (0.46899559 * (at - 1) + np.log2(10) * (30 - at + 1))
        assert float(last["feedback_bits"]) == pytest.approx(bits)
    (school,) = (tmp_path / "run").glob("jobs/*/*/records/01-school.0/train.csv")
    (taught,) = (tmp_path / "run").glob("jobs/school*/*/records/00-school.0/train.csv")
    assert "feedback_bits" in school.read_text() and "feedback_bits" not in taught.read_text()
    found = json.loads((tmp_path / "run" / "comparison.json").read_text())
    arms, (pair,) = found["arms"], found["comparisons"]
    assert arms["told"]["ledger"]["feedback_events"] == 300 and "feedback_events" not in arms["taught"]["ledger"]
    assert arms["told"]["total"]["feedback_events"] == 900
    assert pair["gain_per"]["feedback_events"] == pytest.approx(pair["difference"] / 300)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Not drawn, as no caregiver told them anything: taught." in page
    assert "over-feedback_bits" in page and "Feedback bits" in page
    text = said("export", tmp_path / "run", "--to", "csv", "--out", tmp_path / "tables")
    assert "ledger" in text and "feedback_bits" in (tmp_path / "tables" / "ledger.csv").read_text()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("says: judgement, rule: reinforce, words: [loop]", "words are those of an explanation"),
        ("says: explanation, words: [lop]", "'lop' is no word of mnist; did you mean 'loop'?"),
        ("says: label, env: CartPole-v1", "unknown key 'env'"),
        ("says: judgement, data: devlearn/DigitReach-v0", "unknown data 'devlearn/DigitReach-v0'"),
        (
            "says: label, data: tests.stages.caregiver.test_guess:Alike.train",
            "has 1 class, so there is nothing to guess",
        ),
    ],
)
def test_bad_input_is_answered_with_place_and_mend(tmp_path: Path, change: str, why: str) -> None:
    file = tmp_path / "told.yaml"
    file.write_text(SCENARIO.replace("labels: 50, batch: 10, says: [judgement, label], opens: 0.05", change))
    result = call("run", file, "--out", tmp_path / "run")
    assert result.exit_code == 2 and why in result.output and "told.yaml:8:" in result.output, result.output


class Alike(get("data", "digits")):  # type: ignore[misc]
    """Images of which there is only one kind."""

    kind = "tests.stages.caregiver.test_guess:Alike"
    head = ""
    counts = {"train": (1447,), "test": (350,)}  # noqa: RUF012


def accuracy(stage: Guess, updates: int) -> torch.Tensor:
    found = Cohort(brain_builder({"kind": "mlp", "width": [32]}, stage.needs()), tuple(range(8)))
    live(stage, found, updates)
    return measure(get("probes", "accuracy")(data="digits.test"), found, full=True).values["accuracy"]


@pytest.mark.parametrize(
    ("keys", "least"),
    [
        ({"says": "label"}, 0.8),
        ({"says": "hint", "answers": 3}, 0.7),
        ({"says": "distance"}, 0.5),
        ({"says": "judgement"}, 0.4),
        ({"says": "judgement", "rule": "reinforce"}, 0.25),
        ({"says": "judgement", "rule": "coach"}, 0.2),
        ({"says": "judgement", "rule": "tamer"}, 0.4),
        ({"says": "judgement", "noise": 0.2, "delay": 5}, 0.2),
    ],
    ids=str,
)
def test_every_rung_and_rule_is_learned_from(keys: dict[str, Any], least: float) -> None:
    """All eight learners, on digits that they never saw; chance is 10 %."""
    found = accuracy(Guess(data="digits.train", updates=150, batch=64, lr=5e-3, **keys), 150)
    assert (found > least).all(), found


def test_names_that_mean_nothing_teach_nothing_and_other_names_something_else() -> None:
    for sham in ("inconsistent", "consistent", "silent"):
        found = accuracy(Guess(data="digits.train", updates=150, batch=64, lr=5e-3, says="label", sham=sham), 150)
        assert float(found.mean()) < 0.35, (sham, found)
