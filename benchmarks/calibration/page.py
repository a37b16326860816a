"""The page of the study, docs/calibration.md."""

import textwrap
from collections.abc import Collection, Iterable, Iterator

from benchmarks.calibration import exchangeable, locations, lopsided
from benchmarks.calibration.part import Part, Rate, Table
from benchmarks.calibration.tests import attainable

EXPERIMENTS = 5_000
SIZE = "attainable"
PARTS = (*exchangeable.PARTS, *lopsided.PARTS, *locations.PARTS)
HEAD = """Do the tests err as often as they say? Here they are applied to simulated experiments in which the truth is
known. `python -m benchmarks.calibration docs/calibration.md` runs the simulations and writes this page. Numbers are
percent of the experiments, ± Monte Carlo standard error; every test is at the 5 % level. *Seeds* is the number of
pairs. Their differences are *normal*; *heavy-tailed* (the errors of both arms are t-distributed with 3 degrees of
freedom); of *skewed arms* (both lognormal); *with diverged* learners (a tenth of each arm has the worst value); or
*lopsided* (lognormal less its mean)."""


def page(experiments: int = EXPERIMENTS) -> str:
    """docs/calibration.md."""
    return _joined(_section(part, part.run(of), of) for part, of in _sizes(experiments))


def renewed(text: str, titles: Collection[str] = (), experiments: int = EXPERIMENTS) -> str:
    """A page of so many experiments with the tables of these titles made anew, and those that it lacks.

    Every cell of the study has a stream of its own: the other tables are what they would be. All words are made anew.
    """
    known = {one.partition("\n")[0]: one for one in text.split("\n## ")[1:]}
    return _joined(
        _section(
            part,
            _table(part, known[part.title], of) if part.title in {*known} - {*titles} else part.run(of),
            of,
        )
        for part, of in _sizes(experiments)
    )


def _sizes(experiments: int) -> Iterator[tuple[Part, int]]:
    return ((part, int(experiments * part.share)) for part in PARTS)


def _joined(sections: Iterable[str]) -> str:
    return "\n".join([f"# Calibration\n\n{_wrapped(HEAD)}\n", *sections])


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_on_hyphens=False)


def _section(part: Part, table: Table, experiments: int) -> str:
    """A part's table under its title, with what it means."""
    columns = list(next(iter(table.values())))
    head = [*part.rows, *columns, *([SIZE] if part.sized else [])]
    lines = [head, ["---"] * len(head)]
    for key, row in table.items():
        size = [f"{100 * attainable(int(key[-1])):.2f}"] if part.sized else []
        lines.append([*key, *(str(row[column]) for column in columns), *size])
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    remark = f" {part.remark(table)}" if part.remark else ""
    meaning = _wrapped(f"{part.meaning}{remark} {experiments:,} experiments a row.")
    return f"## {part.title}\n\n{meaning}\n\n{drawn}\n"


def _table(part: Part, section: str, experiments: int) -> Table:
    """The table that a page's section holds."""
    head, _, *lines = (
        [cell.strip() for cell in line[1:-1].split("|")] for line in section.splitlines() if line[:1] == "|"
    )
    many = len(part.rows)
    columns = [column for column in head[many:] if column != SIZE]
    return {
        tuple(line[:many]): {
            column: Rate(round(float(cell.split()[0]) / 100 * experiments), experiments)
            for column, cell in zip(columns, line[many:], strict=False)
        }
        for line in lines
    }
