"""The fakes stand in the registry for these tests only."""

import pytest

from devlearn import registry
from tests.runs.plan.plan_fakes import FAKES


@pytest.fixture(scope="module", autouse=True)  # a package ends with the session where tests are no packages
def fakes():
    with pytest.MonkeyPatch.context() as patch:
        for group, kinds in FAKES.items():
            for kind, cls in kinds.items():
                patch.setitem(registry._tables[group], kind, cls)
        yield
