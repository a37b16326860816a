"""Learners as the runs of an experiment tracker: who each is, its curves, and what its life came to."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from devlearn.report.export.learner_curves import Curve, learner_curves
from devlearn.report.export.tables import COLUMNS, Table


@dataclass(frozen=True)
class Tracked:
    """One learner: ``name`` POINT/ARM/seed-N, what ``vary`` and the scenario set for it, its curve, its ledger."""

    name: str
    arm: str
    seed: int
    point: Mapping[str, object]
    curve: Curve
    spent: Mapping[str, float] = field(default_factory=dict)


def tracked(found: Mapping[str, Table]) -> Iterator[Tracked]:
    """Every learner of a run's tables, in their order."""
    curves, table = learner_curves(found), found["ledger"]
    varied = table.columns[: table.columns.index("arm")]
    who = {"arm", "seed", *varied}
    for row in table.rows:
        if row.get("seed") is None:  # what a search for keys cost: of an arm, and of nobody
            continue
        point = {path: row[path] for path in varied}
        folder = ",".join(f"{path}={value}" for path, value in point.items()).replace("/", "_")
        name = "/".join([*([folder] if folder else []), row["arm"], f"seed-{row['seed']}"])
        numbers = {key: float(row[key]) for key in COLUMNS["ledger"] if key not in who and _is_number(row.get(key))}
        yield Tracked(name, row["arm"], int(row["seed"]), point, curves.get(name, []), numbers)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
