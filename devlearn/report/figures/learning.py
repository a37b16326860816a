"""Learning curves."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from devlearn.evidence.analysis.curves import Curve
from devlearn.evidence.text.formats import listed, number
from devlearn.report.data import Row, courses
from devlearn.report.figures.inset import closer
from devlearn.report.figures.stage_starts import Stages, number_starts, numbers
from devlearn.report.section import Drawn
from devlearn.report.style import (
    INK,
    counts,
    few_ticks,
    from_zero,
    heading,
    hover_at,
    label_ends,
    log_axis,
    look,
    look_indices,
    natural,
    one_plot,
    right_of,
    short,
    titled,
    two_plots,
)

UNITS = {
    "updates": "updates over the whole life",
    "labels": "labels paid for",
    "flops": "FLOPs over the whole life",
}
HOVERED = 240  # measurements of a plot that are told one by one
GEOMETRIC = 10  # how many times the shortest life the longest takes from which on the axis is logarithmic
GROUPS = 8  # as many payments stand in groups side by side; more go on an axis of numbers


def learning(
    curves: Mapping[str, Curve],
    unit: str,
    name: str,
    stages: Stages | None = None,
    family: str = "",
    optimum: float | None = None,
) -> Drawn:
    """The learning curves of all arms over ``unit`` of the ledger, labelled at their ends.

    Where the last stages take up little of the axis, a second plot below shows their heights alone. ``stages`` are the
    names of each arm's stages, where they are to be shown; ``family`` is what these arms are called, if they are some.
    ``optimum``, a dashed line, is what the best agent gets.
    """
    what = next(iter(curves.values())).what
    shown = {arm: curve.last_at_each("labels") if unit == "labels" else curve for arm, curve in curves.items()}
    range_of = closer(curves)
    figure, plots = _plots(what.unit, range_of is not None, right_of(curves))
    for axes in plots:
        _draw(axes, shown, unit)
        if optimum is not None:
            axes.axhline(optimum, color=INK, linestyle=(0, (4, 2)), linewidth=0.9, zorder=1)
    ends = [
        (float(c.mean[-1]), arm, index)
        for (arm, c), index in zip(shown.items(), look_indices(shown).values(), strict=True)
        if len(c)
    ]
    if range_of is not None:
        plots[1].set_ylim(*range_of)
        few_ticks(plots[1], "y")
    for axes in plots:
        natural(axes, "y", what.unit, [float(value) for curve in shown.values() for value in curve.mean])
    if stages:
        number_starts(plots[0], shown, stages)
    label_ends(plots[-1], ends)
    plots[-1].set_xlabel(UNITS[unit], color=INK)
    heading(plots[0], titled(what.key, what.unit, family))
    told = listed([_told(arm, curve) for arm, curve in shown.items() if len(curve)] or ["nothing yet"])
    alt = f"Learning curves of {titled(what.key, what.unit)} over {_plain(unit)}, first and last value: {told}."
    of = f"{family}: " if family else ""
    caption = _caption(curves, unit, range_of is not None, stages or {})
    if optimum is not None:
        best = number(optimum, what.unit)
        caption, alt = (
            f"{caption} Dashed: the best that any agent can get, {best}.",
            f"{alt} The best possible: {best}.",
        )
    return Drawn(name, figure, f"{of}{caption}", f"{of}{alt}", list(_data(shown, unit)))


def _data(shown: Mapping[str, Curve], unit: str) -> Iterator[Row]:
    for arm, curve in shown.items():
        columns = {"stage": curve.positions.tolist(), unit: curve.x[unit].tolist()}
        columns |= {end: getattr(curve, end).tolist() for end in ("mean", "low", "high")}
        yield from courses({"arm": arm, "n": curve.n}, columns)


def _plots(unit: str, twice: bool, right: float) -> tuple[Figure, list[Axes]]:
    if twice:
        return two_plots(4.0, unit, right=right)
    figure, axes = one_plot(2.5, unit, right=right)
    return figure, [axes]


def _draw(axes: Axes, shown: Mapping[str, Curve], unit: str) -> None:
    levels = sorted({float(x) for curve in shown.values() for x in curve.x[unit]})
    if unit == "labels" and len(levels) <= GROUPS:
        _grouped(axes, shown, levels)
    else:
        _over(axes, shown, unit)


def _caption(curves: Mapping[str, Curve], unit: str, twice: bool, stages: Stages) -> str:
    what = next(iter(curves.values())).what
    title = titled(what.key, what.unit)
    n = max((curve.n for curve in curves.values()), default=0)
    if not n:
        return f"{title} over {_plain(unit)}: no learner has lived its whole life yet."
    counted = listed(sorted({str(curve.n) for curve in curves.values() if curve.n}))
    caption = f"{title} over {_plain(unit)}: {_of(counted)}."
    caption += {
        "labels": " Each mark is what the learners knew before they paid for the next label; arms that had paid the"
        " same stand side by side.",
        "updates": f" A tall tick marks the start of a stage{_key(stages)}.",
    }.get(unit, "")
    if twice:
        caption += " Below, closer: the axis spans the heights from the first quarter of each arm's last stage on."
    return caption


def _of(counted: str) -> str:
    return "one learner" if counted == "1" else f"mean of {counted} learners and its pointwise 95 % t-interval"


def _key(stages: Stages) -> str:
    """Which number is which stage."""
    known = [f"{place} {name}" for name, place in numbers(stages).items()]
    return f", by number: {', '.join(known)}" if known else ""


def _plain(unit: str) -> str:
    return "FLOPs" if unit == "flops" else unit


def _told(arm: str, curve: Curve) -> str:
    first, last = (number(float(curve.mean[place]), curve.what.unit) for place in (0, -1))
    return f"{arm} {first} to {last}"


def _over(axes: Axes, curves: Mapping[str, Curve], unit: str) -> None:
    """Lines with bands; a tick where a stage begins."""
    for arm, index in look_indices(curves).items():
        if len(curves[arm]):
            _line(axes, curves[arm], unit, index)
    if unit == "updates":
        _tell(axes, curves, unit)
    ends = [end for curve in curves.values() if len(curve) and (end := float(curve.x[unit][-1])) > 0]
    if ends and max(ends) >= GEOMETRIC * min(ends):
        log_axis(axes, [float(x) for curve in curves.values() for x in curve.x[unit]])
    counts(axes)
    from_zero(axes)


def _tell(axes: Axes, curves: Mapping[str, Curve], unit: str) -> None:
    """What a reader is told at each measurement, or, where they are many, at the ends of the lines."""
    many = sum(map(len, curves.values())) > HOVERED
    for arm, curve in curves.items():
        places = range(len(curve))[-1:] if many else range(len(curve))
        known = [place for place in places if np.isfinite(curve.mean[place])]
        if known:
            x, y = (values[known].tolist() for values in (curve.x[unit], curve.mean))
            texts = [f"{arm}, {number(value, curve.what.unit)} at {at:,.0f}" for at, value in zip(x, y, strict=True)]
            hover_at(axes, x, y, texts)


def _line(axes: Axes, curve: Curve, unit: str, index: int) -> None:
    colour, marker, dash = look(index)
    x = curve.x[unit]
    axes.plot(x, curve.mean, color=colour, linestyle=dash, linewidth=1.3)
    if np.all(np.isfinite(curve.low)):
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
    if unit == "updates":
        starts = np.flatnonzero(np.diff(curve.positions) > 0)
        axes.plot(x[starts], curve.mean[starts], "|", color=colour, markersize=7, markeredgewidth=1.1)
    axes.plot(x[-1:], curve.mean[-1:], marker, color=colour, markersize=3.5)


def _grouped(axes: Axes, curves: Mapping[str, Curve], levels: Sequence[float]) -> None:
    """A group for each payment, an arm a place in it: nothing is learned between two payments."""
    shift = (np.arange(len(curves)) - (len(curves) - 1) / 2) * 0.7 / max(1, len(curves))
    for index, (curve, own) in enumerate(zip(curves.values(), look_indices(curves).values(), strict=True)):
        colour, marker, dash = look(own)
        x = np.searchsorted(levels, curve.x["labels"]) + shift[index]
        axes.plot(x, curve.mean, color=colour, linestyle=dash, linewidth=0.6, alpha=0.7)
        if np.all(np.isfinite(curve.low)):
            axes.vlines(x, curve.low, curve.high, color=colour, linewidth=2, alpha=0.5)
        axes.plot(x, curve.mean, marker, color=colour, markersize=4)
    axes.set_xticks(range(len(levels)), [short(level) for level in levels])
    axes.set_xlim(-0.5, len(levels) - 0.5)
    axes.grid(False, axis="x")
    for edge in range(1, len(levels)):
        axes.axvline(edge - 0.5, color=INK, linewidth=0.5, alpha=0.3)
