"""Numbers of stages above a learning curve."""

import pytest

from devlearn.report.figures.stage_starts import _text


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ([3], "3"),
        ([2, 1], "1, 2"),
        ([1, 2, 3, 4], "1-4"),
        ([1, 3, 4, 5, 6], "1, 3-6"),
        ([1, 2, 4, 6, 7, 8], "1, 2, 4, 6-8"),
    ],
)
def test_numbers_in_a_row_are_a_range(own: list[int], text: str) -> None:
    assert _text(own) == text
