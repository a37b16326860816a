"""The theory's line over bits of feedback."""

import numpy as np
import pytest

from devlearn.report.figures.feedback import least_bits


def test_no_bits_are_needed_to_guess_and_all_of_them_to_be_always_right() -> None:
    found = least_bits(np.array([0.1, 0.5, 1.0]), 0.1)
    assert found[0] == pytest.approx(0, abs=1e-9) and found[2] == pytest.approx(np.log2(10))
    half = np.log2(10) - 1 - 0.5 * np.log2(9)  # log2 K - h(1/2) - (1/2) log2(K - 1)
    assert found[1] == pytest.approx(half)
    assert least_bits(np.array([0.75]), 0.5)[0] == pytest.approx(1 - 0.8112781245)
    assert (np.diff(least_bits(np.linspace(0.1, 1, 50), 0.1)) > 0).all()
