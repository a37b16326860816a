"""The matrix of skills over a life, from records, and comparisons by a metric of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devlearn.evidence import compare, document, evaluate
from devlearn.evidence.analysis.matrix_metrics import OF_MATRIX, matrix_measure
from devlearn.evidence.analysis.skill_matrix import skill_matrix, skills
from devlearn.evidence.analysis.values import values
from devlearn.records.declared import METRICS
from devlearn.records.reader import EvidenceError, RunRecords, load
from tests.evidence.lives import Lives, question, write_lives
from tests.evidence.statistics.test_continual import BIRTH, BY_HAND, EXPERT, R

SEEDS = 12
STAGES = ["a", "b", "c"]
ALONE = {"experts": {task: f"only-{task}" for task in "abc"}}


def lives(shift: float = 0.0, seeds: int = SEEDS) -> Lives:
    """(n, 4, 3) the matrix of the golden values; what is left of the first task is ``shift`` more at the end."""
    luck = np.random.default_rng(5).normal(0, 0.01, (seeds, 1, 1))
    found = np.array(R) + luck * np.array([0, 1, 1, 1]).reshape(1, 4, 1)
    found[:, 3, 0] += shift + np.random.default_rng(6).normal(0, 0.005, seeds)
    return found


def experts() -> dict[str, tuple[list[str], Lives]]:
    """An arm for each task that lives its stage alone: from birth to EXPERT, of every task."""
    each = np.tile(np.array([BIRTH, EXPERT]), (SEEDS, 1, 1))
    return {f"only-{task}": ([task], each) for task in "abc"}


def run(folder: Path, asked: dict[str, Any] | None, **more: Any) -> RunRecords:
    arms = {"plain": (STAGES, lives()), "kept": (STAGES, lives(0.3)), **experts()}
    return load(write_lives(folder, arms, "abc", compare=asked, **more))


def test_the_matrix_holds_birth_and_every_stage_s_end(tmp_path: Path) -> None:
    found = run(tmp_path, question())
    matrix = skill_matrix(found.points[0].arms["plain"], skills(found.resolved))
    assert matrix.rows == ("birth", "a", "b", "c") and matrix.tasks == ("a", "b", "c")
    assert matrix.learned.tolist() == [1, 2, 3] and matrix.seeds == tuple(range(SEEDS))
    np.testing.assert_allclose(matrix.values, lives())


@pytest.mark.parametrize("metric", OF_MATRIX)
def test_a_metric_of_records_is_that_of_the_arrays(tmp_path: Path, metric: str) -> None:
    same = np.tile(np.array(R), (2, 1, 1))
    found = load(write_lives(tmp_path, {"plain": (STAGES, same)}, "abc", compare=question(metric)))
    what = matrix_measure(found.resolved, metric)
    assert what.better == METRICS[metric].better
    assert values(found.points[0].arms["plain"], what, "end") == pytest.approx(dict.fromkeys((0, 1), BY_HAND[metric]))


def test_arms_are_compared_by_forgetting(tmp_path: Path) -> None:
    found = run(tmp_path, question(pairs=[["kept", "plain"]]))
    (answer,) = compare([found]).points
    (pair,) = answer.comparisons
    assert (answer.probe, answer.metric, answer.better) == ("matrix", "forgetting", "lower")
    assert pair.verdict == "better" and pair.difference == pytest.approx(-0.15, abs=0.01)  # 0.3 of two tasks
    assert pair.interval[1] is not None and pair.interval[1] < 0
    told = document(evaluate(found).comparisons)
    assert told["arms"]["only-a"]["mean"] is None and told["comparisons"][0]["verdict"] == "better"


def test_an_older_run_has_the_matrix_of_its_stages_own_probes(tmp_path: Path) -> None:
    found = run(tmp_path, {"probe": "of-c", "pairs": [["kept", "plain"]], "smallest_effect": 0.01})
    (answer,) = compare([found], "matrix.forgetting").points
    assert answer.comparisons[0].verdict == "exploratory" and answer.comparisons[0].suggests == "better"
    assert list(skills(found.resolved).measures) == STAGES
    with pytest.raises(EvidenceError, match="no metric 'forgetin'; it has: average, "):
        compare([found], "matrix.forgetin")
    with pytest.raises(EvidenceError, match="whole life and has no value at 'birth'"):
        compare([found], "matrix.forgetting", "birth")


def test_a_learner_that_diverged_does_not_count_as_one_that_forgot_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, question(pairs=[["kept", "plain"]], worst=0.9), diverged={"kept": {3: 0}})
    (answer,) = compare([found]).points
    assert answer.arms["kept"].values[3] == 0.9 and answer.arms["kept"].diverged_seeds == (3,)
    without = run(tmp_path / "no", question(pairs=[["kept", "plain"]], worst=None), diverged={"kept": {3: 0}})
    assert compare([without]).points[0].comparisons[0].verdict == "incomplete"


def test_normalised_scores_and_metrics_against_the_experts(tmp_path: Path) -> None:
    found = run(tmp_path, question("intransigence", matrix=ALONE))
    plain = found.points[0].arms["plain"]
    raw = values(plain, matrix_measure(found.resolved, "intransigence"), "end")
    own = np.array([lives()[:, row + 1, row] for row in range(3)]).T  # (n, 3) at the end of its own stage
    assert list(raw.values()) == pytest.approx((np.array(EXPERT) - own).mean(1).tolist())
    scored = run(tmp_path / "scored", question("average", matrix={**ALONE, "scores": "normalised"}))
    what = matrix_measure(scored.resolved, "average")
    ends = (lives()[:, 3] - BIRTH) / (np.array(EXPERT) - BIRTH)
    assert what.unit == "number"
    assert list(values(scored.points[0].arms["plain"], what, "end").values()) == pytest.approx(ends.mean(1).tolist())


def test_curves_against_the_expert_s(tmp_path: Path) -> None:
    """One task: the learner is at 0.5 after 10 of 20 updates, its expert at 0.9, and both end at 0.9."""
    born = np.tile(np.array([[0.1], [0.9]]), (2, 1, 1))
    way = {"plain": {10: [0.5, 0.5]}, "only-a": {10: [0.9, 0.9]}}
    asked = question("sample_efficiency", "a", matrix={"experts": {"a": "only-a"}})
    arms = {"plain": (["a"], born), "only-a": (["a"], born)}
    found = load(write_lives(tmp_path, arms, "a", compare=asked, on_the_way=way))
    plain = found.points[0].arms["plain"]
    height = {"plain": (0.3 + 0.7) / 2, "expert": (0.5 + 0.9) / 2}
    relative = values(plain, matrix_measure(found.resolved, "relative_performance"), "end")
    assert relative[0] == pytest.approx(height["plain"] / height["expert"])
    assert values(plain, matrix_measure(found.resolved, "sample_efficiency"), "end")[1] == pytest.approx(10 / 20)
    ends = load(write_lives(tmp_path / "ends", arms, "a", compare=asked))
    with pytest.raises(EvidenceError, match=r"arm 'plain' was not measured on the way in 'a'; give probe"):
        compare([ends])


def test_what_a_run_lacks_is_said_with_the_mend(tmp_path: Path) -> None:
    gap = run(tmp_path / "gap", question(pairs=[["kept", "plain"]]), lacking=[("plain", 2, "a")])
    with pytest.raises(EvidenceError, match=r"of-a\.score of arm 'plain', seed 0, is not on record at 'b'"):
        compare([gap])
    nobody = run(tmp_path / "nobody", question("intransigence"))
    with pytest.raises(EvidenceError, match="takes an expert of each skill; a, b, c has none; name arms"):
        compare([nobody])
    mixed = run(tmp_path / "mixed", question(), metrics={"b": {"unit": "return"}})
    with pytest.raises(EvidenceError, match=r"have no mean, as they are counted differently.*scores: normalised"):
        compare([mixed])
    shorter = run(tmp_path / "shorter", {"probe": "of-c", "pairs": [["kept", "only-a"]], "smallest_effect": 0.01})
    with pytest.raises(EvidenceError, match="arm 'only-a' never lives stage 'b', but a; name skills that it learns"):
        compare([shorter], "matrix.forgetting")


def test_a_second_visit_is_a_row_and_the_first_is_when_it_was_learned(tmp_path: Path) -> None:
    again = np.tile(np.array([*R, [0.85, 0.6, 0.9]]), (2, 1, 1))
    found = load(write_lives(tmp_path, {"plain": ([*STAGES, "a"], again)}, "abc", compare=question()))
    matrix = skill_matrix(found.points[0].arms["plain"], skills(found.resolved))
    assert matrix.rows == ("birth", "a", "b", "c", "a (visit 2)") and matrix.learned.tolist() == [1, 2, 3]
    forgot = values(found.points[0].arms["plain"], matrix_measure(found.resolved, "forgetting"), "end")
    assert forgot[0] == pytest.approx(((0.92 - 0.85) + (0.80 - 0.60) + (0.95 - 0.90)) / 3)


def test_analyses_say_what_each_life_kept_skill_by_skill(tmp_path: Path) -> None:
    """By hand, from R: task a is learned at .90, best at .92 and ends at .50; its expert's end is known."""
    found = run(tmp_path, question(matrix=ALONE, pairs=[["kept", "plain"]]))
    told = document(evaluate(found).analyses)["points"][0]["matrix"]
    assert list(told) == ["plain", "kept"] and told["plain"]["rows"] == ["birth", *STAGES]
    skill, own = told["plain"]["skills"]["a"], lives()[:, :, 0]
    assert skill["learned"] == 1 and skill["mean"] == pytest.approx(own.mean(0).tolist())
    assert skill["forgotten"]["mean"] == pytest.approx((own[:, 1:3].max(1) - own[:, 3]).mean())
    assert skill["beyond_expert"]["mean"] == pytest.approx((own[:, 1] - EXPERT[0]).mean())
    assert "forgotten" not in told["plain"]["skills"]["c"]  # nothing came after it
    assert told["plain"]["metrics"]["forgetting"]["mean"] == pytest.approx(
        np.mean(list(compare([found]).points[0].arms["plain"].values.values()))
    )
    assert "not measured on the way" in told["plain"]["metrics"]["sample_efficiency"]["why"]
    older = run(tmp_path / "older", {"probe": "of-c", "pairs": [["kept", "plain"]], "smallest_effect": 0.01})
    assert "matrix" not in document(evaluate(older).analyses)["points"][0]


def test_an_expert_that_learned_nothing_is_no_scale(tmp_path: Path) -> None:
    """Its skill would else be the better the less is known: the scores are unknown, and said to be."""
    worse = {"only-a": (["a"], np.tile(np.array([BIRTH, np.array(BIRTH) - 0.1]), (SEEDS, 1, 1)))}
    arms = {"plain": (STAGES, lives()), "kept": (STAGES, lives(0.3)), **experts(), **worse}
    asked = question("average", pairs=[["kept", "plain"]], matrix={**ALONE, "scores": "normalised"})
    found = load(write_lives(tmp_path, arms, "abc", compare=asked))
    (answer,) = compare([found]).points
    assert answer.comparisons[0].verdict == "incomplete"
    told = document(evaluate(found).analyses)["points"][0]["matrix"]["plain"]
    (why,) = told["left_out"]
    assert why.startswith("the skill of a in plain: its expert 'only-a' learned nothing that of-a.score shows")
    assert told["skills"]["a"]["forgotten"]["mean"] is None and told["skills"]["b"]["forgotten"]["mean"] is not None
