"""The curves of every learner, for trackers: values by name over the gradient steps of its whole life."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from operator import itemgetter

from devlearn.report.export.tables import COLUMNS, Row, Table

WHO = itemgetter("arm", "seed")
WHAT = itemgetter("moment", "probe", "metric", "value")
Curve = list[tuple[int, str, float]]


def learner_curves(found: Mapping[str, Table]) -> dict[str, Curve]:
    """{POINT/ARM/seed-N: [(step, name, value)]} of the tables ``probes`` and ``train``, in the order of life.

    A step is a gradient step of the whole life, so that stages stand one after the other. The best checkpoint's
    measurement has no place on that axis and is left out.
    """
    curves: dict[str, Curve] = defaultdict(list)
    for name, values in (*_measured(found["probes"]), *_trained(found["train"])):
        curves[name].append(values)
    # In the order of life, which the tables have: several moments may share a step (a stage's end and what a stage
    # without updates makes of the learner), and their values say nothing of which came first.
    return {name: sorted(curve, key=lambda point: point[0]) for name, curve in curves.items()}


def _measured(table: Table) -> Iterator[tuple[str, tuple[int, str, float]]]:
    for row in table.rows:
        moment, probe, metric, value = WHAT(row)
        if moment != "best":
            yield _curve(table, row), (int(row["updates"]), f"{probe}/{metric}", value)


def _trained(table: Table) -> Iterator[tuple[str, tuple[int, str, float]]]:
    metrics = [name for name in table.columns if name not in (*_varied(table), *COLUMNS["train"])]
    for row in table.rows:
        for metric in metrics:
            if row.get(metric) is not None:
                yield _curve(table, row), (int(row["updates"]), f"train/{row['stage']}/{metric}", row[metric])


def _varied(table: Table) -> tuple[str, ...]:
    """The columns of ``vary``, which stand before ours."""
    return table.columns[: table.columns.index("arm")]


def _curve(table: Table, row: Row) -> str:
    """The folder of a learner's curves."""
    arm, seed = WHO(row)
    point = ",".join(f"{path}={row[path]}" for path in _varied(table)).replace("/", "_")
    return "/".join([*([point] if point else []), arm, f"seed-{seed}"])
