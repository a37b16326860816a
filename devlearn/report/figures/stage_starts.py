"""The numbers of stages where they begin on a learning curve."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from devlearn.evidence.analysis.curves import Curve
from devlearn.report.style import INK, SMALL, inches

APART = 0.05  # inches between the numbers of two starts; closer ones share a label
ABOVE = 0.09  # of the plot's height that the numbers take

Stages = Mapping[str, Sequence[str]]


def numbers(stages: Stages) -> dict[str, int]:
    """A number for each stage's name, from 1, in the order of the arms' lives."""
    names = dict.fromkeys(name for own in stages.values() for name in own)
    return {name: place for place, name in enumerate(names, 1)}


def number_starts(axes: Axes, curves: Mapping[str, Curve], stages: Stages) -> None:
    """Each stage's number above the tick at which it begins, once for all arms that begin it there."""
    known = numbers(stages)
    found = {
        (x, known[name]) for arm, curve in curves.items() if len(curve) for x, name in _starts(axes, curve, stages[arm])
    }
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + ABOVE * (high - low))
    groups: list[tuple[float, float, list[int]]] = []  # left end, right end, numbers
    for x, number in sorted(found):
        if groups and x - inches(str(number)) / 2 < groups[-1][1] + APART:
            left, _, own = groups.pop()
            own = [*own, *([number] if number not in own else [])]
        else:
            left, own = x - inches(str(number)) / 2, [number]
        groups.append((left, left + inches(_text(own)), own))
    width = _width(axes)
    for left, right, own in groups:
        left = min(left, width - (right - left))
        axes.text(left / width, 0.99, _text(own), transform=axes.transAxes, va="top", fontsize=SMALL, color=INK)


def _text(own: Sequence[int]) -> str:
    """``3``, ``1, 2``, ``1, 3-6``."""
    runs: list[list[int]] = []
    for number in sorted(own):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _starts(axes: Axes, curve: Curve, names: Sequence[str]) -> list[tuple[float, str]]:
    """(inches from the left edge, stage) of every start on the curve."""
    before = np.flatnonzero(np.diff(curve.positions) > 0)
    to_axes = axes.transData + axes.transAxes.inverted()
    low = axes.get_ylim()[0]
    at = [float(to_axes.transform((x, low))[0]) * _width(axes) for x in curve.x["updates"][before]]
    return [(x, names[position]) for x, position in zip(at, curve.positions[before + 1], strict=True)]


def _width(axes: Axes) -> float:
    return float(axes.get_window_extent().width) / axes.figure.dpi
