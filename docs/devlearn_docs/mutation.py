"""The page of mutation tests, from docs/mutation.json, which benchmarks/mutation.py writes.

python docs/devlearn_docs/mutation.py    write docs/explanation/tests-that-can-fail.md
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1]
FILE = DOCS / "mutation.json"
MISSING = "A test is missing."
PAGE = DOCS / "explanation" / "tests-that-can-fail.md"
TEXT = """\
# Tests that can fail

A test is worth what it would notice. Here lines of the code that decides what a verdict says, what a learner is
charged, how a cohort is trained and what its worlds do are made wrong on purpose, one at a time, and the tests that
belong to the module have to fail: another operator of arithmetic or comparison, a number one more or less, a condition
reversed, a loop that is not entered, `min` for `max`. Of each module a sample of places is drawn by a fixed seed, and
of each place one such change. A change that no input can tell from the code as it is, or that only rounding can, is
*equivalent*; any other that survives is a test that is missing.

`make mutation` draws and runs them anew (`benchmarks/mutation.py`, with cosmic-ray's operators). On {dates}, by seed
{seeds}: **{mutants} mutants, of which {first} survived the tests that there were; {now} survive those that there are
now, {equivalent} of them equivalent.**

| module | mutants | survived at first | survive now | equivalent |
| --- | --- | --- | --- | --- |
{rows}

The tests were written for the sample. Of lines that are not in it, expect that as many changes go unnoticed as in it at
first: {rate:.0%} of those that are not equivalent.

## What survives, and why it may

{why}
"""


@dataclass(frozen=True)
class Survivor:
    """A change that no test notices; ``equivalent`` says why none could, None that one is missing."""

    line: int
    before: str
    after: str
    equivalent: str | None


@dataclass(frozen=True)
class Row:
    """A module: when and by which seed how many mutants were drawn, how many survived at first, and which do now."""

    date: str
    seed: int
    mutants: int
    first: int
    survivors: list[Survivor]

    @property
    def equivalent(self) -> int:
        """How many of the survivors are no mutants at all."""
        return sum(one.equivalent is not None for one in self.survivors)


def read() -> dict[str, Row]:
    """The rows that there are, by module."""
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {
        path: Row(**{**row, "survivors": [Survivor(**one) for one in row["survivors"]]}) for path, row in found.items()
    }


def write(rows: Mapping[str, Row]) -> None:
    """Write the file."""
    text = json.dumps({path: asdict(row) for path, row in rows.items()}, indent=1)
    FILE.write_text(f"{text}\n", encoding="utf-8")


def page(rows: Mapping[str, Row]) -> str:
    """The page's text."""
    lines = [
        f"| {path} | {row.mutants} | {row.first} | {len(row.survivors)} | {row.equivalent} |"
        for path, row in rows.items()
    ]
    why = [
        f"- {path}, line {one.line}: `{one.before}` as `{one.after}`. {one.equivalent or MISSING}"
        for path, row in rows.items()
        for one in row.survivors
    ]
    mutants, first = sum(row.mutants for row in rows.values()), sum(row.first for row in rows.values())
    equivalent = sum(row.equivalent for row in rows.values())
    return TEXT.format(
        dates=" and ".join(sorted({row.date for row in rows.values()})),
        seeds=", ".join(sorted({str(row.seed) for row in rows.values()})),
        mutants=mutants,
        first=first,
        now=sum(len(row.survivors) for row in rows.values()),
        equivalent=equivalent,
        rows="\n".join(lines),
        rate=(first - equivalent) / (mutants - equivalent),
        why="\n".join(why),
    )


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
