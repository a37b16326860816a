"""No update asks a tensor for its value: on a GPU the host would wait for the device there, at every update.

Watched on the CPU by the operations that would wait, and in ``tests/gpu`` by CUDA itself. What stages need to act in
environments is read between updates, once a step of theirs.
"""

import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from devlearn.learners.cohort import Cohort
from tests.laws.rows import STAGES, cohort_for, live, make

WAIT = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select", "aten::_unique2"}
INDEXED = {"aten::index", "aten::index_put_"}  # by a mask: as many as are true
RESERVOIRS = ("sleep", "sleep-noise")  # as many slots are written as images stay: asked for, not to write them all
NO_UPDATE = {"gait", "gait-inherited", "play-random", "values-random", "soft-random"}


class Waits(TorchDispatchMode):
    """Counts operations whose result, or its shape, the host has to know, by the line that asks."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        masked = name in INDEXED and any(at is not None and at.dtype == torch.bool for at in args[1])
        if name in WAIT or masked:
            ours = [frame for frame in traceback.extract_stack() if "/devlearn/" in frame.filename]
            line = f"{ours[-1].filename.rpartition('/devlearn/')[2]}: {ours[-1].line}" if ours else "elsewhere"
            if "one_hot" not in line:  # it looks at its numbers on the CPU alone
                self.found[f"{name} in {line}"] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> tuple[Waits, Counter[str]]:
    """What every update asks for, and how often each way of updating was called."""
    waits, called = Waits(), Counter[str]()

    def watched(name: str) -> Callable[..., Any]:
        method = getattr(Cohort, name)

        def update(*args: Any, **kwargs: Any) -> Any:
            called[name] += 1
            with waits:
                return method(*args, **kwargs)

        return update

    for name in ("update", "gradients", "apply_gradients"):
        monkeypatch.setattr(Cohort, name, watched(name))
    return waits, called


@pytest.mark.parametrize("row", [row for row in STAGES if make(row).units])
def test_no_update_waits_for_the_device(row: str, waits: tuple[Waits, Counter[str]]) -> None:
    found, called = waits
    live(make(row), cohort_for(row, (0, 1), dtype=torch.float32), 3)
    assert bool(called) != (row in NO_UPDATE)
    asked = [line for line in found.found if not (row in RESERVOIRS and "protections/memory.py" in line)]
    assert not asked


def test_what_waits_is_found() -> None:
    cohort = cohort_for("school", (0, 1))
    with Waits() as waits:
        finite = cohort.finite()
        assert not waits.found
        assert finite.all()
        assert cohort.flat[:, cohort.flat[0] > 0].shape[0] == 2
    assert dict(waits.found) == {"aten::_local_scalar_dense in elsewhere": 1, "aten::index in elsewhere": 1}
