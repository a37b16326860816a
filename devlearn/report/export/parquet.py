"""Tables as Parquet files, by pyarrow."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from devlearn.records.schema import BITS, SPENT
from devlearn.report.export.tables import Table

WHOLE = ("seed", "visit", "position", "update", "n")
TRUE = ("diverged", "done")
NUMBERS = (
    *("value", "seconds", "mean", "sd", "median", "iqm", "best", "smallest_effect", "difference", "level"),
    *("low", "high", "low_new_images", "high_new_images", "p", "p_adjusted", "probability_of_improvement"),
)


def write(table: Table, path: Path) -> Path:
    """Write a table; the type of a column of ours is the same in every run."""
    columns = {name: [row.get(name) for row in table.rows] for name in table.columns}
    arrays = [pa.array(_plain(values), _type(name, values)) for name, values in columns.items()]
    pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), path)
    return path


def _type(name: str, values: list[Any]) -> pa.DataType:
    known = [value for value in values if value is not None]
    if name in TRUE and all(isinstance(value, bool) for value in known):
        return pa.bool_()
    if name in (*NUMBERS, *BITS):
        return pa.float64()
    if name in (*WHOLE, *SPENT):
        return pa.int64()
    return pa.infer_type(_plain(values)) if known else pa.float64()


def _plain(values: list[Any]) -> list[Any]:
    """Values of one type: where ``vary`` mixes words, lists and numbers, each is JSON text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or (len(kinds) < 2 and not kinds & {list, dict}):
        return values
    return [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]
