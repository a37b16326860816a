"""Arms and runs made in memory from formulas, for analyses of curves. Nothing here was learned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from devlearn.evidence import ArmRecords, LearnerRecord, Measure, Moment, Point, RunRecords
from devlearn.records.schema import SPENT, Resolved, StageEntry

ACCURACY = Measure(("digits", "accuracy"), "higher", 0.0, "share")
ENTROPY = Measure(("digits", "cross_entropy"), "lower", None, "nats")
PROBES = {
    "digits": {
        "kind": "accuracy",
        "metrics": {
            "accuracy": {"better": "higher", "worst": 0.0}, "cross_entropy": {"better": "lower", "worst": None},
        },
    }
}  # fmt: skip


def arm(
    name: str,
    updates: Sequence[int],
    accuracy: ArrayLike,
    cross_entropy: ArrayLike | None = None,
    keys: Mapping[str, Any] | None = None,
    labels: int = 100,
    diverged: Mapping[int, int] | None = None,
) -> ArmRecords:
    """One stage, ``school``. ``accuracy`` is (n, U) at ``updates``, of which the first is the birth, the last the end.
    ``cross_entropy`` is 1 - accuracy where it isn't given.

    A learner of ``diverged`` {seed: update} is measured as NaN from there on. ``labels`` are paid by the first update.
    """
    high = np.array(accuracy, np.float64)
    curves = {ACCURACY.key: high, ENTROPY.key: 1 - high if cross_entropy is None else np.array(cross_entropy)}
    n = len(curves[ACCURACY.key])
    lives = {seed: _life(seed, updates, curves, labels, (diverged or {}).get(seed)) for seed in range(n)}
    stage = StageEntry(name="school", kind="supervise", keys=dict(keys or {}))
    return ArmRecords(name=name, stages=(stage,), lives=lives, seconds=1.0, unfinished=())


def _life(seed: int, updates: Sequence[int], curves: Mapping[Any, Any], labels: int, gone: int | None) -> LearnerRecord:
    moments = []
    for j, update in enumerate(updates):
        when = "birth" if j == 0 else "end" if j == len(updates) - 1 else "every"
        lost = gone is not None and update >= gone
        values = {key: float("nan") if lost else float(curve[seed, j]) for key, curve in curves.items()}
        moments.append(Moment(-1 if j == 0 else 0, update, when, values, _paid(update, labels)))
    diverged = None if gone is None else (0, gone)
    return LearnerRecord(seed=seed, moments=tuple(moments), ledger=moments[-1].ledger, diverged=diverged, done=True)


def _paid(update: int, labels: int) -> dict[str, float]:
    """Labels are paid at once, images and FLOPs by the update."""
    paid = dict.fromkeys(SPENT, 0.0)
    return paid | {"labels": labels * (update > 0), "images": 8.0 * update, "updates": update, "flops": 1e6 * update}


def run(
    points: Sequence[Mapping[str, ArmRecords]], compare: Mapping[str, Any], over: Sequence[Mapping[str, Any]] = ()
) -> RunRecords:
    """A run of these points; ``over`` are further entries of resolved.json's points (``parameters``)."""
    asked = {"probe": "digits", "metric": "accuracy", "at": "end", "better": "higher", "pairs": [], **compare}
    entries = [{"point": {"nth": i}, "arms": {}, **(over[i] if over else {})} for i in range(len(points))]
    about = {"format": 1, "scenario": "made-up", "digest": "none", "seeds": [0], "brain": {}, "jobs": []}
    resolved = Resolved.of({**about, "probes": PROBES, "compare": asked, "points": entries})
    return RunRecords(Path("made-up"), resolved, {}, tuple(Point({"nth": i}, arms) for i, arms in enumerate(points)))
