"""Each arm over what is varied."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from devlearn.evidence.curves import mean_of
from devlearn.evidence.load import Json
from devlearn.evidence.places import settings
from devlearn.evidence.words import listed, moment, number
from devlearn.report.figures.paper import (
    INK,
    Drawn,
    heading,
    label_ends,
    log_where_it_spans,
    look,
    named,
    one_plot,
    right_of,
    short,
    shorten,
)


def varied(bodies: Sequence[Json], name: str, family: str = "", arms: Sequence[str] | None = None) -> Drawn | None:
    """Each arm's mean over the one number that is varied; None where it isn't one number.

    Where a plot shows only a ``family``, ``arms`` are its members.
    """
    points = [settings(body["point"]) for body in bodies]
    keys = {key for point in points for key in point}
    if len(keys) != 1:
        return None
    key = keys.pop()
    x = [value for point in points if isinstance(value := point[key], int | float) and not isinstance(value, bool)]
    if len(x) < len(points):
        return None
    arms = list(bodies[0]["arms"]) if arms is None else arms
    figure, axes = one_plot(2.5, bodies[0]["metric"], right=right_of(arms))
    ends, told = [], []
    for index, arm in enumerate(arms):
        known = [(v, m) for v, body in zip(x, bodies, strict=True) if (m := mean_of(body["arms"][arm])) is not None]
        if known:
            _means(axes, known, index)
            ends.append((known[-1][1][0], arm, index))
            first, last = (number(known[place][1][0], bodies[0]["metric"]) for place in (0, -1))
            told.append(f"{arm} {first} at {known[0][0]} to {last} at {known[-1][0]}")
    log_where_it_spans(axes, x)
    axes.set_xticks(x, [short(value) for value in x])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(key, color=INK)
    heading(axes, f"{named(bodies[0])} {moment(bodies[0]['at'])}" + f": {shorten(family)}" * bool(family))
    label_ends(axes, ends)
    caption = f"Mean of each arm over {key}, with its 95 % t-interval."
    return Drawn(name, figure, caption, f"{named(bodies[0])} over {key}: {listed(told or ['nothing yet'])}.")


def _means(axes: Axes, known: Sequence[tuple[float, tuple[float, float, float]]], index: int) -> None:
    colour, marker, dash = look(index)
    x = [value for value, _ in known]
    mean, low, high = np.array([triple for _, triple in known]).T
    axes.plot(x, mean, color=colour, linestyle=dash, marker=marker, markersize=3.5, linewidth=1.3)
    if np.all(np.isfinite(low)):
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
