"""Pictures of recorded studies: what each arm goes through, where its learners end, how far arms are apart."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from devlearn.records.declared import SHARE
from devlearn.records.published import StudyPair, StudyPoint, StudyResult
from devlearn.report.style import stage_colour
from devlearn.runs.plan.model import ArmPlan
from devlearn_docs.drawing import DOT, FAINT, INK, MEAN, STYLE, VERDICTS, plain, sheet

WIDTH = 4.2  # inches
MOST = 14  # rows of a picture
LETTERS = 22  # of an arm's name
LINE, HANDLE = 78, 8  # letters beside each other in a legend, and what a name's mark takes
KEY = 0.16  # inches of a legend's row
WHITE, SHAM_WHITE = 0.55, 0.75  # of a block's colour: dark letters stand on it, on dark pages too
MARKS = ("o", "s", "^", "D", "v", "P", "X")
LINES = (
    DOT,
    "#b34700",
    "#00735a",
    "#62686f",
    INK,
    "#7d4fb8",
    "#7d5c00",
    "#b0207a",
)  # one more: 56 arms differ in looks
BLOCK_INK = "#101214"


def picture(result: StudyResult) -> Figure:
    """Arms at one point as dots, arms over the points of a number as lines, otherwise the differences of pairs."""
    with matplotlib.rc_context(STYLE):
        declared = [point for point in result.points if not point.exploratory] or list(result.points)
        if len(declared) == 1:
            return _dots(declared[0])
        if steps := _numbers(declared):
            return _lines(declared, *steps)
        if any(pair.difference is not None for point in declared for pair in point.pairs):
            return _differences(declared)
        return _lines(declared, "")


def _dots(point: StudyPoint) -> Figure:
    """Every learner of every arm."""
    shown = list(point.arms.items())[:MOST]
    figure = sheet(WIDTH, 0.62 + 0.25 * len(shown))
    axes = plain(figure.add_subplot(), "bottom")
    ends(axes, shown, point, named=True)
    axes.set_xlabel(measure(point))
    if len(shown) < len(point.arms):
        axes.set_title(f"the first {len(shown)} of {len(point.arms)} arms", loc="left")
    return figure


def ends(axes: Axes, arms: Sequence[tuple[str, Any]], point: StudyPoint, named: bool) -> None:
    """Learners as dots and their mean as a bar, an arm a row."""
    for row, (_, arm) in enumerate(arms):
        values = _scale(point) * np.array(list(arm.values.values()))
        spread = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        axes.scatter(values, row + spread, s=9, color=DOT, alpha=0.65, linewidths=0)
        axes.plot([values.mean()] * 2, [row - 0.32, row + 0.32], color=MEAN, linewidth=1.8)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    if named:
        axes.set_yticks(range(len(arms)), [_short(name) for name, _ in arms])
    axes.grid(True, axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _numbers(points: Sequence[StudyPoint]) -> tuple[str, list[float]] | None:
    """What is varied and its values, where it is a number, or several keys at once that have the same."""
    for key in points[0].point:
        values = [_number(point.point.get(key)) for point in points]
        known = [value for value in values if value is not None]
        if len(set(known)) == len(points):
            return key, known
    return None


def _number(value: Any) -> float | None:
    """A setting as a number; a list of one is one."""
    if isinstance(value, list) and len(value) == 1:
        return _number(value[0])
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _lines(points: Sequence[StudyPoint], key: str, at: list[float] | None = None) -> Figure:
    """The mean of every arm over what is varied, with its interval; without numbers, point by point."""
    names = list(points[0].arms)
    columns = max(1, LINE // (max(map(len, names)) + HANDLE))
    figure = sheet(WIDTH, 2.5 + (KEY * -(-len(names) // columns) if len(names) > 1 else 0))
    axes = plain(figure.add_subplot(), "left", "bottom")
    where = np.arange(len(points), dtype=float) if at is None else np.array(at)
    order = np.argsort(where)
    for name, mark, colour in zip(names, cycle(MARKS), cycle(LINES), strict=False):
        found = [points[k].arms[name] for k in order]
        mean = _scale(points[0]) * np.array([arm.mean for arm in found])
        bounds = _scale(points[0]) * np.array([arm.interval or (arm.mean, arm.mean) for arm in found])
        drawn: dict[str, Any] = {"marker": mark, "color": colour, "markersize": 4, "linewidth": 1, "label": name}
        drawn["linestyle"] = "none" if at is None else "-"
        axes.errorbar(where[order], mean, np.abs(bounds.T - mean), **drawn)
    if at is None:
        places = [_short(_where(point)) for point in points]
        axes.set_xticks(where, places, rotation=30, ha="right", fontsize=7)
    elif where.min() > 0 and where.max() >= 8 * where.min():
        axes.set_xscale("log")
        axes.set_xticks(sorted(set(where)), [f"{value:,.0f}" for value in sorted(set(where))], minor=False)
        axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(left=True)
    axes.grid(True, color=FAINT, linewidth=0.5)
    axes.set_xlabel(key.rpartition(".")[2].replace("_", " "))
    axes.set_ylabel(measure(points[0]))
    if len(names) > 1:  # above the plot: within it, there may be no place without a line
        figure.legend(loc="outside upper left", ncols=columns, frameon=False, fontsize=7, columnspacing=1.2)
    return figure


def _differences(points: Sequence[StudyPoint]) -> Figure:
    """The difference of every pair at every point with its interval, coloured by its verdict."""
    rows = [(point, pair) for point in points for pair in point.pairs if pair.difference is not None]
    shown = rows[:MOST]
    figure = sheet(WIDTH, 0.8 + 0.22 * len(shown))
    axes = plain(figure.add_subplot(), "bottom")
    axes.axvline(0, color=INK, linewidth=0.8)
    for row, (point, pair) in enumerate(shown):
        _difference(axes, row, point, pair)
    axes.set_yticks(range(len(shown)), [_label(point, pair, len(points) > 1) for point, pair in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(True, axis="x", color=FAINT, linewidth=0.5)
    unit = "points" if points[0].unit == SHARE else points[0].unit
    axes.set_xlabel(f"difference in {points[0].metric.replace('_', ' ')}{f', {unit}' if unit else ''}")
    if len(shown) < len(rows):
        axes.set_title(f"the first {len(shown)} of {len(rows)} differences", loc="left")
    return figure


def _difference(axes: Axes, row: int, point: StudyPoint, pair: StudyPair) -> None:
    colour, scale = VERDICTS.get(pair.verdict, INK), _scale(point)
    assert pair.difference is not None
    low, high = pair.interval or (pair.difference, pair.difference)
    axes.plot([scale * low, scale * high], [row, row], color=colour, linewidth=2, solid_capstyle="round")
    axes.scatter([scale * pair.difference], [row], color=colour, s=16, zorder=3)
    axes.annotate(pair.verdict, (1.01, row), xycoords=("axes fraction", "data"), color=colour, va="center", fontsize=7)


def _label(point: StudyPoint, pair: StudyPair, several: bool) -> str:
    at = _short(_where(point))
    return f"{f'{at}: ' if several and at else ''}{_short(pair.arm)} - {_short(pair.against)}"


def _where(point: StudyPoint) -> str:
    """A point of ``vary`` in few letters: its first two settings that say something."""
    return ", ".join(list(dict.fromkeys(filter(None, map(_value, point.point.values()))))[:2])


def _value(value: Any) -> str:
    """A setting: of a map its values, of a list its numbers; parts of arms and empty ones say nothing."""
    if isinstance(value, dict):
        return " ".join(filter(None, map(_value, value.values())))
    if isinstance(value, list):
        named = [str(one.get("id", "")).removesuffix("Observation") for one in value if isinstance(one, dict)]
        return " ".join(named) if named else "-".join(map(str, value))
    return str(value)


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _scale(point: StudyPoint) -> float:
    return 100.0 if point.unit == SHARE else 1.0


def measure(point: StudyPoint) -> str:
    """What an axis shows: ``digits accuracy (%)``."""
    unit = "%" if point.unit == SHARE else point.unit
    kept = unit and unit not in ("number", point.metric)
    return f"{point.probe} {point.metric.replace('_', ' ')}{f' ({unit})' if kept else ''}"


def lives(arms: Sequence[ArmPlan], result: StudyResult, narrow: bool = False) -> Figure:
    """What each arm goes through, as blocks with their budgets, beside where each of its learners ends, or above it."""
    with matplotlib.rc_context(STYLE):
        point = result.at()
        if narrow:
            figure = sheet(5, 2 * (0.75 + 0.5 * len(arms)))
            left, right = figure.subplots(2, 1)
        else:
            figure = sheet(9, 0.75 + 0.5 * len(arms))
            left, right = figure.subplots(1, 2, width_ratios=(1.3, 1), sharey=True)
        for row, arm in enumerate(arms):
            for place, stage in enumerate(arm.stages):
                budget = stage.stage.budget()
                sham = stage.keys.get("sham") not in (None, False, "none")
                title = f"{stage.name} (sham)" if sham else stage.name
                between = "\n" if narrow else " "
                text = title if budget is None else f"{title}\n{budget[1]:,}{between}{budget[0].replace('_', ' ')}"
                colour = _light(stage_colour(stage.kind), SHAM_WHITE if sham else WHITE)
                left.barh(row, 0.96, left=place, height=0.8, color=colour)
                left.text(place + 0.48, row, text, ha="center", va="center", fontsize=6.6, color=BLOCK_INK)
        shown = [(arm.name, point.arms[arm.name]) for arm in arms]
        ends(plain(right, "bottom"), shown, point, named=narrow)
        for row, (_, arm_) in enumerate(shown):
            mean = _scale(point) * arm_.mean
            right.text(mean, row - 0.34, f"{mean:.1f}", ha="center", va="bottom", fontsize=7.5)
        plain(left).set_yticks(range(len(arms)), [arm.name for arm in arms])
        left.set_ylim(len(arms) - 0.45, -0.75)
        left.set_xticks([])
        left.set_title("what each arm goes through")
        right.set_title(f"test accuracy (%) of {shown[0][1].n} learners, and their mean")
        return figure


def _light(colour: str, white: float) -> tuple[float, float, float]:
    """The colour that a stage has in reports, so light that dark letters can be read on it."""
    red, green, blue = (part + white * (1 - part) for part in to_rgb(colour))
    return red, green, blue
