"""What all figures share: column widths, sizes of letters, colours, axes."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from devlearn.records.declared import SHARE
from devlearn.records.results import Comparison

SINGLE, DOUBLE = 3.4, 7.0  # inches: one column of a paper, and two
TEXT, SMALL = 8.0, 7.0  # points at that width; nothing is smaller
LETTER = 0.55 * SMALL / 72  # inches: the mean width of a small letter
LONGEST = 24  # letters of a name before it is cut
KEY_ROW, WIDEST = 0.16, 52  # inches of a row in the key below a plot; letters of a name there
HOVER = "hover:"  # begins the ids of artists that tell something
EDGE = 0.03  # of an axis of shares beyond 0 and 1, so that what lies there is seen
NAMES_AT = 1.11  # of a plot's width: where the names of its lines begin
INK, GRID, PAPER = "#1a1c20", "#d8dbe0", "#ffffff"
# Okabe and Ito's hues, darkened to 4.5:1 on white; the page gives lighter ones in the dark. Lines differ in dash and
# marker as well, so that nothing hangs on colour alone.
COLOURS = ("#0066a0", "#b34700", "#00735a", "#97407a", "#7d5c00", "#4d535c")
KINDS = {  # the colour of a stage, by the way of learning that its kind begins with; all others have the last colour
    "supervise": COLOURS[0], "innate": COLOURS[1], "pretrain": COLOURS[2], "trial": COLOURS[3], "imitate": COLOURS[4],
    "caregiver": COLOURS[4],
}  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 2)), (0, (8, 2)))


def look(index: int) -> tuple[str, str, str | tuple[int, tuple[float, ...]]]:
    """Colour, marker and dash of the arm with this index; combinations repeat after 36 arms."""
    other = index + index // len(COLOURS)
    return COLOURS[index % len(COLOURS)], MARKERS[other % len(MARKERS)], DASHES[other % len(DASHES)]


def look_indices(arms: Iterable[str]) -> dict[str, int]:
    """For each arm the index that ``look`` takes: arms of several runs (``run/arm``) have the colour of their name.

    Which run they are of, marker and dash tell.
    """
    parts = [(arm, *arm.rpartition("/")[::2]) for arm in arms]
    runs = {run: place for place, run in enumerate(dict.fromkeys(run for _, run, _ in parts))}
    names = {name: place for place, name in enumerate(dict.fromkeys(name for *_, name in parts))}
    size = len(COLOURS)
    return {
        arm: names[name] % size + size * (runs[run] + len(runs) * (names[name] // size)) for arm, run, name in parts
    }


def hover(artist: Artist, *texts: str) -> None:
    """Have a reader who points at an artist told a text, or at its markers one each, in their order."""
    artist.set_gid(HOVER + "\n".join(" ".join(text.split()) for text in texts))


def hover_at(axes: Axes, x: Sequence[float], y: Sequence[float], texts: Sequence[str]) -> None:
    """The same of points that have no marker."""
    (line,) = axes.plot(x, y, "o", color=INK, alpha=0, markersize=6, markeredgewidth=0, zorder=9)
    hover(line, *texts)


def stage_colour(kind: str) -> str:
    """The colour of a stage of this kind, the same in every figure."""
    return KINDS.get(kind.partition(".")[0], COLOURS[-1])


def sheet(height: float, width: float = SINGLE) -> Figure:
    """An empty figure, ``height`` inches high."""
    return Figure(figsize=(width, height), facecolor=PAPER)


def one_plot(
    height: float, unit: str | None = None, left: float = 0.125, right: float = 0.965, width: float = SINGLE
) -> tuple[Figure, Axes]:
    """A figure of one plot; the y axis is in the unit where one is given."""
    figure = sheet(height, width)
    axes = plain(figure.add_axes((left, 0.42 / height, right - left, 1 - 0.6 / height), facecolor="none"))
    if unit is not None:
        scale(axes, "y", unit)
    return figure, axes


def keyed_plot(height: float, unit: str, lines: int) -> tuple[Figure, Axes]:
    """A figure of one plot, ``height`` inches high, over a ``key`` of so many lines, which has room for long names."""
    below = lines * KEY_ROW
    figure = sheet(height + below)
    place = (0.125, (0.42 + below) / (height + below), 0.84, (height - 0.6) / (height + below))
    axes = plain(figure.add_axes(place, facecolor="none"))
    scale(axes, "y", unit)
    return figure, axes


def key(axes: Axes) -> None:
    """The names of the labelled lines below a plot, those that end highest first."""
    lines = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    figure, ordered = (
        axes.get_figure(root=True),
        sorted(lines, key=lambda line: -float(np.asarray(line.get_ydata())[-1])),
    )
    assert figure is not None
    height = figure.get_figheight()
    for row, line in enumerate(reversed(ordered)):
        at = (0.5 + row) * KEY_ROW / height
        sample = Line2D([0.03, 0.075, 0.12], [at] * 3, linewidth=1.3, markersize=3.5, markevery=[1])
        sample.set(color=line.get_color(), linestyle=line.get_linestyle(), marker=line.get_marker())
        sample.set_transform(figure.transFigure)
        figure.add_artist(sample)
        figure.text(0.14, at, shorten(str(line.get_label()), WIDEST), color=INK, va="center", fontsize=SMALL)


def two_plots(height: float, unit: str, right: float, left: float = 0.125) -> tuple[Figure, list[Axes]]:
    """A figure of two plots over one x axis, the upper one lower than the other; y is in the unit."""
    figure = sheet(height)
    space = height - 0.8  # without the letters above, between and below
    upper = (left, (0.6 + 0.58 * space) / height, right - left, 0.42 * space / height)
    lower = (left, 0.42 / height, right - left, 0.58 * space / height)
    top = figure.add_axes(upper, facecolor="none")
    plots = [plain(top), plain(figure.add_axes(lower, facecolor="none", sharex=top))]
    top.tick_params(labelbottom=False)
    for axes in plots:
        scale(axes, "y", unit)
    return figure, plots


def plain(axes: Axes) -> Axes:
    """Two spines, a faint grid behind, small letters."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
        axes.spines[side].set_linewidth(0.7)
    axes.tick_params(colors=INK, labelsize=SMALL, width=0.7, length=2.5, pad=2)
    axes.grid(True, color=GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    return axes


def scale(axes: Axes, which: str, unit: str) -> None:
    """Percent on an axis of shares."""
    if unit == SHARE:
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))


