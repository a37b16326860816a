"""On a GPU: every stage learns there what it learns on the CPU, and no update waits for the device.

Skipped, with this reason, where there is none. ``make gpu`` runs these and measures.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from devlearn.learners.cohort import Cohort
from devlearn.learners.compiled import why_not
from devlearn.stages.context import Context
from tests.laws.rows import STAGES, cohort_for, make
from tests.laws.test_no_waiting import NO_UPDATE, RESERVOIRS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")

UPDATES = 3
FAR = 1e-2  # of a learner's largest change: the GPU's products round otherwise, and Adam makes much of it
ALONE = [row for row in STAGES if make(row).units and not getattr(make(row), "of", None) and not make(row).recalls]


def lived(row: str, device: str, compiled: bool = False) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Weights at birth and after a few yields, on the CPU."""
    stage = make(row)
    cohort = cohort_for(row, (0, 1), dtype=torch.float32, device=device, compiled=compiled)
    before = {name: weight.detach().cpu().clone() for name, weight in cohort.parameters().items()}
    context = Context((0, 1), "row", 0, torch.device(device), 50)
    segment = stage.segment(cohort, stage.begin(cohort, context), context)
    for _ in range(UPDATES):
        next(iter(segment))
    segment.close()  # type: ignore[attr-defined]
    return before, {name: weight.detach().cpu() for name, weight in cohort.parameters().items()}


@pytest.mark.parametrize("row", ALONE)
def test_a_stage_learns_there_what_it_learns_here(row: str) -> None:
    (born, here), (also, there) = lived(row, "cpu"), lived(row, "cuda")
    assert all(torch.equal(born[name], also[name]) for name in born), "streams and birth are the CPU's"
    changed = max(float((here[name] - born[name]).abs().max()) for name in born)
    assert all(float((here[name] - there[name]).abs().max()) <= FAR * changed for name in born)


@pytest.mark.skipif(bool(why_not()), reason="nothing can be compiled here")
@pytest.mark.parametrize("row", ["school", "play-discrete", "values", "soft"])
def test_updates_that_are_replayed_as_graphs_learn_the_same(row: str) -> None:
    (born, plain), (also, replayed) = lived(row, "cuda"), lived(row, "cuda", compiled=True)
    assert all(torch.equal(born[name], also[name]) for name in born)
    changed = max(float((plain[name] - born[name]).abs().max()) for name in born)
    assert all(float((plain[name] - replayed[name]).abs().max()) <= FAR * changed for name in born)


@pytest.mark.parametrize("row", [row for row in ALONE if row not in NO_UPDATE and row not in RESERVOIRS])
def test_no_update_waits(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA raises where the host would wait, inside of each update after the first, which compiles and allocates."""
    seen: list[str] = []

    def strict(name: str) -> Callable[..., Any]:
        method = getattr(Cohort, name)

        def update(*args: Any, **kwargs: Any) -> Any:
            torch.cuda.set_sync_debug_mode("error" if name in seen else "default")
            try:
                return method(*args, **kwargs)
            finally:
                torch.cuda.set_sync_debug_mode("default")
                seen.append(name)

        return update

    for name in ("update", "gradients", "apply_gradients"):
        monkeypatch.setattr(Cohort, name, strict(name))
    lived(row, "cuda")
    assert seen
