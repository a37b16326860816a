"""A matrix of skills: birth and the stages downwards, the skills across, and each skill's score along a life."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from devlearn.evidence.analysis.matrix_cells import Cells
from devlearn.evidence.text.formats import listed, number
from devlearn.records.declared import SHARE
from devlearn.report.data import Row
from devlearn.report.section import Drawn
from devlearn.report.style import (
    DOUBLE,
    INK,
    SINGLE,
    SMALL,
    few_ticks,
    heading,
    hover,
    hover_at,
    label_ends,
    left_of,
    look,
    one_plot,
    plain,
    right_of,
    scale,
    sheet,
    shorten,
)

ROW, ABOVE, BELOW = 0.3, 0.5, 0.1  # inches: a row of cells, what the names of skills take above, what is free below
LETTERS = 12  # of a name beside or above the cells
LETTER, BETWEEN = 0.06, 0.08  # inches: a letter, what stands between two names
NARROW = 5  # skills that one column of a paper has room for
WHOLE, FEW = 0.56, 0.3  # inches: a cell that holds a mean and its interval at the least, one that holds a mean alone
MOST = 10  # lines that can all be named
ROOM = 2.7  # inches that the names below the lines have
DARK = 0.55  # of the colour scale: letters are light from there on
ON_LIGHT, ON_DARK = "#15171b", "#fcfcfc"  # cells keep their colours in the dark, so these letters must too
DARKEST, LIGHTEST = np.array([0, 0x4A, 0x78]) / 255, np.array([1.0, 1.0, 1.0])


def heat_map(cells: Cells, name: str) -> Drawn:
    """The means of one arm with their intervals, darker where better; a frame where a skill has just been learned.

    Shades go from the worst to the best mean of a column, as columns may be counted in different units.
    """
    rows, tasks = cells.mean.shape
    height = ABOVE + ROW * rows + BELOW
    width = SINGLE if tasks <= NARROW else DOUBLE
    figure = sheet(height, width)
    names = [_brief(row) for row in cells.rows]
    left = left_of(names, width)
    room = (0.985 - left) * width / tasks  # inches of a cell
    axes = plain(figure.add_axes((left, BELOW / height, 0.985 - left, ROW * rows / height), facecolor="none"))
    axes.grid(visible=False)
    axes.imshow(_colours(cells), aspect="auto", extent=(0, tasks, rows, 0), interpolation="nearest")
    longest = max(len(_cell(cells, row, task, True)) for row, task in np.ndindex(rows, tasks))
    whole = room > max(WHOLE, LETTER * longest)
    places = list(np.ndindex(rows, tasks))
    told = [f"{cells.rows[row]}, {cells.tasks[task]}: {_cell(cells, row, task, True)}" for row, task in places]
    if room > FEW:
        _write(axes, cells, whole, told)
    else:
        hover_at(axes, [task + 0.5 for _, task in places], [row + 0.5 for row, _ in places], told)
    for task, row in enumerate(cells.learned.tolist()):
        axes.add_patch(Rectangle((task + 0.02, row + 0.06), 0.96, 0.88, fill=False, edgecolor=INK, linewidth=1.2))
    axes.set_xticks(np.arange(tasks) + 0.5, _some(cells.tasks, room * tasks))
    axes.set_yticks(np.arange(rows) + 0.5, names)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    heading(axes, shorten(cells.arm))
    caption = (
        f"{cells.arm}: each skill at birth and at the end of every stage, the mean over {cells.n} learners"
        f"{' and half the width of its 95 % interval' * whole}; darker is better within a column, and a frame "
        "is where the skill was learned."
    )
    return Drawn(name, figure, caption, f"Scores of {cells.arm}, row by row: {_told(cells)}.", _data(cells))


def _write(axes: Axes, cells: Cells, whole: bool, told: Sequence[str]) -> None:
    """Every cell's number in it, which is what a reader points at."""
    shades = _shades(cells)
    for (row, task), text in zip(np.ndindex(shades.shape), told, strict=True):
        letters = ON_DARK if shades[row, task] > DARK else ON_LIGHT
        said = _cell(cells, row, task, whole)
        written = axes.text(task + 0.5, row + 0.5, said, color=letters, ha="center", va="center", fontsize=SMALL)
        hover(written, text)


