"""The section of the matrix of skills: heat maps, lines over the life, a table of all metrics; and its export."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from devlearn.evidence.analysis.matrix_cells import cells, metrics
from devlearn.evidence.analysis.skill_matrix import skills
from devlearn.records.reader import load
from devlearn.report.export import tables
from devlearn.report.figures import heat_map, over_life
from devlearn.report.style import INK, PAPER
from tests.evidence.lives import question, write_lives
from tests.evidence.statistics.test_continual import BIRTH, BY_HAND, EXPERT, R
from tests.report.pages import part

SEEDS = 6
ALONE = {"experts": {task: f"only-{task}" for task in "abc"}}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two arms of three tasks, whose learners differ by so much that the intervals are seen, and three experts."""
    luck = np.linspace(-0.05, 0.05, SEEDS).reshape(SEEDS, 1, 1)
    arms = {
        "plain": (["a", "b", "c"], np.array(R) + luck),
        "kept": (["a", "b", "c"], np.tile(np.array(R), (SEEDS, 1, 1))),
    }
    alone = np.tile(np.array([BIRTH, EXPERT]), (SEEDS, 1, 1))
    arms |= {f"only-{task}": ([task], alone) for task in "abc"}
    asked = question(matrix=ALONE, pairs=[["kept", "plain"]])
    return write_lives(tmp_path_factory.mktemp("lives"), arms, "abc", compare=asked)


def test_cells_are_means_over_learners_with_their_interval(asked: Path) -> None:
    run = load(asked)
    found, missing = cells(run.points[0].arms["plain"], skills(run.resolved))
    assert found is not None and not missing and found.n == SEEDS
    np.testing.assert_allclose(found.mean, R, atol=1e-9)
    half = 2.5706 * np.linspace(-0.05, 0.05, SEEDS).std(ddof=1) / SEEDS**0.5  # t of 5 degrees of freedom
    np.testing.assert_allclose(found.high - found.mean, half, rtol=1e-3)
    told = {one.metric: one for one in metrics(run.resolved, run.points[0].arms["kept"])}
    assert told["forgetting"].mean == pytest.approx(BY_HAND["forgetting"])
    assert told["intransigence"].mean == pytest.approx(0.04)
    assert "was not measured on the way" in told["sample_efficiency"].why


def test_the_figures_say_their_numbers(asked: Path) -> None:
    run = load(asked)
    found, _ = cells(run.points[0].arms["plain"], skills(run.resolved))
    assert found is not None
    drawn = heat_map(found, "m")
    letters = [text.get_text() for text in drawn.figure.axes[0].texts]
    fills = {text.get_color() for text in drawn.figure.axes[0].texts}
    # the page changes these in the dark or takes them away, and cells keep their colours
    assert not fills & {INK, PAPER}
    assert len(letters) == 12 and letters[0] == "10.0 ±3.9" and letters[3] == "90.0 ±3.9"
    assert "a, b, c; birth 10.00 %, 20.00 %, 15.00 %; a 90.00 %, 25.00 %, 10.00 %" in drawn.alt
    lines = over_life(found, "l")
    assert "a 10.00 % at birth, 90.00 % once learned, 50.00 % at the end" in lines.alt
    twelve = dataclasses.replace(
        found, tasks=tuple("abc" * 4), units=found.units * 4, learned=np.tile(found.learned, 4),
        **{name: np.tile(getattr(found, name), 4) for name in ("mean", "low", "high")},
    )  # fmt: skip
    assert heat_map(twelve, "m").figure.axes[0].texts[0].get_text() == "10.0"  # no room for the interval
    unknown = dataclasses.replace(found, mean=np.full_like(found.mean, np.nan))
    assert {text.get_text() for text in heat_map(unknown, "m").figure.axes[0].texts} == {"?"}


def test_the_section_is_there_where_a_matrix_was_asked_for(asked: Path, tmp_path: Path) -> None:
    page = part(asked, "matrix", "curves", "verdicts", "bought", "feedback")
    assert "What was kept" in page and "each skill at birth and at the end of every stage" in page
    assert "how far each skill fell from its best score" in page and "0.26" in page
    assert "nothing came after it" in page and "More than its expert learned" in page
    assert page.count("was not measured on the way") == 2  # the reason of two metrics, once for both arms
    assert "Where they began" not in page  # a metric of a whole life is no curve
    arms = {"plain": (["a", "b"], np.tile(np.array(R)[:3, :2], (2, 1, 1)))}
    plain = {"probe": "of-b", "metric": "score"}
    assert "What was kept" not in part(write_lives(tmp_path, arms, "ab", compare=plain), "matrix")


def test_a_column_that_is_not_on_record_is_a_note_and_the_others_stand(tmp_path: Path) -> None:
    arms = {"plain": (["a", "b", "c"], np.tile(np.array(R), (2, 1, 1)))}
    compare = {**question(), "probe": "of-c", "metric": "score"}
    run = write_lives(tmp_path, arms, "abc", compare=compare, lacking=[("plain", 2, "a")])
    page = part(run, "matrix")
    assert "Left out, the skill of a in plain: of-a.score of arm" in page and "run it again" in page
    found, _ = cells(load(run).points[0].arms["plain"], skills(load(run).resolved))
    assert found is not None and found.tasks == ("b", "c")


def test_export_writes_the_matrix(asked: Path) -> None:
    rows = tables(load(asked), None)["matrix"].rows
    own = [row for row in rows if row["arm"] == "kept" and row["seed"] == 1]
    assert [row["value"] for row in own if row["skill"] == "a"] == [row[0] for row in R]
    assert [(row["stage"], row["position"]) for row in own[:4]] == [("birth", -1), ("a", 0), ("b", 1), ("c", 2)]
    assert len(rows) == SEEDS * (2 * 12 + 3 * 2) and {row["score"] for row in rows} == {None}


def test_normalised_scores_stand_beside_the_values(asked: Path, tmp_path: Path) -> None:
    alone = np.tile(np.array([BIRTH, EXPERT]), (2, 1, 1))
    arms = {"plain": (["a", "b", "c"], np.tile(np.array(R), (2, 1, 1)))}
    arms |= {f"only-{task}": ([task], alone) for task in "abc"}
    asked_ = question(matrix={**ALONE, "scores": "normalised"})
    run = load(write_lives(tmp_path, arms, "abc", compare=asked_))
    rows = [row for row in tables(run, None)["matrix"].rows if row["arm"] == "plain" and row["skill"] == "c"]
    assert [row["score"] for row in rows[:4]] == pytest.approx([0, -0.05 / 0.82, 0.15 / 0.82, 0.80 / 0.82])
    assert [row["value"] for row in rows[:4]] == [0.15, 0.10, 0.30, 0.95]
