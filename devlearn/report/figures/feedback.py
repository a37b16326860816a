"""A measure over what a caregiver told, and what that can tell at most of the images that it spoke of."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from devlearn.evidence.analysis.curves import Curve
from devlearn.evidence.statistics import Vector
from devlearn.evidence.text.formats import listed, number
from devlearn.records.declared import SHARE
from devlearn.report.data import Row, courses
from devlearn.report.section import Drawn
from devlearn.report.style import INK, counts, few_ticks, heading, hover, label_ends, look, one_plot, right_of, titled

TOLD = {"feedback_bits": "bits of feedback", "feedback_events": "events of feedback"}


def least_bits(accuracy: Vector, chance: float) -> Vector:
    """Bits about an image of one of 1/chance equally likely classes without which no answer is right so often.

    The rate at the distortion 1 - accuracy: ``log2 K - h(1 - a) - (1 - a) log2(K - 1)`` (Cover and Thomas 2006, 10.3),
    from a = chance, where nothing need be told, to a = 1.
    """
    classes, wrong = 1 / chance, np.clip(1 - accuracy, 1e-12, 1 - 1e-12)
    h = -wrong * np.log2(wrong) - (1 - wrong) * np.log2(1 - wrong)
    found: Vector = np.maximum(np.log2(classes) - h - wrong * np.log2(max(classes - 1, 1)), 0.0)
    return found


def feedback(
    arms: Mapping[str, Curve],
    unit: str,
    name: str,
    theory: tuple[float, float] | None,
    family: str = "",
    silent: Sequence[str] = (),
) -> Drawn:
    """Each arm's curve over ``unit`` on a logarithmic axis.

    ``theory`` are the labelled images and chance: the dotted line is the accuracy to which bits can tell the answers of
    these images, where nothing that is told of one says anything of another. ``silent`` are arms that heard nothing.
    """
    what = next(iter(arms.values())).what
    figure, axes = one_plot(2.6, what.unit, right=right_of(arms))
    ends = []
    for index, (arm, curve) in enumerate(arms.items()):
        colour, marker, dash = look(index)
        shown = curve.x[unit] > 0
        axes.plot(curve.x[unit][shown], curve.mean[shown], color=colour, linestyle=dash, linewidth=1.2)
        if np.all(np.isfinite(curve.low)):
            axes.fill_between(
                curve.x[unit][shown], curve.low[shown], curve.high[shown], color=colour, alpha=0.16, linewidth=0
            )
        (end,) = axes.plot(curve.x[unit][-1:], curve.mean[-1:], marker, color=colour, markersize=3.5)
        hover(end, f"{arm}, {number(float(curve.mean[-1]), what.unit)} at {curve.x[unit][-1]:,.0f}")
        ends.append((float(curve.mean[-1]), arm, index))
    axes.set_xscale("log")
    limits = axes.get_xlim()
    if theory is not None:
        images, chance = theory
        accuracy = np.linspace(chance, 1.0, 200)
        axes.plot(images * least_bits(accuracy, chance), accuracy, ":", color=INK, linewidth=1)
        axes.set_xlim(*limits)
    if what.unit == SHARE:  # intervals of few learners reach beyond all that there is
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.03), min(high, 1.03))
    few_ticks(axes, "y")
    counts(axes)
    axes.set_xlabel(f"{TOLD[unit]} over the whole life", color=INK)
    heading(axes, titled(what.key, what.unit, family))
    label_ends(axes, ends)
    n = max(curve.n for curve in arms.values())
    caption = f"{titled(what.key, what.unit)} over {TOLD[unit]}: mean of {n} learners, pointwise 95 % t-interval."
    if theory is not None:
        caption += (
            f" Dotted: what bits can tell at most of the {theory[0]:,.0f} labelled images alone; above it, what was"
            " told of some images is used for others."
        )
    if silent:
        caption += f" Not drawn, as no caregiver told them anything: {listed(silent)}."
    told = listed([_told(arm, curve, unit) for arm, curve in arms.items()])
    of = f"{family}: " if family else ""
    return Drawn(
        name,
        figure,
        f"{of}{caption}",
        f"{of}{titled(what.key, what.unit)} over {TOLD[unit]}: {told}.",
        list(_data(arms, unit)),
    )


def _data(arms: Mapping[str, Curve], unit: str) -> Iterator[Row]:
    for arm, curve in arms.items():
        columns = {unit: curve.x[unit], "mean": curve.mean, "low": curve.low, "high": curve.high}
        yield from courses({"arm": arm}, {name: values.tolist() for name, values in columns.items()})


def _told(arm: str, curve: Curve, unit: str) -> str:
    return f"{arm} {number(float(curve.mean[-1]), curve.what.unit)} after {curve.x[unit][-1]:,.0f}"
