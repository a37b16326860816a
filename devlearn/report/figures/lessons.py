"""The lesson of every learner over its life, arm under arm."""

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import MaxNLocator

from devlearn.evidence.statistics import Vector
from devlearn.evidence.text.formats import listed, number
from devlearn.report.data import courses
from devlearn.report.figure_groups import said_once
from devlearn.report.section import Drawn
from devlearn.report.style import INK, counts, heading, hover, look, plain, sheet

EACH, ABOVE, BELOW = 0.78, 0.1, 0.42  # inches: an arm's plot with its name, what is free above and below all
NAME = 0.24  # inches of an arm's plot that its name takes

Lives = Mapping[int, tuple[Vector, Vector]]  # environment steps and lessons, (P,) each, by seed


def lessons(arms: Mapping[str, Lives], name: str, family: str = "", first: bool = True) -> Drawn:
    """A plot for each arm that had lessons, a line for each of its learners.

    What is shown is said under the ``first`` of several families.
    """
    height = ABOVE + EACH * len(arms) + BELOW
    figure = sheet(height)
    shared = None
    for index, (arm, lives) in enumerate(arms.items()):
        bottom = BELOW + EACH * (len(arms) - 1 - index)
        place = (0.125, bottom / height, 0.83, (EACH - NAME) / height)
        axes = plain(figure.add_axes(place, facecolor="none", sharex=shared))
        shared = shared or axes
        colour, top = look(index)[0], max(float(values.max()) for _, values in lives.values())
        for seed, (steps, values) in lives.items():
            (line,) = axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.6)
            hover(line, f"{arm}, seed {seed}: lesson {values[-1]:.3g} at the end")
        axes.set_ylim(-0.05 * (top or 1), 1.05 * (top or 1))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=top > 1))
        heading(axes, f"{arm}, lesson")
        axes.tick_params(labelbottom=index == len(arms) - 1)
    assert shared is not None
    counts(axes)
    axes.set_xlabel("environment steps over the whole life", color=INK)
    most = max(len(lives) for lives in arms.values())
    caption = (
        f"Which lesson each learner is in, a line for each of up to {most} learners: by its number, 0 the first, or by "
        "its place in ranges of keywords, from 0 to 1; the mean over its environments."
    )
    told = listed([_told(arm, lives) for arm, lives in arms.items()])
    return Drawn(
        name,
        figure,
        said_once(caption, family, first),
        f"Lesson over environment steps, first and last mean over learners: {told}.",
        [
            row
            for arm, own in arms.items()
            for seed, (steps, values) in own.items()
            for row in courses({"arm": arm, "seed": seed}, {"env_steps": steps.tolist(), "lesson": values.tolist()})
        ],
    )


def _told(arm: str, lives: Lives) -> str:
    first, last = (np.mean([values[place] for _, values in lives.values()]) for place in (0, -1))
    return f"{arm} {number(float(first), '')} to {number(float(last), '')}"
