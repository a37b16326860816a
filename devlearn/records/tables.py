"""The tables of a run's records, line by line: what a file that was changed, or damaged, can hold is told."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from devlearn.records.schema import BITS, PLACE, SPENT, TABLES
from devlearn.records.text import EvidenceError, shortened

ANEW = "delete this job's folder and run the scenario again with the same --out, which trains it anew"
RANK = {"birth": 0, "every": 1, "end": 2, "best": 3}  # of the moments at one update
WHOLE = ("seed", "update")
COLUMNS_OF = {"train": PLACE, **TABLES}  # of a table, those that every version of it has

Row = dict[str, str]  # of a table, by column


def by_seed(path: Path) -> dict[int, list[Row]]:
    """The finished lines of a table, learner by learner."""
    table: dict[int, list[Row]] = defaultdict(list)
    for row in lines(path):
        table[int(row["seed"])].append(row)
    return table


def lines(path: Path) -> Iterator[Row]:
    """The finished lines of a CSV file; none where there is no file. A line is finished when its newline is there.

    Raises EvidenceError where a line has too few or too many cells, or one that is none of its column's.
    """
    if not path.exists():
        return
    mend = f"the records were changed; {ANEW}"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceError(f"{path}: not UTF-8 ({error}); {mend}") from error
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    try:
        lacking = [column for column in COLUMNS_OF.get(path.stem, ()) if column not in (reader.fieldnames or ())]
        if lacking and reader.fieldnames:
            raise EvidenceError(f"{path}:1: there is no column {lacking[0]}; {mend}")
        for row in reader:
            if None in row or None in row.values():
                raise EvidenceError(f"{path}:{reader.line_num}: expected {len(reader.fieldnames or ())} cells; {mend}")
            if wrong := next((column for column in row if not _legible(column, row[column])), None):
                raise EvidenceError(f"{path}:{reader.line_num}: {wrong} is {shortened(repr(row[wrong]))}; {mend}")
            yield row
    except csv.Error as error:
        raise EvidenceError(f"{path}:{reader.line_num + 1}: {error}; {mend}") from error


def _legible(column: str, cell: str) -> bool:
    """Whether a cell can be what its column holds; only measured values may be infinite or no number."""
    if column == "moment":
        return cell in RANK
    if column not in WHOLE and column not in ("value", "seconds", *SPENT):
        return True
    try:
        number = float(int(cell) if column in WHOLE else cell)
    except (ValueError, OverflowError):
        return False
    whole = column not in SPENT or column in BITS or number.is_integer()
    return column == "value" or (math.isfinite(number) and whole)
