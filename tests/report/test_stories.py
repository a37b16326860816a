"""The figure of stories: what learners gave to the right answer, trial by trial, as it stands on record."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from devlearn.report.drawing import figures
from devlearn.report.sections.stories import chances


def life(done: bool = True, **values: float) -> Any:
    moment = SimpleNamespace(values={("ask", name): value for name, value in values.items()})
    return SimpleNamespace(done=done, moments=[moment])


def test_chances_are_read_in_the_order_of_trials_and_of_finite_learners() -> None:
    asked = {f"network_{t}": t / 20 for t in range(11)} | {f"ideal_{t}": t / 10 for t in range(11)}
    lives = {0: life(**asked), 1: life(False, **asked), 2: life(**{**asked, "network_3": np.nan}), 3: life(named=0.5)}
    found = chances(SimpleNamespace(lives=lives), "ask")  # type: ignore[arg-type]
    assert found.shape == (1, 2, 11)
    assert found[0, 0] == pytest.approx(np.arange(11) / 20) and found[0, 1] == pytest.approx(np.arange(11) / 10)


def test_the_figure_says_what_it_shows() -> None:
    curve = np.array([[[0.25, 0.5], [0.25, 0.75]], [[0.25, 0.7], [0.25, 0.75]]])
    drawn = figures.stories({"active": curve}, "ask", "ask-stories")
    assert "active 25.00 % to 60.00 % and ideal observer 25.00 % to 75.00 %" in drawn.alt


def test_every_arm_has_a_plot_of_its_own_with_all_its_learners() -> None:
    curves = {f"arm-{i}": np.full((3, 2, 4), 0.1 * i) for i in range(9)}
    panels = figures.stories(curves, "ask", "ask-stories").figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == list(curves)
    assert all(len(axes.lines) == 3 + 2 + 1 for axes in panels)  # the last tells a reader who points at it
    boxes = [axes.get_position() for axes in panels]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
