"""What is compared: differences with their intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from devlearn.evidence.text.comparison import FEW
from devlearn.evidence.text.formats import listed, number, size, span
from devlearn.records.declared import SHARE
from devlearn.records.results import Comparison, PairResult
from devlearn.report.data import Row
from devlearn.report.section import Drawn
from devlearn.report.style import (
    COLOURS,
    GRID,
    INK,
    few_ticks,
    finite,
    hover,
    left_of,
    one_plot,
    scale,
    shorten,
)

ROW, NARROW = 0.36, 0.18  # inches: of a row with a label of two lines, and of one


def differences(body: Comparison, name: str) -> Drawn:
    """Each pair's difference with its interval, against zero and the smallest effect of interest."""
    pairs = [pair for pair in body.comparisons if pair.difference is not None]
    rows, step = _rows(pairs)
    figure, axes = one_plot(0.62 + step * max(1, len(rows)), left=left_of(line for label, _ in rows for line in label))
    axes.grid(False, axis="y")
    axes.axvline(0, color=INK, linewidth=0.8)
    if body.smallest_effect:
        axes.axvspan(-body.smallest_effect, body.smallest_effect, color=GRID, alpha=0.55, linewidth=0)
    for row, (_, pair) in enumerate(rows):
        if pair is not None:
            _row(axes, pair, row, body.unit)
    axes.set_yticks(range(len(rows)), ["\n".join(shorten(line) for line in label) for label, _ in rows])
    for text, (_, pair) in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_fontweight("normal" if pair else "bold")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(1, len(rows)) - 0.4, -0.6)
    few_ticks(axes, "x")
    scale(axes, "x", body.unit)
    unit = " (points)" if body.unit == SHARE else ""
    axes.set_xlabel(f"difference in {body.metric.replace('_', ' ')}{unit}", color=INK)
    told = listed([_told(pair, body.unit) for pair in pairs] or ["none yet"])
    return Drawn(name, figure, _caption(body, pairs), f"Differences with their intervals: {told}.", _data(pairs))


def _row(axes: Axes, pair: PairResult, row: int, unit: str) -> None:
    assert pair.difference is not None
    (dot,) = axes.plot(pair.difference, row, "o", color=COLOURS[0], markersize=4.5)
    hover(dot, f"{_told(pair, unit)}: {pair.suggests}")
    if finite(pair.interval):
        axes.plot(pair.interval, [row, row], color=COLOURS[0], linewidth=1, solid_capstyle="round")
    if finite(pair.interval_alone):
        axes.plot(pair.interval_alone, [row, row], color=COLOURS[0], linewidth=2.4, solid_capstyle="round")
    if (ends := pair.interval_new_images) and finite(ends):
        axes.plot(ends, [row + 0.2, row + 0.2], color=COLOURS[1], linewidth=1, linestyle=(0, (3, 1.5)))


def _data(pairs: Sequence[PairResult]) -> list[Row]:
    ends = {"": "interval", "_alone": "interval_alone", "_new_images": "interval_new_images"}
    return [
        {
            "arm": pair.arm,
            "against": pair.against,
            "n": pair.n,
            "difference": pair.difference,
            **{
                f"{end}{what}": (getattr(pair, of) or (None, None))[side]
                for what, of in ends.items()
                for side, end in enumerate(("low", "high"))
            },
            "p": pair.p,
            "p_adjusted": pair.p_adjusted,
            "verdict": pair.suggests,
        }
        for pair in pairs
    ]


def _rows(pairs: Sequence[PairResult]) -> tuple[list[tuple[tuple[str, ...], PairResult | None]], float]:
    """The lines of each row's label with its pair, and a row's height; many pairs stand under the name of their arm."""
    if len(pairs) <= FEW:
        return [((pair.arm, f"− {pair.against}"), pair) for pair in pairs], ROW
    rows: list[tuple[tuple[str, ...], PairResult | None]] = []
    for arm in dict.fromkeys(pair.arm for pair in pairs):
        rows.append(((arm,), None))
        rows += [((f"− {pair.against}",), pair) for pair in pairs if pair.arm == arm]
    return rows, NARROW


def _caption(body: Comparison, pairs: Sequence[PairResult]) -> str:
    text = "The difference and its interval over seeds."
    if body.family > 1:
        held = f"thick each alone, thin so that all {body.family} hold together"
        text = f"The difference and its intervals over seeds, {held}."
    if not any(pair.interval and finite(pair.interval) for pair in pairs):
        text = "The difference; so few seeds give it no interval."
    if any(pair.interval_new_images and finite(pair.interval_new_images) for pair in pairs):
        text += " The dashed line below is the interval that also holds for new images."
    if body.smallest_effect:
        text += f" Shaded: smaller than the smallest effect of interest, {size(body.smallest_effect, body.unit)}."
    return text


def _told(pair: PairResult, unit: str) -> str:
    gap = f"{pair.arm} minus {pair.against} {number(pair.difference, unit, sign=True)}"
    low, high = pair.interval
    return f"{gap} ({'no interval' if low is None or high is None else span(low, high, unit)})"
