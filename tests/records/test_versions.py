"""A version is checked in one place: reading takes the last two, going on only the one that is written."""

import pytest

from devlearn.records.versions import Format


@pytest.mark.parametrize(
    ("written", "found", "resume", "mend"),
    [
        (1, 1, False, ""),
        (1, 1, True, ""),
        (3, 2, False, ""),
        (3, 3, False, ""),
        (3, 2, True, "have format 2, and this devlearn writes 3; go on with the devlearn that wrote it"),
        (3, 1, False, "have format 1, and this devlearn reads 2 and 3; go on with"),
        (3, 4, False, "have format 4, and this devlearn reads 2 and 3; update devlearn"),
        (1, 0, False, "have format 0, and this devlearn reads 1; go on with"),
        (1, None, False, "have format None, and this devlearn reads 1; go on with"),
        (2, "2", True, "have format '2', and this devlearn writes 2; go on with"),
    ],
)
def test_what_is_read_and_what_is_gone_on_with(written: int, found: object, resume: bool, mend: str) -> None:
    why = Format("things", written).refusal(found, resume)
    assert why == "" if not mend else why.startswith(f"its things {mend}")
