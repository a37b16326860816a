"""What an environment that can't be drawn showed: observations over time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devlearn.records.arrays import Picture
from devlearn.report.pictures import moment_of
from devlearn.report.section import Drawn
from devlearn.report.style import COLOURS, DOUBLE, INK, SMALL, few_ticks, hover, plain, sheet

MOST = 12  # lanes


def traces(pictures: Sequence[Picture], arm: str, name: str) -> Drawn:
    """One greedy episode at each moment: a lane for each number that is observed, all on one scale a lane."""
    shown = [(picture, np.asarray(picture.arrays["trace"], np.float64)) for picture in pictures]
    lanes = min(MOST, max(trace.shape[1] for _, trace in shown))
    height = 0.62 + 0.2 * lanes
    figure = sheet(height, DOUBLE)
    low = np.min([np.nanmin(trace[:, :lanes], 0) for _, trace in shown], 0)
    reach = np.maximum(np.max([np.nanmax(trace[:, :lanes], 0) for _, trace in shown], 0) - low, 1e-12)
    each = 0.94 / len(shown)
    for column, (picture, trace) in enumerate(shown):
        place = (0.045 + column * each, 0.4 / height, each - 0.025, 1 - 0.62 / height)
        steps = picture.arrays.get("steps", np.arange(len(trace)))
        axes = plain(figure.add_axes(place, facecolor="none"))
        for lane in range(lanes):
            heights = 0.8 * (trace[:, lane] - low[lane]) / reach[lane] - lane
            (line,) = axes.plot(steps, heights, color=COLOURS[0], linewidth=0.8)
            hover(line, f"number {lane}, {moment_of(picture)}: {_ends(trace[:, lane])}")
        axes.set_ylim(-lanes + 0.9, 0.9)
        axes.set_yticks(
            [0.4 - lane for lane in range(lanes)], [str(lane) for lane in range(lanes)] if not column else []
        )
        few_ticks(axes, "x", 3)
        axes.set_title(moment_of(picture), fontsize=SMALL, color=INK, loc="left", pad=2)
    figure.text(0.5, 0.03 / height, "steps of one episode", ha="center", fontsize=SMALL, color=INK)
    data = [
        {"moment": moment_of(picture), "step": float(step), **{f"observed_{i}": float(v) for i, v in enumerate(row)}}
        for picture, trace in shown
        for step, row in zip(picture.arrays.get("steps", np.arange(len(trace))), trace, strict=True)
    ]
    told = "; ".join(f"{moment_of(p)} {len(t)} moments, return {_return(p)}" for p, t in shown)
    caption = f"{arm}: what was observed over one greedy episode, a lane for each number, scaled alike at all moments."
    most = max(trace.shape[1] for _, trace in shown)
    caption += f" The first {lanes} of {most} numbers." if most > lanes else ""
    return Drawn(name, figure, caption, f"Observations of {arm} over one episode: {told}.", data)


def _ends(seen: NDArray[np.float64]) -> str:
    least, most = np.nanmin(seen), np.nanmax(seen)
    return f"{seen[0]:.3g} at first, {least:.3g} at the least, {most:.3g} at the most"


def _return(picture: Picture) -> str:
    rewards = picture.arrays.get("rewards")
    return "unknown" if rewards is None or not len(rewards) else f"{rewards[-1]:.3g}"