def few_ticks(axes: Axes, which: str, most: int = 5) -> None:
    """At most ``most`` ticks."""
    (axes.xaxis if which == "x" else axes.yaxis).set_major_locator(MaxNLocator(most))


def counts(axes: Axes) -> None:
    """Short counts along x: 250, 1.5k, 30M."""
    if axes.get_xscale() == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    elif axes.get_xscale() == "log":
        low, high = axes.get_xlim()
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def from_zero(axes: Axes) -> None:
    """No tick below 0 on an axis of counts: the margin left of it is room, not a number."""
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= high])
    axes.set_xlim(low, high)


def short(value: float) -> str:
    """A count for an axis: 250, 1.5k, 30M, 2G."""
    for size_of, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size_of:
            return f"{value / size_of:.4g}{letter}"
    return f"{value:.4g}"


def titled(key: tuple[str, str], unit: str, family: str = "") -> str:
    """``digits accuracy (%)``: what a measure is called above a plot; ``: waves`` where it shows one family of arms."""
    text = f"{key[0]} {key[1].replace('_', ' ')}" + (" (%)" if unit == SHARE else "")
    return f"{text}: {shorten(family)}" if family else text


def named(body: Comparison) -> str:
    """The compared measure's title."""
    return titled((body.probe, body.metric), body.unit)


def heading(axes: Axes, text: str) -> None:
    """A title above the left end of a plot."""
    axes.set_title(text, color=INK, fontsize=TEXT, loc="left", pad=4)


def shorten(name: str, limit: int = LONGEST) -> str:
    """A name that fits, with an ellipsis where it was cut."""
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def wide(names: Iterable[str]) -> float:
    """Inches that the longest of some names takes in small letters, once cut."""
    return max((inches(shorten(name)) for name in names), default=0.0)


def inches(text: str) -> float:
    """The width of a text in small letters."""
    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=SMALL), False)[0]) / 72