def over_life(cells: Cells, name: str) -> Drawn:
    """Each skill's score over the stages of one arm's life, with the band of its interval; filled from learning on."""
    unit = cells.units[0] if len(set(cells.units)) == 1 else "number"
    figure, axes = one_plot(2.1, unit, right=right_of(cells.tasks))
    at = np.arange(len(cells.rows))
    ends = []
    for task, label in enumerate(cells.tasks):
        colour, marker, dash = look(task)
        mean, learned = cells.mean[:, task], at >= cells.learned[task]
        axes.fill_between(at, cells.low[:, task], cells.high[:, task], color=colour, alpha=0.15, linewidth=0)
        axes.plot(at, mean, color=colour, linestyle=dash, linewidth=1.2)
        axes.plot(at[learned], mean[learned], marker, color=colour, markersize=3.5, linestyle="none")
        if np.isfinite(mean[-1]) and (len(cells.tasks) <= MOST or task in (0, len(cells.tasks) - 1)):
            ends.append((float(mean[-1]), label, task))
    axes.set_xticks(at, _some(cells.rows, ROOM))
    few_ticks(axes, "y")
    scale(axes, "y", unit)
    heading(axes, f"{shorten(cells.arm)}" + " (%)" * (unit == SHARE))
    label_ends(axes, ends)
    caption = (
        f"{cells.arm}: each skill over the stages of life, mean and pointwise 95 % interval over {cells.n} learners; "
        "dots from where it was learned. What falls after its first dot is forgotten."
    )
    told = listed([_line(cells, task) for task in range(len(cells.tasks))])
    return Drawn(name, figure, caption, f"Skills of {cells.arm} over its life: {told}.", _data(cells))


def _data(cells: Cells) -> list[Row]:
    ends = {"mean": cells.mean, "low": cells.low, "high": cells.high}
    return [
        {"after": row, "skill": task, **{end: float(of[at, column]) for end, of in ends.items()}}
        for at, row in enumerate(cells.rows)
        for column, task in enumerate(cells.tasks)
    ]


def _shades(cells: Cells) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(S + 1, T) 0 for the least mean of a column and 1 for the largest; 0 where all are alike or unknown."""
    low, high = (of(cells.mean, axis=0) for of in (np.min, np.max))
    span = np.where(high > low, high - low, np.inf)
    return np.asarray(np.nan_to_num((cells.mean - low) / span, nan=0.0))


def _colours(cells: Cells) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    share = 0.9 * _shades(cells)[..., None]
    return np.asarray(LIGHTEST + share * (DARKEST - LIGHTEST))


def _brief(row: str) -> str:
    """The name of a row: ``look (2)`` for ``look (visit 2)``."""
    name, _, visit = row.partition(" (visit ")
    return shorten(name, LETTERS) + f" ({visit}" * bool(visit)


def _some(names: Sequence[str], room: float) -> list[str]:
    """Names of which as many are written as have ``room``, in inches: all, or every other, third, ..."""
    brief = [_brief(name) for name in names]
    step = math.ceil(len(brief) * (LETTER * max(map(len, brief)) + BETWEEN) / room)
    return [name if place % step == 0 else "" for place, name in enumerate(brief)]


def _cell(cells: Cells, row: int, task: int, whole: bool) -> str:
    """``97.2 ±0.4``, the mean alone where there is no room (``whole``), or ``?`` where it is unknown."""
    mean, times = float(cells.mean[row, task]), 100 if cells.units[task] == SHARE else 1
    if not np.isfinite(mean):
        return "?"
    half = float(cells.high[row, task] - mean) * times
    digits = 1 if times == 100 or abs(mean) >= 10 else 2
    return f"{times * mean:z.{digits}f}" + (f" ±{half:.{digits}f}" if whole and np.isfinite(half) else "")


def _told(cells: Cells) -> str:
    rows = [
        f"{row} {', '.join(number(float(value), unit) for value, unit in zip(values, cells.units, strict=True))}"
        for row, values in zip(cells.rows, cells.mean, strict=True)
    ]
    return f"{', '.join(cells.tasks)}; " + "; ".join(rows)


def _line(cells: Cells, task: int) -> str:
    places: Sequence[int] = (0, int(cells.learned[task]), -1)
    first, learned, last = (number(float(cells.mean[place, task]), cells.units[task]) for place in places)
    return f"{cells.tasks[task]} {first} at birth, {learned} once learned, {last} at the end"
