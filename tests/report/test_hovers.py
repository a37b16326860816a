"""What a reader is told who points at a figure: on every kind of it, in its file and on the page."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from devlearn.evidence.analysis.matrix_cells import Cells
from devlearn.evidence.analysis.training import Course
from devlearn.records.arrays import Picture
from devlearn.report.aside import Aside
from devlearn.report.drawing import figures
from devlearn.report.section import Drawn
from devlearn.report.style import COLOURS, hover, one_plot
from devlearn.report.svg import drawing, inline, save

STEPS = np.array([100.0, 200.0])
CURVE = np.array([[[0.25, 0.5], [0.25, 0.75]], [[0.25, 0.7], [0.25, 0.75]]])


def course(metric: str, *mean: float) -> Course:
    flat = np.array(mean)
    return Course("a", metric, "", 4, x=STEPS, mean=flat, low=flat - 1, high=flat + 1)


def stories() -> Drawn:
    return figures.stories({"active": CURVE}, "ask", "x")


def bonuses() -> Drawn:
    return figures.bonuses({"a": {"return": course("return", -3, 2), "bonus": course("bonus", 1, 0.5)}}, "x")


def traces() -> Drawn:
    seen = np.array([[0.0, 5.0], [2.0, 4.0], [1.0, 6.0]])
    return figures.traces([Picture(0, "look", 0, "reach", 0, {"trace": seen}, {})], "a", "x")


def matrix(tasks: int = 2) -> Drawn:
    if tasks > 2:
        names, flat = tuple(f"task{i}" for i in range(tasks)), np.linspace(0, 1, tasks * (tasks + 1)).reshape(-1, tasks)
        ends = np.arange(tasks) + 1, 4, flat, flat - 0.01, flat + 0.01
        return figures.heat_map(Cells("a", ("birth", *names), names, ("share",) * tasks, *ends), "x")
    flat = np.array([[0.1, 0.2], [0.9, 0.3]])
    cells = Cells("a", ("birth", "one"), ("one", "two"), ("share", "share"), np.array([1, 1]), 4, flat, flat, flat)
    return figures.heat_map(cells, "x")


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (stories, {"ideal observer, 75.00 % after 1 trials", "active, 60.00 % after 1 trials"}),
        (bonuses, {"a, return -3 at 100", "a, return 2 at 200", "a, bonus 0.5 at 200"}),
        (traces, {"number 0, after look: 0 at first, 0 at the least, 2 at the most",
                  "number 1, after look: 5 at first, 4 at the least, 6 at the most"}),
        (matrix, {"birth, one: 10.0 ±0.0", "one, one: 90.0 ±0.0", "one, two: 30.0 ±0.0"}),
    ],
)  # fmt: skip
def test_a_value_is_told_where_a_reader_points(draw: object, told: set[str], tmp_path: Path) -> None:
    with drawing(), Aside() as aside:
        drawn: Drawn = draw()  # type: ignore[operator]
        saved = save(drawn.figure, tmp_path, "x", aside)
    for text in (saved.file, str(inline(saved.page, "x", drawn.alt))):
        assert told <= set(re.findall(r"<title>([^<]*)</title>", text))


def test_a_matrix_of_twenty_skills_is_small_and_tells_every_cell(tmp_path: Path) -> None:
    """Seven such, with a figure of lines each, stand on one page of less than 3 MB."""
    with drawing(), Aside() as aside:
        drawn = matrix(20)
        shown = str(inline(save(drawn.figure, tmp_path, "x", aside).page, "x", drawn.alt))
    assert shown.count("<title>") == 20 * 21 and len(shown) < 85_000


def test_marks_that_look_alike_say_so_once_and_keep_what_they_tell(tmp_path: Path) -> None:
    with drawing(), Aside() as aside:
        figure, axes = one_plot(2.0)
        (line,) = axes.plot([1, 2, 3, 4], "o", color=COLOURS[0])
        hover(line, "one", "two", "three", "four")
        shown = str(inline(save(figure, tmp_path, "x", aside).page, "x", "alt"))
    marks = re.findall(r"<use [^>]*><title>[^<]*</title></use>", shown)
    assert re.findall(r"<title>(.*?)</title>", "".join(marks)) == ["one", "two", "three", "four"]
    assert not any("fill" in mark for mark in marks) and f'<g fill="{COLOURS[0]}"' in shown
    assert ElementTree.fromstring(shown) is not None
