"""Every learner's value."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from devlearn.evidence.curves import mean_of
from devlearn.evidence.load import Json
from devlearn.evidence.words import listed, moment, number
from devlearn.report.figures.paper import INK, Drawn, few_ticks, look, named, one_plot, scale, shorten


def dots(body: Json, name: str) -> Drawn:
    """Every learner's value, a row for each arm, with the mean and its interval beside them."""
    arms = body["arms"]
    figure, axes = one_plot(0.62 + 0.3 * len(arms), left=0.28)
    axes.grid(False, axis="y")
    low, high = _limits([v for arm in arms.values() for seed, v in arm["values"].items() if _is_plain(arm, seed, v)])
    for row, arm in enumerate(arms.values()):
        _row(axes, arm, row, low)
        if mean := mean_of(arm):
            axes.plot(mean[1:], [row, row], color=INK, linewidth=1.3, solid_capstyle="round")
            axes.plot(mean[0], row, "D", color=INK, markersize=3.5)
    axes.set_yticks(range(len(arms)), [shorten(arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.45, -0.55)
    axes.set_xlim(low, high)
    few_ticks(axes, "x")
    scale(axes, "x", body["metric"])
    axes.set_xlabel(f"{named(body)} {moment(body['at'])}", color=INK)
    caption = "One dot a learner; the diamond is the mean, its bar the 95 % t-interval of the mean."
    if any(arm["diverged"] for arm in arms.values()):
        caption += " A cross at the edge is a learner that diverged and counts with the probe's worst value;"
        caption += " a bar that reaches the edge goes on beyond it."
    told = listed([_told(arm, found, body["metric"]) for arm, found in arms.items()])
    return Drawn(name, figure, caption, f"Strip chart of {named(body)} by learner. Means and their spread: {told}.")


def _told(arm: str, found: Json, metric: str) -> str:
    return f"{arm} {number(found['mean'], metric)} (sd {number(found['sd'], metric)}, {found['n']} learners)"


def _is_plain(arm: Json, seed: str, value: float | None) -> bool:
    return value is not None and int(seed) not in arm["diverged_seeds"]


def _limits(shown: Sequence[float]) -> tuple[float, float]:
    if not shown:
        return 0.0, 1.0
    room = 0.08 * (max(shown) - min(shown)) or 0.05 * abs(shown[0]) or 0.05
    return min(shown) - room, max(shown) + room


def _row(axes: Axes, arm: Json, row: int, edge: float) -> None:
    """Dots spread over the row's height by seed, the same for all arms; diverged learners at the edge."""
    colour, marker, _ = look(row)
    for place, (seed, value) in enumerate(arm["values"].items()):
        height = row + 0.56 * ((0.618 * place) % 1 - 0.5)
        if _is_plain(arm, seed, value):
            axes.plot(value, height, marker, color=colour, alpha=0.6, markersize=3.2, markeredgewidth=0)
        else:
            axes.plot(edge, height, "x", color=colour, markersize=4.5, markeredgewidth=1.3, clip_on=False)
