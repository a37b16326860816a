"""Every shipped scenario runs to a verdict at toy budgets; and what a verdict is where the answer is known."""

import json
from functools import cache
from pathlib import Path

import pytest

import devlearn
from devlearn.evidence import not_inherited, undecidable, unscored_matches
from devlearn.records.schema import Resolved
from devlearn.runs.forewarnings import forewarnings
from devlearn.runs.pipeline import load, plan
from devlearn.runs.plan import resolved, sketch
from devlearn.scenario import Scenario, library
from tests.recomputed import recomputed
from tests.toy_budgets import IDLE, TOY


def test_every_scenario_has_toy_budgets() -> None:
    assert set(TOY) == set(library())


@cache
def planned(name: str) -> tuple[Scenario, Resolved]:
    """A shipped scenario, and what its plan writes: for all that is asked of it."""
    order = load(name)
    return order.scenario, resolved(plan(order).own)


@pytest.mark.parametrize("name", sorted(library()))
def test_a_shipped_scenario_has_seeds_enough_for_its_pairs(name: str) -> None:
    assert undecidable(planned(name)[1]) == []


@pytest.mark.parametrize("name", sorted(library()))
def test_a_shipped_scenario_that_scores_an_area_says_what_of_a_match_it_misses(name: str) -> None:
    assert bool(unscored_matches(planned(name)[1])) == (name in ("innate/noise", "newborn_eyes"))


@pytest.mark.parametrize("name", sorted(library()))
def test_a_file_alone_is_warned_of_as_its_plan_is_but_for_what_has_to_be_counted(name: str) -> None:
    scenario, whole = planned(name)
    counted = {*unscored_matches(whole), *not_inherited(whole)}
    said = [warning for warning in forewarnings(whole) if warning.text not in counted]
    assert forewarnings(sketch(scenario), counted=False) == said


LONG = (
    "childhood",
    "newborn_eyes",
    "few_labels_priors",
    "few_labels_hundred",
    "innate/mask",
    "innate/mimetic_tuned",
    "innate/waves",
)  # what others have one by one
PAGES = (
    "first_steps",
    "cartpole",
    "critical_period",
    "few_labels",
    "scaling_width",
    "looking",
    "innate/genome",
    "old_age",
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in sorted(library())]
)
def test_a_shipped_scenario_runs_to_its_verdict(name: str, tmp_path: Path) -> None:
    """And to its report, where its kind of page is not that of another one."""
    run = devlearn.run(name, seeds=2, out=tmp_path / "run", set=TOY[name], progress=False, report=False)
    page = run.report().read_text() if name in (*PAGES, *LONG) else None
    run.compare()
    found = json.loads((tmp_path / "run" / "comparison.json").read_text())
    for body in found if isinstance(found, list) else [found]:
        assert body["arms"]
        for arm, entry in body["arms"].items():
            assert entry["seeds"] == 2
            idle = arm in IDLE  # which may have learned nothing
            assert entry["ledger"]["flops"] > 0 or idle
            assert page is None or arm in page
    if not isinstance(found, list):
        code, said = recomputed(tmp_path / "run")
        assert code == 0, said


KNOWN = """
devlearn: 1
scenario: known
seeds: 12
brain: {kind: mlp, width: [32]}
stages:
  school: {kind: supervise, labels: 100, updates: 60}
arms:
  hundred: [school]
  again: [school]
  thousand: [{use: school, set: {labels: 1000}}]
  other-draws: [{use: school, as: elsewhere}]
probes:
  digits: {kind: accuracy}
compare:
  probe: digits
  smallest_effect: 0.05
  pairs: [[thousand, hundred], [again, hundred], [other-draws, hundred]]
"""


def test_known_answers(tmp_path: Path) -> None:
    """More labels are better, an arm is identical to itself, and other draws of the same arm make no difference."""
    (tmp_path / "known.yaml").write_text(KNOWN)
    found = (
        devlearn.run(tmp_path / "known.yaml", out=tmp_path / "run", progress=False, report=False).compare().document()
    )
    verdicts = {entry["arm"]: entry["verdict"] for entry in found["comparisons"]}
    assert verdicts == {"thousand": "better", "again": "identical", "other-draws": "equivalent"}
    gain = found["comparisons"][0]
    assert gain["interval"][0] > 0.05
