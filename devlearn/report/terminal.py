"""The verdicts as a table for the terminal."""

import io
from collections.abc import Collection

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from devlearn.evidence.text.comparison import FEW, qualifiers, sentences, which_p
from devlearn.evidence.text.curves import conclusion, render_curves
from devlearn.evidence.text.formats import chance, level, moment, number, plain, span
from devlearn.evidence.text.history import whether_registered
from devlearn.evidence.text.points import place
from devlearn.evidence.text.reasons import render_note
from devlearn.evidence.text.summary import all_unless, headline, limits_of
from devlearn.records.declared import SHARE
from devlearn.records.results import Analyses, Comparison, Comparisons, PairResult

LONG = 110  # letters of a warning that stands on a line for each of its parts
NOTEBOOK = '<pre style="line-height: 1.35; white-space: pre-wrap">{code}</pre>'
COLOURS = {
    "better": "bold green",
    "worse": "bold red",
    "equivalent": "cyan",
    "identical": "cyan",
    "incomplete": "yellow",
}


def verdict_table(found: Comparisons, title: str | None = None, known: Collection[str] = ()) -> RenderableType:
    """The headline (``title`` instead of the comparison's own), a table of pairs for each point, and the warnings.

    Warnings that are ``known`` already are left out.
    """
    parts: list[RenderableType] = [Text(title or headline(found), style="bold"), Text()]
    warnings: dict[str, None] = {}
    first, *others = found.points
    shared = [warning for warning in first.warnings if all(warning in point.warnings for point in others)]
    for point in found.points:
        parts += [Text(_title(point)), _pairs(point) if point.comparisons else _arms(point), Text()]
        for warning in point.warnings:
            text = render_note(warning)
            if text not in known:
                warnings[f"{'' if warning in shared else place(point.point)}{text}"] = None
    return Group(*parts[:-1], *([warned(list(warnings))] if warnings else []))


def warned(warnings: list[str]) -> Table:
    """The warnings, indented under their first word; long ones on a line for each part."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, style="yellow")
    table.add_column(overflow="fold", style="yellow")
    for warning in warnings:
        parts = warning if len(warning) <= LONG else warning.replace("; ", ";\n")
        table.add_row("warning:", Text(parts))
    return table


def below_the_table(found: Comparisons, analyses: Analyses | None = None, run: str | None = None) -> list[str]:
    """What stands below the table: a sentence for each pair while they are few, limits, what was declared of curves.

    Where pairs are many, a line says where their sentences are: in the report of ``run``.
    """
    registered = whether_registered(found)
    pairs = [sentence for point in found.points for sentence in sentences(point)]
    curves = render_curves(analyses, declared=True) if analyses else []
    limits = [*filter(None, [which_p({pair.suggests for pair in found.pairs})]), *limits_of(found)]
    if len(pairs) <= FEW:
        return [*pairs, *limits, *curves, registered]
    where = f"in its report (devlearn report {run})" if run else "in what --json prints"
    more = [f"More on each of the {len(pairs)} pairs stands {where}."]
    return [*limits, *(curves if len(curves) <= FEW else []), registered, *more]


def as_html(found: Comparisons, analyses: Analyses | None = None, run: str | None = None) -> str:
    """The same for a notebook: what the terminal shows, as HTML, with everything escaped."""
    console = Console(record=True, file=io.StringIO(), width=112, force_jupyter=False)
    console.print(verdict_table(found, conclusion(found, analyses) if analyses else None))
    console.print()
    for sentence in below_the_table(found, analyses, run):
        console.print(sentence, highlight=False, markup=False)
    return console.export_html(inline_styles=True, code_format=NOTEBOOK)


def _title(point: Comparison) -> str:
    paired = ", differences in points" if point.comparisons else ""
    unit = f" (%{paired})" if point.unit == SHARE else ""
    label = ", exploratory" if point.exploratory else ""
    return f"{place(point.point)}{point.probe} {plain(point.metric)} {moment(point.at)}{unit}{label}"


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _pairs(point: Comparison) -> Table:
    table = _table()
    table.add_column("arm", overflow="fold")
    table.add_column("against", overflow="fold")
    for heading in ("difference", f"{level(point.comparisons[0].level)} interval", "p adjusted"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for pair in point.comparisons:
        table.add_row(*_row(pair, point))
    return table


def _row(pair: PairResult, point: Comparison) -> tuple[str | Text, ...]:
    (low, high), unit = pair.interval, point.unit
    more = [f"\n{one}" for one in qualifiers(pair, point, told=all_unless([point]))]
    return (
        pair.arm,
        pair.against,
        number(pair.difference, unit, sign=True).removesuffix(" points"),
        "none" if low is None or high is None else span(low, high, unit).removesuffix(" points"),
        chance(pair.p_of(pair.suggests)[1]),
        Text.assemble((pair.suggests, COLOURS.get(pair.suggests, "")), *more),
    )


def _arms(point: Comparison) -> Table:
    """Where no pairs are declared: the arms alone."""
    table = _table()
    for heading in ("arm", "seeds", "mean", "sd", "median"):
        table.add_column(heading, justify="left" if heading == "arm" else "right")
    for name, arm in point.arms.items():
        numbers = (number(value, point.unit).removesuffix(" %") for value in (arm.mean, arm.sd, arm.median))
        table.add_row(name, str(arm.n), *numbers)
    return table
