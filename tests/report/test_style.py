"""Axes: which numbers stand on them."""

import pytest

from devlearn.report.style import counts, log_axis, one_plot
from devlearn.report.svg import drawing


def labels(low: float, high: float) -> list[float]:
    with drawing():
        _, axes = one_plot(2.0)
        axes.set_xlim(low, high)
        counts(axes)
        return [float(tick) for tick in axes.get_xticks()]


@pytest.mark.parametrize("high", [1, 2, 3, 6, 9])
def test_there_are_no_halves_of_updates(high: int) -> None:
    assert all(tick == int(tick) for tick in labels(-0.1, high + 0.1))


@pytest.mark.parametrize("x", [[4.0, 10.0, 50.0], [3.0, 30.0], [1.0, 7.0], [2.0, 90.0], [1.0, 10.0, 100.0, 10_000.0]])
def test_a_logarithmic_axis_shows_that_it_is_one(x: list[float]) -> None:
    with drawing():
        _, axes = one_plot(2.0)
        log_axis(axes, x)
        ticks = [float(tick) for tick in axes.get_xticks()]
    assert len(ticks) >= 3 and ticks[0] == 0 and all(min(x) <= tick <= max(x) for tick in ticks[1:])
