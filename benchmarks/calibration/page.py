"""The page of the study, docs/calibration.md."""

import textwrap
from collections.abc import Collection

from benchmarks.calibration import exchangeable, locations, lopsided
from benchmarks.calibration.part import Part
from benchmarks.calibration.tests import attainable

EXPERIMENTS = 5_000
PARTS = (*exchangeable.PARTS, *lopsided.PARTS, *locations.PARTS)
HEAD = """Do the tests err as often as they say? These are simulated experiments in which the truth is known, written by
`python -m benchmarks.calibration docs/calibration.md`. Numbers are percent of the experiments, ± Monte Carlo standard
error. All tests are at 5 %. Differences are *normal*; *heavy-tailed* (the errors of both arms are t-distributed with 3
degrees of freedom); of *skewed arms* (both lognormal); *with diverged* learners (a tenth of each arm, at the worst
value); or *lopsided* (lognormal less its mean)."""


def page(experiments: int = EXPERIMENTS) -> str:
    """docs/calibration.md."""
    head = f"# Calibration\n\n{_wrapped(HEAD)}\n"
    return "\n".join([head, *(section(part, int(experiments * part.share)) for part in PARTS)])


def renewed(text: str, titles: Collection[str], experiments: int = EXPERIMENTS) -> str:
    """A page with the sections of these titles made anew, and those that it lacks.

    Every cell of the study has a stream of its own, so that the others are what they would be.
    """
    head, *old = text.split("\n## ")
    known = {one.partition("\n")[0]: f"## {one.rstrip()}\n" for one in old}
    parts = [
        section(part, int(experiments * part.share)) if part.title in titles or part.title not in known
        else known[part.title]
        for part in PARTS
    ]  # fmt: skip
    return "\n".join([head, *parts])


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_on_hyphens=False)


def section(part: Part, experiments: int) -> str:
    """A part's table under its title, with what it means."""
    table = part.run(experiments)
    columns = list(next(iter(table.values())))
    head = [*part.rows, *columns, *(["attainable"] if part.sized else [])]
    lines = [head, ["---"] * len(head)]
    for key, row in table.items():
        size = [f"{100 * attainable(int(key[-1])):.2f}"] if part.sized else []
        lines.append([*key, *(str(row[column]) for column in columns), *size])
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    remark = f" {part.remark(table)}" if part.remark else ""
    meaning = _wrapped(f"{part.meaning}{remark} {experiments:,} experiments a row.")
    return f"## {part.title}\n\n{meaning}\n\n{drawn}\n"
