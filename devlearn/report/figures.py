"""The figures of a report: each function draws one from evidence and says in words what it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from devlearn.evidence.curves import Curve, mean_of
from devlearn.evidence.load import Json
from devlearn.evidence.words import listed, moment, number, size

INK, GRID, PAPER = "#1a1c20", "#d8dbe0", "#ffffff"
# Okabe and Ito's hues, darkened to 4.5:1 on white; the page gives lighter ones in the dark. Lines differ in dash and
# marker as well, so that nothing hangs on colour alone.
COLOURS = ("#0066a0", "#b34700", "#00735a", "#97407a", "#7d5c00", "#4d535c")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 2)), (0, (8, 2)))
UNITS = {
    "updates": "updates over the whole life",
    "labels": "labels paid for",
    "flops": "FLOPs over the whole life",
}
WIDTH = 5.4  # inches; 390 px wide at the page's smallest, where text is then about 9 px


@dataclass(frozen=True)
class Drawn:
    """A figure with its file name, its caption, and its description for those who can't see it."""

    name: str
    figure: Figure
    caption: str
    alt: str


def look(index: int) -> tuple[str, str, str | tuple[int, tuple[float, ...]]]:
    """Colour, marker and dash of the arm with this index; combinations repeat after 36 arms."""
    other = index + index // len(COLOURS)
    return COLOURS[index % len(COLOURS)], MARKERS[other % len(MARKERS)], DASHES[other % len(DASHES)]


def _axes(height: float, metric: str | None = None, left: float = 0.13, right: float = 0.97) -> tuple[Figure, Axes]:
    """A figure of one plot, without frame; the y axis is in the metric's units where one is given."""
    figure = Figure(figsize=(WIDTH, height), facecolor=PAPER)
    axes = figure.add_axes((left, 0.5 / height, right - left, 1 - 0.62 / height), facecolor="none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9.5)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    if metric is not None:
        _scale(axes, "y", metric)
    return figure, axes


def _scale(axes: Axes, which: str, metric: str) -> None:
    """Percent on an axis of accuracies."""
    if metric == "accuracy":
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))


def _short(value: float) -> str:
    """A count for an axis: 250, 1.5k, 30M, 2G."""
    for size_of, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size_of:
            return f"{value / size_of:g}{letter}"
    return f"{value:g}"


def _named(body: Json) -> str:
    unit = " (%)" if body["metric"] == "accuracy" else ""
    return f"{body['probe']} {body['metric'].replace('_', ' ')}{unit}"


