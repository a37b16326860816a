"""Areas, levels and bands run to what was declared: long plateaus and arms that diverged win nothing."""

import math
from pathlib import Path

import pytest

from devlearn.evidence import load
from devlearn.evidence.analysis.budgets import budget
from tests.evidence.answers import analyse, compare, only
from tests.evidence.fake_run import tiny_run
from tests.evidence.pairs import BASE


def held(run: Path, arm: str, at: int) -> Path:
    """All learners of ``arm`` are measured last at update ``at`` of the 20, where everybody was held."""
    for path in (run / f"jobs/{arm}/all/records/00-school.0").glob("*.csv"):
        path.write_text(path.read_text().replace(",20,", f",{at},"))
    return run


def test_an_arm_that_diverged_whole_counts_to_its_budget(tmp_path: Path) -> None:
    """a: .1 at 0, nothing measured between, worst (0) from its divergence at 5 to the budget, 20."""
    question = {"pairs": [["a", "b"]], "levels": [0.4]}
    gone = {"a": dict.fromkeys(range(8), 5)}
    run = held(tiny_run(tmp_path, {"a": [math.nan] * 8, "b": BASE}, diverged=gone, compare=question), "a", 5)
    assert only(compare([run], at="area"))["arms"]["a"]["mean"] == pytest.approx(0.1 * 5 / 2 / 20)
    assert only(compare([run], at=20))["arms"]["a"]["mean"] == 0
    point = analyse(load(run))["points"][0]
    level = point["levels"]["a"]["0.4"]
    assert (level["until"], level["reached"], level["units"]["updates"]["restricted_mean"]) == (20, 0, 20)
    assert level["units"]["flops"]["restricted_mean"] == pytest.approx(4e6)  # 1e6 in 5 updates
    assert level["units"]["labels"]["restricted_mean"] == 5
    assert point["bands"][0]["updates"][-1] == 20
    assert point["bands"][0]["difference"][-1] == pytest.approx(-sum(BASE) / 8)
    assert point["area"]["until"] == 20


def test_a_longer_plateau_does_not_win_an_area(tmp_path: Path) -> None:
    """Both rise alike to update 20; b's budget is 160, 8 times as long."""
    run = tiny_run(tmp_path, {"a": BASE, "b": BASE}, compare={"pairs": [["b", "a"]], "at": "area"})
    with (run / "jobs/b/all/records/00-school.0/probes.csv").open("a") as file:
        file.writelines(f"{s},school,0,160,end,score,points,{x}\n" for s, x in enumerate(BASE))
    body = only(compare([run]))
    assert body["comparisons"][0]["suggests"] == "identical"
    area = analyse(load(run))["points"][0]["area"]
    assert (area["until"], area["pairs"][0]["difference"]) == (20, 0)


def test_a_budget_in_another_unit_is_converted(tmp_path: Path) -> None:
    """4e6 FLOPs at 1e6 in 5 updates are 20 updates; a learner that spent it all is taken at its word."""
    run = held(tiny_run(tmp_path, {"a": BASE, "b": BASE}), "a", 5)
    text = (run / "resolved.json").read_text().replace('["updates", 20]', '["flops", 4000000]')
    (run / "resolved.json").write_text(text)
    arms = load(run).points[0].arms
    assert (budget(arms["a"]), budget(arms["b"])) == (20, 80)