def left_of(names: Iterable[str], width: float = SINGLE) -> float:
    """Where a plot begins, as a share of the figure, so that ``names`` fit beside its rows."""
    return (wide(names) + 0.1) / width


def right_of(names: Iterable[str], left: float = 0.125) -> float:
    """Where a plot ends, as a share of a column, so that ``label_ends`` has room for ``names``."""
    return left + (0.99 - left - wide(names) / SINGLE) / NAMES_AT


def natural(axes: Axes, which: str, unit: str, values: Sequence[float]) -> None:
    """No tick below 0 where no value is, nor above 1 on an axis of shares, which ends there."""
    (low, high), ticks = (axes.get_xlim(), axes.get_xticks()) if which == "x" else (axes.get_ylim(), axes.get_yticks())
    share, least = unit == SHARE, min(values, default=0.0)
    if share:
        low, high = max(low, -EDGE), min(high, 1 + EDGE)
    kept = [t for t in ticks if low <= t <= high and (t >= 0 or (least < 0 and not share)) and (t <= 1 or not share)]
    if which == "x":
        axes.set_xticks(kept)
        axes.set_xlim(low, high)
    else:
        axes.set_yticks(kept)
        axes.set_ylim(low, high)


def geometric(x: Sequence[float]) -> bool:
    """Whether what is positive is spread more evenly by ratio than by distance, and over a factor of 8 at least."""
    positive = np.unique([value for value in x if value > 0])
    if len(positive) < 3:
        return len(positive) == 2 and bool(positive[1] > 50 * positive[0])
    steps, ratios = np.diff(positive), np.diff(np.log(positive))
    return bool(positive[-1] >= 8 * positive[0] and steps.std() / steps.mean() > ratios.std() / ratios.mean())


def log_axis(axes: Axes, x: Sequence[float]) -> None:
    """A logarithmic x axis for these values, linear from 0 to the least that is positive."""
    positive = [value for value in x if value > 0]
    axes.set_xscale("symlog", linthresh=min(positive))
    decades = 10.0 ** np.arange(math.floor(math.log10(min(positive))), math.floor(math.log10(max(positive))) + 1)
    within = decades[decades >= min(positive)]
    if len(within) < 2:  # two numbers alone would read as a linear axis
        marks = np.outer(decades, (1.0, 2.0, 5.0)).ravel()
        within = marks[(marks >= min(positive)) & (marks <= max(positive))]
    axes.set_xticks([0.0, *within[:: max(1, len(within) // 3)]])
    axes.xaxis.set_minor_locator(NullLocator())


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, int]]) -> None:
    """Names to the right of the plot, at the height of each line's end, pushed apart where they would overlap."""
    inches = float(axes.get_window_extent().height) / axes.figure.dpi
    ordered = sorted(ends)
    at = [_height(axes, value) for value, _, _ in ordered]
    for end, place, (_, arm, index) in zip(at, apart(at, 1.25 * SMALL / 72 / inches), ordered, strict=True):
        colour, marker, _ = look(index)
        axes.plot([1.01, 1.05], [end, place], transform=axes.transAxes, color=colour, linewidth=0.7, clip_on=False)
        axes.plot(1.075, place, marker, transform=axes.transAxes, color=colour, markersize=3.5, clip_on=False)
        axes.text(NAMES_AT, place, shorten(arm), transform=axes.transAxes, color=INK, va="center", fontsize=SMALL)


def _height(axes: Axes, value: float) -> float:
    """Where ``value`` stands, as a share of the plot's height, on whatever scale its axis has."""
    on_screen = axes.transData.transform((axes.get_xlim()[0], value))
    return float(axes.transAxes.inverted().transform(on_screen)[1])


def apart(places: Sequence[float], step: float) -> list[float]:
    """Ascending places at least ``step`` apart: pushed up, then, from 1 downwards, down again."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + step) if found else place)
    ceiling = 1.0
    for index in reversed(range(len(found))):
        found[index] = min(found[index], ceiling)
        ceiling = found[index] - step
    return found


def finite(values: Sequence[float | None]) -> TypeGuard[Sequence[float]]:
    """Whether all of them are known and finite."""
    return all(value is not None and np.isfinite(value) for value in values)