def _shorten(name: str, limit: int = 15) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def dots(body: Json, name: str) -> Drawn:
    """Every learner's value, a row for each arm, with the mean and its interval beside them."""
    arms = body["arms"]
    figure, axes = _axes(0.75 + 0.42 * len(arms), left=0.29)
    axes.grid(False, axis="y")
    shown = [v for arm in arms.values() for seed, v in arm["values"].items() if _plain(arm, seed, v)]
    low, high = _limits(shown)
    for row, arm in enumerate(arms.values()):
        _row_of_dots(axes, arm, row, low)
        if mean := mean_of(arm):
            axes.plot(mean[1:], [row, row], color=INK, linewidth=1.6, solid_capstyle="round")
            axes.plot(mean[0], row, "D", color=INK, markersize=4.5)
    axes.set_yticks(range(len(arms)), [_shorten(arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.45, -0.55)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    _scale(axes, "x", body["metric"])
    axes.set_xlabel(f"{_named(body)} {moment(body['at'])}", color=INK)
    caption = "One dot a learner; the diamond is the mean, its bar the 95 % t-interval of the mean."
    if any(arm["diverged"] for arm in arms.values()):
        caption += " A cross at the edge is a learner that diverged and counts with the probe's worst value;"
        caption += " a bar that reaches the edge goes on beyond it."
    means = listed([f"{arm} {number(found['mean'], body['metric'])}" for arm, found in arms.items()])
    return Drawn(name, figure, caption, f"Strip chart of {_named(body)} by learner. Means: {means}.")


def _plain(arm: Json, seed: str, value: float | None) -> bool:
    return value is not None and int(seed) not in arm["diverged_seeds"]


def _limits(shown: Sequence[float]) -> tuple[float, float]:
    if not shown:
        return 0.0, 1.0
    room = 0.08 * (max(shown) - min(shown)) or 0.05 * abs(shown[0]) or 0.05
    return min(shown) - room, max(shown) + room


def _row_of_dots(axes: Axes, arm: Json, row: int, edge: float) -> None:
    """Dots spread over the row's height by seed, the same for all arms; diverged learners at the edge."""
    colour, marker, _ = look(row)
    for place, (seed, value) in enumerate(arm["values"].items()):
        height = row + 0.5 * ((0.618 * place) % 1 - 0.5)
        if _plain(arm, seed, value):
            axes.plot(value, height, marker, color=colour, alpha=0.6, markersize=4, markeredgewidth=0)
        else:
            axes.plot(edge, height, "x", color=colour, markersize=6, markeredgewidth=1.6, clip_on=False)


def differences(body: Json, name: str) -> Drawn:
    """Each pair's difference with its interval, against zero and the smallest effect of interest."""
    pairs = [pair for pair in body["comparisons"] if pair["difference"] is not None]
    figure, axes = _axes(0.85 + 0.42 * max(1, len(pairs)), left=0.31)
    axes.grid(False, axis="y")
    axes.axvline(0, color=INK, linewidth=1)
    smallest = body["smallest_effect"]
    if smallest:
        axes.axvspan(-smallest, smallest, color=GRID, alpha=0.55, linewidth=0)
    for row, pair in enumerate(pairs):
        low, high = pair["interval"]
        if low is not None and high is not None:
            axes.plot([low, high], [row, row], color=COLOURS[0], linewidth=2.2, solid_capstyle="round")
        axes.plot(pair["difference"], row, "o", color=COLOURS[0], markersize=6)
    axes.set_yticks(range(len(pairs)), [_pair_label(pair) for pair in pairs])
    axes.set_ylim(max(1, len(pairs)) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    _scale(axes, "x", body["metric"])
    unit = " (points)" if body["metric"] == "accuracy" else ""
    axes.set_xlabel(f"difference in {body['metric'].replace('_', ' ')}{unit}", color=INK)
    caption = "The mean difference and its 95 % interval."
    caption += f" Shaded: smaller than the smallest effect of interest, {size(smallest, body['metric'])}." * bool(
        smallest
    )
    told = [f"{p['arm']} against {p['against']} {number(p['difference'], body['metric'], sign=True)}" for p in pairs]
    return Drawn(name, figure, caption, f"Differences with intervals: {listed(told or ['none yet'])}.")


def _pair_label(pair: Json) -> str:
    return f"{_shorten(pair['arm'])}\n− {_shorten(pair['against'])}"


def learning(curves: Mapping[str, Curve], unit: str, name: str) -> Drawn:
    """The learning curves of all arms over ``unit`` of the ledger, labelled at their ends."""
    what = next(iter(curves.values())).what
    figure, axes = _axes(3.5, what.key[1], left=0.11, right=0.7)
    ends = []
    for index, (arm, whole) in enumerate(curves.items()):
        curve = whole.last_at_each("labels") if unit == "labels" else whole
        if len(curve):
            _draw_curve(axes, curve, unit, index)
            ends.append((float(curve.mean[-1]), arm, index))
    _log_where_it_spans(axes, [x for curve in curves.values() for x in curve.x[unit]])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.set_xlabel(UNITS[unit], color=INK)
    axes.set_title(_title(what.key), color=INK, fontsize=10, loc="left")
    _label_ends(axes, ends)
    n = listed(sorted({str(curve.n) for curve in curves.values()}))
    caption = f"{_title(what.key)} over {unit}: mean of {n} learners and its pointwise 95 % t-interval."
    caption += {
        "labels": " Each mark is what the learner knew before it paid for the next; equal payments stand side by side.",
        "updates": " A tall tick marks the start of a stage.",
    }.get(unit, "")
    told = listed([f"{arm} {number(value, what.key[1])}" for value, arm, _ in ends] or ["nothing yet"])
    return Drawn(name, figure, caption, f"Learning curves of {_title(what.key)} over {unit}. At the end: {told}.")


def _title(key: tuple[str, str]) -> str:
    return f"{key[0]} {key[1].replace('_', ' ')}" + (" (%)" if key[1] == "accuracy" else "")


def _draw_curve(axes: Axes, curve: Curve, unit: str, index: int) -> None:
    """A line with its band; over labels steps with bars, for nothing is learned between two payments."""
    colour, marker, dash = look(index)
    paid, band = unit == "labels", bool(np.all(np.isfinite(curve.low)))
    x = curve.x[unit] * (1 - 0.012 * index) if paid else curve.x[unit]  # side by side, or all arms hide each other
    steps = "steps-post" if paid else "default"
    axes.plot(x, curve.mean, color=colour, linestyle=dash, linewidth=1.6, drawstyle=steps)
    if band and paid:
        axes.vlines(x, curve.low, curve.high, color=colour, linewidth=2.4, alpha=0.5)
    elif band:
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
    if unit == "updates":
        starts = np.flatnonzero(np.diff(curve.positions) > 0)
        axes.plot(x[starts], curve.mean[starts], "|", color=colour, markersize=9, markeredgewidth=1.4)
    shown = slice(None) if paid else slice(-1, None)
    axes.plot(x[shown], curve.mean[shown], marker, color=colour, markersize=5)


def _log_where_it_spans(axes: Axes, x: Sequence[float]) -> None:
    """A logarithmic axis (linear around 0) where the positive values span more than a factor of 50."""
    positive = [value for value in x if value > 0]
    if positive and max(positive) / min(positive) > 50:
        axes.set_xscale("symlog", linthresh=min(positive))


def _label_ends(axes: Axes, ends: Sequence[tuple[float, str, int]]) -> None:
    """Names to the right of the plot, at the height of each line's end, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    step = 0.068
    places: list[tuple[float, float, str, int]] = []
    below = -0.05
    for value, arm, index in sorted(ends):
        at = (value - low) / (high - low)
        below = max(at, below + step)
        places.append((below, at, arm, index))
    over = max(0.0, below - 1.0)
    for height, at, arm, index in places:
        colour, marker, _ = look(index)
        settled = height - over
        axes.plot([1.01, 1.05], [at, settled], transform=axes.transAxes, color=colour, linewidth=0.8, clip_on=False)
        axes.plot(1.065, settled, marker, transform=axes.transAxes, color=colour, markersize=5, clip_on=False)
        axes.text(1.09, settled, _shorten(arm), transform=axes.transAxes, color=INK, va="center", fontsize=9.5)


def varied(bodies: Sequence[Json], name: str) -> Drawn | None:
    """Each arm's mean over the one number that is varied; None where it isn't one number."""
    keys = {key for body in bodies for key in body["point"]}
    if len(keys) != 1:
        return None
    key = keys.pop()
    x = [body["point"][key] for body in bodies]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in x):
        return None
    figure, axes = _axes(3.5, bodies[0]["metric"], left=0.11, right=0.7)
    ends = []
    for index, arm in enumerate(bodies[0]["arms"]):
        known = [(v, m) for v, body in zip(x, bodies, strict=True) if (m := mean_of(body["arms"][arm])) is not None]
        if known:
            _draw_means(axes, known, index)
            ends.append((known[-1][1][0], arm, index))
    _log_where_it_spans(axes, x)
    axes.set_xticks(x, [f"{value:,}" for value in x])
    axes.set_xlabel(key, color=INK)
    axes.set_title(f"{_named(bodies[0])} {moment(bodies[0]['at'])}", color=INK, fontsize=10, loc="left")
    _label_ends(axes, ends)
    told = listed([f"{arm} {number(value, bodies[0]['metric'])}" for value, arm, _ in ends] or ["nothing yet"])
    caption = f"Mean of each arm over {key}, with its 95 % t-interval."
    return Drawn(name, figure, caption, f"{_named(bodies[0])} over {key}. At {x[-1]}: {told}.")


def _draw_means(axes: Axes, known: Sequence[tuple[float, tuple[float, float, float]]], index: int) -> None:
    colour, marker, dash = look(index)
    x = [value for value, _ in known]
    mean, low, high = np.array([triple for _, triple in known]).T
    axes.plot(x, mean, color=colour, linestyle=dash, marker=marker, markersize=4.5, linewidth=1.6)
    if np.all(np.isfinite(low)):
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
