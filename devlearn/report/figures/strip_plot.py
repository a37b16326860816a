"""Every learner's value."""

import math
from collections.abc import Collection, Iterable, Sequence

from matplotlib.axes import Axes

from devlearn.evidence.analysis.curves import mean_of
from devlearn.evidence.text.formats import listed, moment, number
from devlearn.records.results import ArmSummary, Comparison
from devlearn.report.data import Row
from devlearn.report.section import Drawn
from devlearn.report.style import (
    INK,
    few_ticks,
    hover,
    left_of,
    look,
    look_indices,
    named,
    natural,
    one_plot,
    scale,
    shorten,
)

ROW, NARROW, MANY = 0.3, 0.2, 12  # inches of a row, where there are many arms, and how many are many


def dots(body: Comparison, name: str, matched: Collection[str] = ()) -> Drawn:
    """Every learner's value, a row for each arm, with the mean and its interval beside them.

    ``matched`` names the arms whose compute follows another's: a verdict may count them at their best.
    """
    arms, best = body.arms, _at_best(body, matched)
    step = ROW if len(arms) <= MANY else NARROW
    figure, axes = one_plot(0.62 + step * len(arms), left=left_of(arms))
    axes.grid(False, axis="y")
    plain = [value for arm in arms.values() for seed in arm.values if (value := _plain(arm, seed)) is not None]
    low, high = _limits([*plain, *best.values(), *_ends(arms.values())])
    looks = look_indices(arms)
    for row, (arm_name, arm) in enumerate(arms.items()):
        _row(axes, arm_name, arm, (row, looks[arm_name]), low, body.unit)
        if mean := mean_of(arm.values.values()):
            axes.plot(mean[1:], [row, row], color=INK, linewidth=1.3, solid_capstyle="round")
            (diamond,) = axes.plot(mean[0], row, "D", color=INK, markersize=3.5)
            hover(diamond, f"{arm_name}, mean {number(mean[0], body.unit)}")
        if arm_name in best:
            axes.plot(best[arm_name], row, "D", color=INK, markersize=5, markerfacecolor="none", markeredgewidth=1.1)
    axes.set_yticks(range(len(arms)), [shorten(arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.45, -0.55)
    axes.set_xlim(low, high)
    few_ticks(axes, "x")
    scale(axes, "x", body.unit)
    natural(axes, "x", body.unit, plain)
    axes.set_xlabel(f"{named(body)} {moment(body.at)}", color=INK)
    barred = any(arm.n > 1 for arm in arms.values())
    caption = f"One dot a learner; the diamond is the mean{', its bar the 95 % t-interval of the mean' * barred}."
    if best:
        caption += f" Hollow: the mean at the best checkpoint, where verdicts count {listed(list(best))}."
    if any(arm.diverged for arm in arms.values()):
        caption += " A cross at the edge is a learner that diverged and counts with the probe's worst value;"
        caption += " a bar that reaches the edge goes on beyond it."
    told = listed([_told(arm, found, body.unit, best.get(arm)) for arm, found in arms.items()])
    return Drawn(
        name, figure, caption, f"Strip chart of {named(body)} by learner. Means and their spread: {told}.", _data(body)
    )


def _data(body: Comparison) -> list[Row]:
    return [
        {"arm": name, "seed": seed, f"{body.probe} {body.metric}": value, "diverged": int(seed in arm.diverged_seeds)}
        for name, arm in body.arms.items()
        for seed, value in arm.values.items()
    ]


def _at_best(body: Comparison, matched: Collection[str]) -> dict[str, float]:
    """The means of the matched arms that a verdict at the end counts at their best checkpoint."""
    scored = [pair for pair in body.comparisons if body.at == "end" and pair.scored == "best"]
    counted = {arm for pair in scored for arm in (pair.arm, pair.against) if arm in matched}
    return {arm: found.best for arm, found in body.arms.items() if arm in counted and found.best is not None}


def _told(arm: str, found: ArmSummary, unit: str, best: float | None) -> str:
    if not found.n:
        return f"{arm} nobody yet"
    text = f"{arm} {number(found.mean, unit)} (sd {number(found.sd, unit)}, {found.n} learners"
    return text + (")" if best is None else f"; at its best checkpoint {number(best, unit)}, which its verdict counts)")


def _plain(arm: ArmSummary, seed: int) -> float | None:
    """A learner's value; None where it isn't known or the learner diverged."""
    return None if seed in arm.diverged_seeds else arm.values[seed]


def _ends(arms: Iterable[ArmSummary]) -> list[float]:
    """The ends of the bars; where somebody diverged, the worst value would take the whole axis."""
    means = [mean_of(arm.values.values()) for arm in arms if not arm.diverged]
    return [end for mean in means if mean for end in mean[1:] if math.isfinite(end)]


def _limits(shown: Sequence[float]) -> tuple[float, float]:
    if not shown:
        return 0.0, 1.0
    room = 0.08 * (max(shown) - min(shown)) or 0.05 * abs(shown[0]) or 0.05
    return min(shown) - room, max(shown) + room


def _row(axes: Axes, name: str, arm: ArmSummary, at: tuple[int, int], edge: float, unit: str) -> None:
    """Dots spread over the row's height by seed, the same for all arms; diverged learners at the edge.

    ``at`` is the row, and which look it has.
    """
    row, index = at
    colour, marker, _ = look(index)
    for place, seed in enumerate(arm.values):
        height = row + 0.56 * ((0.618 * place) % 1 - 0.5)
        if (value := _plain(arm, seed)) is not None:
            (dot,) = axes.plot(value, height, marker, color=colour, alpha=0.6, markersize=3.2, markeredgewidth=0)
            hover(dot, f"{name}, seed {seed}: {number(value, unit)}")
        else:
            (cross,) = axes.plot(edge, height, "x", color=colour, markersize=4.5, markeredgewidth=1.3, clip_on=False)
            hover(cross, f"{name}, seed {seed}: diverged")
