"""Each arm over what is varied."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from devlearn.evidence.analysis.curves import mean_of
from devlearn.evidence.text.formats import listed, moment, number
from devlearn.evidence.text.points import axis, setting, settings
from devlearn.records.results import Comparison
from devlearn.report.data import Row
from devlearn.report.section import Drawn
from devlearn.report.style import (
    INK,
    geometric,
    heading,
    hover,
    inches,
    label_ends,
    log_axis,
    look,
    look_indices,
    named,
    natural,
    one_plot,
    right_of,
    short,
    shorten,
)

APART = 0.03  # inches between the labels of two points


def varied(
    bodies: Sequence[Comparison], name: str, family: str = "", arms: Sequence[str] | None = None
) -> Drawn | None:
    """Each arm's mean over the one setting that is different at every point; None where there is no such setting.

    Numbers stand where they belong; where a word is among them (``labels: all``) all stand side by side. Where a plot
    shows only a ``family``, ``arms`` are its members.
    """
    points = [settings(body.point) for body in bodies]
    key = axis(points)
    if key is None:
        return None
    values = [point[key] for point in points]
    numbers = [value for value in values if isinstance(value, int | float)]
    x = numbers if len(numbers) == len(values) else [float(place) for place in range(len(values))]
    arms = list(bodies[0].arms) if arms is None else arms
    figure, axes = one_plot(2.5, bodies[0].unit, right=right_of(arms))
    ends, told = [], []
    data: list[Row] = []
    for arm, index in look_indices(arms).items():
        means = [mean_of(body.arms[arm].values.values()) for body in bodies]
        known = [(place, mean) for place, mean in enumerate(means) if mean is not None]
        if known:
            line = _means(axes, [(x[place], mean) for place, mean in known], index)
            hover(line, *(f"{arm}, {number(mean[0], bodies[0].unit)} at {values[place]}" for place, mean in known))
            data += [{"arm": arm, key: values[place], "mean": m[0], "low": m[1], "high": m[2]} for place, m in known]
            ends.append((known[-1][1][0], arm, index))
            first, last = (number(mean[0], bodies[0].unit) for _, mean in (known[0], known[-1]))
            told.append(f"{arm} {first} at {values[known[0][0]]} to {last} at {values[known[-1][0]]}")
    if x == numbers and geometric(x):
        log_axis(axes, x)
    named_at = [short(value) if isinstance(value, int | float) else str(value) for value in values]
    axes.set_xticks(x, _legible(axes, x, named_at))
    axes.xaxis.set_minor_locator(NullLocator())
    natural(axes, "y", bodies[0].unit, [mean for mean, _, _ in ends])
    axes.set_xlabel(key, color=INK)
    heading(axes, f"{named(bodies[0])} {moment(bodies[0].at)}" + f": {shorten(family)}" * bool(family))
    label_ends(axes, ends)
    caption = f"Mean of each arm over {key}, with its 95 % t-interval.{_besides(points, key)}"
    return Drawn(name, figure, caption, f"{named(bodies[0])} over {key}: {listed(told or ['nothing yet'])}.", data)


def _legible(axes: Axes, x: Sequence[float], texts: Sequence[str]) -> list[str]:
    """The texts at x, without those that would touch one to the left of them."""
    width = float(axes.get_window_extent().width) / axes.figure.dpi
    at = axes.transAxes.inverted().transform(axes.transData.transform([(one, 0.0) for one in x]))[:, 0] * width
    shown, free = list(texts), -np.inf
    for place in np.argsort(at):
        half = inches(texts[place]) / 2
        if at[place] - half < free + APART:
            shown[place] = ""
        else:
            free = at[place] + half
    return shown


def _besides(points: Sequence[Mapping[str, object]], key: str) -> str:
    """What else is different somewhere."""
    others = [{name: value for name, value in point.items() if name != key} for point in points]
    told = [f"{key} = {point[key]}: {setting(other)}" for point, other in zip(points, others, strict=True) if other]
    return f" Besides, at {'; '.join(told)}." if told else ""


def _means(axes: Axes, known: Sequence[tuple[float, tuple[float, float, float]]], index: int) -> Line2D:
    colour, marker, dash = look(index)
    x = [value for value, _ in known]
    mean, low, high = np.array([triple for _, triple in known]).T
    (line,) = axes.plot(x, mean, color=colour, linestyle=dash, marker=marker, markersize=3.5, linewidth=1.3)
    if np.all(np.isfinite(low)):
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    return line
