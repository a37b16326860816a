"""The verdicts as a table for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devlearn.evidence.analysis.compare import Comparison, entries
from devlearn.evidence.text.comparison import FEW, chance, level, moment, number, sentences, span
from devlearn.evidence.text.curves import analysis_words
from devlearn.evidence.text.points import place
from devlearn.evidence.text.summary import headline, limits_of
from devlearn.records.reader import Json

LONG = 110  # letters of a warning that stands on a line for each of its parts
COLOURS = {
    "better": "bold green",
    "worse": "bold red",
    "equivalent": "cyan",
    "identical": "cyan",
    "incomplete": "yellow",
}


def verdict_table(comparison: Comparison, title: str | None = None) -> RenderableType:
    """The headline (``title`` instead of the comparison's own), a table of pairs for each point, and the warnings."""
    parts: list[RenderableType] = [Text(title or headline(comparison), style="bold"), Text()]
    warnings: dict[str, None] = {}
    bodies = entries(comparison)
    shared = {warning for warning in bodies[0]["warnings"] if all(warning in body["warnings"] for body in bodies)}
    for body in bodies:
        parts += [Text(_title(body)), _pairs(body) if body["comparisons"] else _arms(body), Text()]
        warnings |= dict.fromkeys(
            f"{'' if warning in shared else place(body)}{warning}" for warning in body["warnings"]
        )
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


def told(comparison: Comparison, analysis: Json | None = None, run: str | None = None) -> list[str]:
    """What stands below the table: a sentence for each pair while they are few, limits, what was declared of curves.

    Where pairs are many, a line says where their sentences are: in the report of ``run``.
    """
    found = [sentence for body in entries(comparison) for sentence in sentences(body)]
    curves = analysis_words(analysis, declared=True) if analysis else []
    if len(found) <= FEW:
        return [*found, *limits_of(comparison), *curves]
    where = f"in its report (devlearn report {run})" if run else "in what --json prints"
    more = [f"More on each of the {len(found)} pairs stands {where}."]
    return [*limits_of(comparison), *(curves if len(curves) <= FEW else []), *more]


def _title(body: Json) -> str:
    paired = ", differences in points" if body["comparisons"] else ""
    unit = f" (%{paired})" if body["metric"] == "accuracy" else ""
    label = ", exploratory" if body["exploratory"] else ""
    return f"{place(body)}{body['probe']} {body['metric'].replace('_', ' ')} {moment(body['at'])}{unit}{label}"


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _pairs(body: Json) -> Table:
    table = _table()
    table.add_column("arm", overflow="fold")
    table.add_column("against", overflow="fold")
    for heading in ("difference", f"{level(body['comparisons'][0])} interval", "p adjusted"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for pair in body["comparisons"]:
        table.add_row(*_row(pair, body["metric"]))
    return table


def _row(pair: Json, metric: str) -> tuple[str | Text, ...]:
    low, high = pair["interval"]
    return (
        pair["arm"],
        pair["against"],
        number(pair["difference"], metric, sign=True).removesuffix(" points"),
        "none" if low is None or high is None else span(low, high, metric).removesuffix(" points"),
        chance(pair["p_adjusted"]),
        Text(pair["suggests"], style=COLOURS.get(pair["suggests"], "")),
    )


def _arms(body: Json) -> Table:
    """Where no pairs are declared: the arms alone."""
    table = _table()
    for heading in ("arm", "seeds", "mean", "sd", "median"):
        table.add_column(heading, justify="left" if heading == "arm" else "right")
    for name, arm in body["arms"].items():
        numbers = (number(arm[key], body["metric"]).removesuffix(" %") for key in ("mean", "sd", "median"))
        table.add_row(name, str(arm["n"]), *numbers)
    return table
