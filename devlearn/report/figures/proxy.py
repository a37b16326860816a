"""The proxy against the metric along learning."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes

from devlearn.evidence.analysis.curves import Curve
from devlearn.evidence.text.formats import listed, number
from devlearn.report.data import Row, courses
from devlearn.report.section import Drawn
from devlearn.report.style import (
    INK,
    few_ticks,
    heading,
    label_ends,
    look,
    natural,
    one_plot,
    right_of,
    scale,
    titled,
)


def proxy(proxies: Mapping[str, Curve], metrics: Mapping[str, Curve], name: str, family: str = "") -> Drawn | None:
    """Each arm's way through (proxy, metric): birth hollow, end filled. None where an arm has no curve of both."""
    known = [arm for arm in proxies if len(proxies[arm]) and len(proxies[arm]) == len(metrics[arm])]
    if not known:
        return None
    what, against = metrics[known[0]].what, proxies[known[0]].what.key
    figure, axes = one_plot(2.6, what.unit, right=right_of(known))
    ends = []
    for index, arm in enumerate(proxies):
        if arm in known:
            _way(axes, proxies[arm], metrics[arm], index)
            ends.append((float(metrics[arm].mean[-1]), arm, index))
    few_ticks(axes, "x")
    axes.set_xlabel(f"{against[0]} {against[1].replace('_', ' ')}", color=INK)
    scale(axes, "y", what.unit)
    natural(axes, "y", what.unit, [end for end, _, _ in ends])
    heading(axes, titled(what.key, what.unit, family))
    label_ends(axes, ends)
    caption = (
        "The metric against its proxy along learning, means over learners. Hollow: at birth; filled: at the end. A way"
        " that leads up and to the left is one on which the proxy's fall brings the metric's rise."
    )
    told = listed([_told(arm, proxies[arm], metrics[arm]) for arm in known])
    return Drawn(
        name,
        figure,
        caption,
        f"{what.key[1]} against {against[1].replace('_', ' ')} along learning: {told}.",
        list(_data(known, proxies, metrics)),
    )


def _data(known: Sequence[str], proxies: Mapping[str, Curve], metrics: Mapping[str, Curve]) -> Iterator[Row]:
    for arm in known:
        x, y = proxies[arm], metrics[arm]
        columns = {"updates": x.x["updates"].tolist(), x.what.key[1]: x.mean.tolist(), y.what.key[1]: y.mean.tolist()}
        yield from courses({"arm": arm}, columns)


def _way(axes: Axes, x: Curve, y: Curve, index: int) -> None:
    colour, marker, dash = look(index)
    axes.plot(x.mean, y.mean, color=colour, linestyle=dash, linewidth=1)
    axes.plot(x.mean[1:-1], y.mean[1:-1], ".", color=colour, markersize=2.5)
    axes.plot(x.mean[:1], y.mean[:1], marker, color=colour, markersize=4.5, markerfacecolor="none")
    axes.plot(x.mean[-1:], y.mean[-1:], marker, color=colour, markersize=4.5)


def _told(arm: str, x: Curve, y: Curve) -> str:
    first, last = (
        f"{number(float(y.mean[p]), y.what.unit)} at {number(float(x.mean[p]), x.what.unit)}" for p in (0, -1)
    )
    return f"{arm} from {first} to {last}"
