"""The theory's line over bits of feedback."""

import numpy as np
import pytest

from devlearn.report.figures.feedback import least_bits
from devlearn.report.style import counts, one_plot


def test_no_bits_are_needed_to_guess_and_all_of_them_to_be_always_right() -> None:
    found = least_bits(np.array([0.1, 0.5, 1.0]), 0.1)
    assert found[0] == pytest.approx(0, abs=1e-9) and found[2] == pytest.approx(np.log2(10))
    half = np.log2(10) - 1 - 0.5 * np.log2(9)  # log2 K - h(1/2) - (1/2) log2(K - 1)
    assert found[1] == pytest.approx(half)
    assert least_bits(np.array([0.75]), 0.5)[0] == pytest.approx(1 - 0.8112781245)
    assert (np.diff(least_bits(np.linspace(0.1, 1, 50), 0.1)) > 0).all()


@pytest.mark.parametrize("limits", [(6_000.0, 40_000.0), (1_000.0, 3e6), (2_100.0, 4_900.0)])
def test_a_logarithmic_axis_of_counts_has_few_plain_labels(limits: tuple[float, float]) -> None:
    figure, axes = one_plot(2.6, "%")
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    counts(axes)
    figure.canvas.draw()
    ticks = [(label.get_text(), label.get_position()[0]) for label in axes.get_xticklabels()]
    major = [text for text, place in ticks if limits[0] <= place <= limits[1]]
    minor = [label.get_text() for label in axes.get_xticklabels(minor=True)]
    assert not any(minor) and 1 <= len(major) <= 5
    assert all(text and "$" not in text for text in major)
