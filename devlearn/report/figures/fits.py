"""Power laws on logarithmic axes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from devlearn.evidence.text.formats import listed
from devlearn.records.results import Fit, RefusedFit
from devlearn.report.data import courses
from devlearn.report.section import Drawn
from devlearn.report.style import INK, heading, hover, label_ends, look, one_plot, right_of, short


def fits(found: Mapping[str, Fit | RefusedFit], what: str, name: str) -> Drawn | None:
    """The error of each arm over the fitted size, with its line; None where no arm has a fit."""
    known = {arm: fit for arm, fit in found.items() if isinstance(fit, Fit)}
    if not known:
        return None
    over = next(iter(known.values())).over
    figure, axes = one_plot(2.6, right=right_of(known))
    axes.set_xscale("log")
    axes.set_yscale("log")
    for index, (arm, fit) in enumerate(found.items()):
        if isinstance(fit, Fit):
            _line(axes, arm, fit, index)
    _ticks(axes, known)
    axes.set_xlabel(over.replace("_", " "), color=INK)
    heading(axes, f"{what} error")
    label_ends(axes, _ends(found))
    caption = (
        "Mean error with its 95 % t-interval, and the least-squares line through the logarithms. The exponents and"
    )
    caption += " their intervals, from resampling seeds, are in the table."
    data = [
        row
        for arm, fit in known.items()
        for row in courses({"arm": arm}, {over: fit.x, "error": fit.error, "low": fit.low, "high": fit.high})
    ]
    told = listed([_told(arm, fit) for arm, fit in known.items()])
    return Drawn(name, figure, caption, f"Error over {over} on logarithmic axes. Fitted exponents: {told}.", data)


def _line(axes: Axes, arm: str, fit: Fit, index: int) -> None:
    colour, marker, dash = look(index)
    x, error = np.array(fit.x), np.array(fit.error)
    axes.plot(x, fit.scale * x**fit.exponent, color=colour, linestyle=dash, linewidth=1.2)
    (marks,) = axes.plot(x, error, marker, color=colour, markersize=3.8)
    hover(marks, *(f"{arm}, error {one:.3g} at {at:,g}" for at, one in zip(fit.x, fit.error, strict=True)))
    low, high = (np.array(end, np.float64) for end in (fit.low, fit.high))
    shown = np.isfinite(low) & np.isfinite(high)
    axes.vlines(
        x[shown], np.maximum(low[shown], error[shown] / 10), high[shown], color=colour, linewidth=1.2, alpha=0.6
    )


def _ticks(axes: Axes, known: Mapping[str, Fit]) -> None:
    """The sizes themselves along x where all arms share few of them; 1, 2, 5 along y."""
    sizes = sorted({value for fit in known.values() for value in fit.x})
    if len(sizes) <= 8:
        axes.set_xticks(sizes, [short(size) for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    axes.set_yticks(_steps(low, high))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low, high)


def _steps(low: float, high: float) -> list[float]:
    """Round numbers between ``low`` and ``high``: 1, 2, 5 of each decade, finer where that gives fewer than three."""
    for parts in ((1, 2, 5), (1, 2, 3, 4, 5, 7), tuple(n / 2 for n in range(2, 20))):
        found = [m * 10.0**e for e in range(-9, 10) for m in parts if low <= m * 10.0**e <= high]
        if len(found) >= 3:
            break
    return found


def _ends(found: Mapping[str, Fit | RefusedFit]) -> list[tuple[float, str, int]]:
    """The last error of each arm."""
    return [(fit.error[-1], arm, index) for index, (arm, fit) in enumerate(found.items()) if isinstance(fit, Fit)]


def _told(arm: str, fit: Fit) -> str:
    low, high = fit.interval
    return f"{arm} {fit.exponent:.3f} ({low:.3f} to {high:.3f})"
