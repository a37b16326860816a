"""What figures of several families show is said under the first; no band is where no value can be."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from devlearn.evidence.analysis.training import Course
from devlearn.report.drawing import figures
from devlearn.report.section import Drawn

STEPS = np.array([100.0, 200.0, 300.0])


def course(mean: float, half: float) -> Course:
    flat = np.full(3, mean)
    return Course("a", "return", "", 4, x=STEPS, mean=flat, low=flat - half, high=flat + half)


def bonuses(name: str, **keys: object) -> Drawn:
    return figures.bonuses({"a": {"return": course(-1, 3), "bonus": course(1, 3)}}, name, **keys)


def lessons(name: str, **keys: object) -> Drawn:
    return figures.lessons({"a": {0: (STEPS, np.arange(3.0))}}, name, **keys)


def online(name: str, **keys: object) -> Drawn:
    return figures.online({"a": course(0.9, 0.3)}, name, **keys)


@pytest.mark.parametrize(
    ("draw", "says"),
    [(bonuses, "What the environment paid"), (lessons, "Which lesson"), (online, "How fast task after task")],
)
def test_a_caption_stands_under_the_first_of_several(draw: object, says: str) -> None:
    alone, first, second = draw("x"), draw("x-0", family="a", first=True), draw("x-1", family="b", first=False)  # type: ignore[operator]
    assert alone.caption.startswith(says)
    assert first.caption == f"a: {alone.caption}"
    assert second.caption == "b: the same." and second.name == "x-1"


def test_the_band_of_an_accuracy_ends_at_one() -> None:
    (axes,) = online("x").figure.axes
    (band,) = [part for part in axes.collections if isinstance(part, PolyCollection)]
    assert float(band.get_paths()[0].vertices[:, 1].max()) == 1.0


def test_the_band_of_a_bonus_ends_at_zero_and_that_of_a_return_does_not() -> None:
    lowest = []
    for axes in bonuses("x").figure.axes:
        (band,) = [part for part in axes.collections if isinstance(part, PolyCollection)]
        lowest.append(float(band.get_paths()[0].vertices[:, 1].min()))
    assert lowest == [-4.0, 0.0]
