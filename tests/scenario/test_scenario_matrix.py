"""``compare.matrix`` and ``compare.metric``: what they mean, and every mistake in them with its place and mend."""

from pathlib import Path

import pytest
import yaml

from devlearn.records.schema import CompareEntry
from devlearn.runs.plan.to_records import compare_entry
from devlearn.scenario import parse
from tests.scenario.test_scenario_errors import mistaken

MISTAKES = yaml.safe_load((Path(__file__).parent / "matrix_mistakes.yaml").read_text(encoding="utf-8"))
TEXT = """\
devlearn: 1
scenario: fake
seeds: 4
brain: {kind: mlp, width: [8]}
stages:
  first: {kind: fake.school, updates: 10}
  second: {kind: fake.school, updates: 10, labels: 50}
arms:
  life: [first, second]
  other: [second, first]
  only-first: [first]
  only-second: [second]
probes:
  one: {kind: fake.accuracy, data: mnist.test, every: 5}
  two: {kind: fake.accuracy, data: mnist.valid}
  loss: {kind: fake.objective, stage: first}
compare:
  metric: forgetting
  worst: 1.0
  smallest_effect: 0.02
  pairs: [[life, other]]
  matrix:
    skills: {first: one, second: two.accuracy}
    experts: {first: only-first, second: only-second}
"""


def test_a_metric_is_compared_as_a_probe_is() -> None:
    found = parse(TEXT, "file.yaml")
    asked = found.compare
    assert asked is not None
    assert (asked.probe, asked.metric, asked.better, asked.at, asked.worst) == (
        "matrix", "forgetting", "lower", "end", 1.0,
    )  # fmt: skip
    entry = compare_entry(found)
    assert entry is not None and entry.matrix is not None
    assert entry.matrix.skills == {"first": "one", "second": "two.accuracy"} and entry.matrix.scores == "raw"
    assert CompareEntry.of(entry.content()) == entry


def test_a_question_without_a_matrix_is_the_question_that_it_was() -> None:
    plain = TEXT.partition("compare:")[0] + "compare: {probe: one}\n"
    entry = compare_entry(parse(plain, "file.yaml"))
    assert entry is not None and not {"matrix", "worst"} & entry.content().keys()


def test_a_matrix_may_stand_beside_a_compared_probe() -> None:
    text = TEXT.replace("  metric: forgetting\n  worst: 1.0\n", "  probe: one\n").replace("every: 5", "worst: 0")
    asked = parse(text, "file.yaml").compare
    assert asked is not None and asked.probe == "one" and asked.matrix is not None


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case["case"])
def test_every_mistake_has_its_place_and_mend(case, problems) -> None:
    text, place = mistaken(case, TEXT)
    found = problems(text)
    assert f"file.yaml:{place}: {case['says']}" in found
    assert len(found) == case.get("messages", 1)
