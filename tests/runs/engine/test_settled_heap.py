"""While a job is lived, what was there before is no business of the garbage collector; afterwards all is as it was."""

import gc
from collections.abc import Iterator

import pytest

from devlearn.runs.engine import settled_heap


@pytest.fixture
def thawed() -> Iterator[None]:
    """A heap of which nothing is frozen; these tests themselves begin with a frozen one."""
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.freeze()


@pytest.mark.usefixtures("thawed")
def test_it_is_frozen_inside_and_thawed_after() -> None:
    with settled_heap():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("thawed")
def test_a_heap_that_was_frozen_before_stays_so() -> None:
    gc.freeze()
    with settled_heap():
        pass
    assert gc.get_freeze_count() > 0
