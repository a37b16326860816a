"""Where curves differ: a simultaneous band of differences."""

from devlearn.evidence.load import Json
from devlearn.evidence.words import number
from devlearn.report.figures.paper import (
    COLOURS,
    INK,
    Drawn,
    counts,
    few_ticks,
    heading,
    one_plot,
    scale,
    shorten,
)


def band(entry: Json, metric: str, name: str) -> Drawn | None:
    """A pair's difference over updates of the last stage in its band. None where the band was refused."""
    if "refused" in entry:
        return None
    figure, axes = one_plot(1.75, metric)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.fill_between(entry["updates"], entry["low"], entry["high"], color=COLOURS[0], alpha=0.18, linewidth=0)
    axes.plot(entry["updates"], entry["difference"], color=COLOURS[0], linewidth=1.3, marker="o", markersize=2.5)
    if entry["differs_from"] is not None:
        axes.axvline(entry["differs_from"], color=COLOURS[1], linewidth=1, linestyle=(0, (3, 1.5)))
    few_ticks(axes, "y")
    scale(axes, "y", metric)
    counts(axes)
    axes.set_xlabel("updates of the last stage", color=INK)
    heading(
        axes, f"{shorten(entry['arm'], 20)} − {shorten(entry['against'], 20)}" + " (points)" * (metric == "accuracy")
    )
    told = _told(entry)
    caption = f"{entry['arm']} minus {entry['against']}, in a band that holds at all moments together; {told}."
    gap = number(entry["difference"][-1], metric, sign=True)
    alt = f"Difference of {entry['arm']} and {entry['against']} along the last stage, {gap} at its end; {told}."
    return Drawn(name, figure, caption, alt)


def _told(entry: Json) -> str:
    if entry["differs_from"] is None:
        return "at the end it still holds 0"
    return f"0 lies outside from update {entry['differs_from']} on"
