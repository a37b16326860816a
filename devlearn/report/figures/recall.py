"""How far back learners answer, beside the best that is possible."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

from devlearn.evidence.text.formats import listed, number
from devlearn.report.section import Drawn
from devlearn.report.style import (
    INK,
    geometric,
    heading,
    hover,
    key,
    keyed_plot,
    log_axis,
    look,
    short,
)

Answers = Sequence[tuple[float, float, float] | None]  # mean and its interval at each lag


def recall(
    lines: Mapping[str, Answers], lags: Sequence[int], optimum: Sequence[float] | None, name: str, probe: str
) -> Drawn | None:
    """The share of right answers over how many steps ago, a line each; dashed, the most that any agent can get.

    None where nothing was measured yet.
    """
    known = {who: answers for who, answers in lines.items() if all(answer is not None for answer in answers)}
    if not known:
        return None
    figure, axes = keyed_plot(2.5, "share", len(known))
    if optimum is not None:
        axes.plot(lags, optimum, color=INK, linestyle=(0, (4, 2)), linewidth=1.0, zorder=1)
    told = []
    for index, (who, answers) in enumerate(known.items()):
        colour, marker, dash = look(index)
        mean, low, high = np.array([answer for answer in answers if answer is not None]).T
        style: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.3}
        (line,) = axes.plot(lags, mean, marker=marker, markersize=3.5, label=who, **style)
        hover(line, *(f"{who}, {100 * share:.3g} % at {lag:g}" for share, lag in zip(mean, lags, strict=True)))
        if np.all(np.isfinite(low)):  # of few learners an interval reaches beyond all that there is
            axes.fill_between(lags, low.clip(0, 1), high.clip(0, 1), color=colour, alpha=0.16, linewidth=0)
        told.append(f"{who} {_told(mean.tolist(), lags)}")
    if geometric(lags):
        log_axis(axes, lags)
    axes.set_xticks(lags, [short(lag) for lag in lags])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("steps back", color=INK)
    axes.set_ylim(0, 1.05)
    heading(axes, f"{probe}, right answers at the end (%)")
    key(axes)
    data = [
        {"who": who, "lag": lag, **dict(zip(("mean", "low", "high"), answer or (), strict=False))}
        for who, answers in known.items()
        for lag, answer in zip(lags, answers, strict=True)
    ]
    caption = (
        "Mean share of right answers over the steps between what was shown and the answer, with its 95 % t-interval, "
        "cut at 0 and 100 %."
    )
    if optimum is not None:
        caption += " Dashed: the largest that any agent can get, in closed form."
        told.append(f"the best possible {_told(optimum, lags)}")
    return Drawn(name, figure, caption, f"Right answers over lags: {'; '.join(told)}.", data)


def _told(shares: Sequence[float], lags: Sequence[int]) -> str:
    return listed([f"{number(share, 'share')} at {lag}" for share, lag in zip(shares, lags, strict=True)])
