"""The numbers behind a figure: rows, as CSV, and as an address that holds it."""

import base64
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

Row = Mapping[str, object]
PLAIN = " ,;:()+-_.=%/*"  # what an address may hold as it is, in an attribute; all else is written in percent


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV, under the columns of all of them; numbers to six significant digits, empty where there is none."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def as_address(text: str) -> str:
    """A ``data:`` address that a browser saves as a file."""
    return f"data:text/csv;charset=utf-8,{quote(text, safe=PLAIN.replace('%', '').replace(' ', ''))}"


def svg_address(svg: str) -> str:
    """The same of a drawing."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def courses(of: Mapping[str, object], columns: Mapping[str, Sequence[Any]]) -> Iterator[Row]:
    """A row for each place of some columns of one length, all with what ``of`` says."""
    for values in zip(*columns.values(), strict=True):
        yield {**of, **dict(zip(columns, values, strict=True))}


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else value
