"""What is compared: differences with their intervals."""

from matplotlib.axes import Axes

from devlearn.evidence.load import Json
from devlearn.evidence.words import listed, number, size, span
from devlearn.report.figures.paper import COLOURS, GRID, INK, Drawn, few_ticks, finite, one_plot, scale, shorten


def differences(body: Json, name: str) -> Drawn:
    """Each pair's difference with its interval, against zero and the smallest effect of interest."""
    pairs = [pair for pair in body["comparisons"] if pair["difference"] is not None]
    figure, axes = one_plot(0.62 + 0.36 * max(1, len(pairs)), left=0.29)
    axes.grid(False, axis="y")
    axes.axvline(0, color=INK, linewidth=0.8)
    if body["smallest_effect"]:
        axes.axvspan(-body["smallest_effect"], body["smallest_effect"], color=GRID, alpha=0.55, linewidth=0)
    for row, pair in enumerate(pairs):
        _row(axes, pair, row)
    axes.set_yticks(range(len(pairs)), [_label(pair) for pair in pairs])
    axes.set_ylim(max(1, len(pairs)) - 0.4, -0.6)
    few_ticks(axes, "x")
    scale(axes, "x", body["metric"])
    unit = " (points)" if body["metric"] == "accuracy" else ""
    axes.set_xlabel(f"difference in {body['metric'].replace('_', ' ')}{unit}", color=INK)
    told = listed([_told(pair, body["metric"]) for pair in pairs] or ["none yet"])
    return Drawn(name, figure, _caption(body, pairs), f"Differences with 95 % intervals: {told}.")


def _row(axes: Axes, pair: Json, row: int) -> None:
    axes.plot(pair["difference"], row, "o", color=COLOURS[0], markersize=4.5)
    if finite(pair["interval"]):
        axes.plot(pair["interval"], [row, row], color=COLOURS[0], linewidth=1.8, solid_capstyle="round")
    if (ends := pair["interval_new_images"]) and finite(ends):
        axes.plot(ends, [row + 0.2, row + 0.2], color=COLOURS[1], linewidth=1, linestyle=(0, (3, 1.5)))


def _label(pair: Json) -> str:
    return f"{shorten(pair['arm'])}\n− {shorten(pair['against'])}"


def _caption(body: Json, pairs: list[Json]) -> str:
    text = "The mean difference and its interval over seeds."
    if any(pair["interval_new_images"] for pair in pairs):
        text += " The dashed line below is the interval that also holds for new images."
    if body["smallest_effect"]:
        text += (
            f" Shaded: smaller than the smallest effect of interest, {size(body['smallest_effect'], body['metric'])}."
        )
    return text


def _told(pair: Json, metric: str) -> str:
    gap = f"{pair['arm']} minus {pair['against']} {number(pair['difference'], metric, sign=True)}"
    low, high = pair["interval"]
    return f"{gap} ({'no interval' if low is None or high is None else span(low, high, metric)})"
