"""Where curves differ: a simultaneous band of differences."""

from collections.abc import Sequence

from devlearn.evidence.text.formats import number
from devlearn.records.declared import SHARE
from devlearn.records.results import Band
from devlearn.report.data import courses
from devlearn.report.section import Drawn
from devlearn.report.style import (
    COLOURS,
    INK,
    counts,
    few_ticks,
    heading,
    hover,
    one_plot,
    scale,
    shorten,
)

AT_END = "at its end"


def band(entry: Band, unit: str, name: str, stops: Sequence[int]) -> Drawn:
    """A pair's difference over updates of the last stage in its band.

    ``stops`` are the last measured updates of both arms' last stages.
    """
    figure, axes = one_plot(1.75, unit)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.fill_between(entry.updates, entry.low, entry.high, color=COLOURS[0], alpha=0.18, linewidth=0)
    (line,) = axes.plot(entry.updates, entry.difference, color=COLOURS[0], linewidth=1.3, marker="o", markersize=2.5)
    gaps = zip(entry.updates, entry.difference, strict=True)
    hover(line, *(f"{number(gap, unit, sign=True)} at update {update:,}" for update, gap in gaps))
    if entry.differs_from is not None:
        axes.axvline(entry.differs_from, color=COLOURS[1], linewidth=1, linestyle=(0, (3, 1.5)))
    few_ticks(axes, "y")
    scale(axes, "y", unit)
    counts(axes)
    axes.set_xlabel("updates of the last stage", color=INK)
    heading(axes, f"{shorten(entry.arm, 20)} − {shorten(entry.against, 20)}" + " (points)" * (unit == SHARE))
    end = _end(entry.updates[-1], stops)
    told = _told(entry, end)
    caption = f"{entry.arm} minus {entry.against}, in a band that holds at all moments together; {told}."
    caption += f" The curve stops {end}." if end != AT_END else ""
    gap = number(entry.difference[-1], unit, sign=True)
    alt = f"Difference of {entry.arm} and {entry.against} along the last stage, {gap} {end}; {told}."
    columns = {"update": entry.updates, "difference": entry.difference, "low": entry.low, "high": entry.high}
    data = list(courses({"arm": entry.arm, "against": entry.against}, columns))
    return Drawn(name, figure, caption, alt, data)


def _end(last: int, stops: Sequence[int]) -> str:
    """Where a band stops: the stages of two arms may differ in length, and in the updates they were measured at."""
    if all(stop == last for stop in stops):
        return AT_END
    what = "the end of the shorter last stage" if last == min(stops) else "the last that both were measured at"
    return f"at update {last:,}, {what}"


def _told(entry: Band, end: str) -> str:
    if entry.differs_from is None:
        return f"{end}{',' * (end != AT_END)} it still holds 0"
    return f"0 lies outside from update {entry.differs_from} on"
