"""The return of the environment and the bonus of curiosity, one above the other."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from devlearn.evidence.analysis.training import Course
from devlearn.evidence.text.formats import listed, number
from devlearn.report.figure_groups import said_once
from devlearn.report.figures.learning import HOVERED
from devlearn.report.figures.online import course_rows
from devlearn.report.section import Drawn
from devlearn.report.style import (
    INK,
    counts,
    few_ticks,
    from_zero,
    heading,
    hover_at,
    label_ends,
    look,
    right_of,
    two_plots,
)

TITLES = {"return": "return of training episodes", "bonus": "bonus (standard deviation over steps)"}


def bonuses(arms: Mapping[str, Mapping[str, Course]], name: str, family: str = "", first: bool = True) -> Drawn:
    """Every arm's return over its life in environment steps, and below it what was added to its rewards.

    ``arms`` are the courses of ``return`` and ``bonus``, by arm; an arm without curiosity has none of a bonus.
    What is shown is said under the ``first`` of several families.
    """
    figure, plots = two_plots(3.6, "", right=right_of(arms))
    for axes, metric in zip(plots, TITLES, strict=True):
        ends = []
        for index, (arm, courses) in enumerate(arms.items()):
            if metric in courses and len(courses[metric].x):
                _draw(axes, courses[metric], index, -np.inf if metric == "return" else 0.0)
                _tell(axes, courses[metric], f"{arm}, {metric}")
                ends.append((float(courses[metric].mean[-1]), arm, index))
        few_ticks(axes, "y", 4)
        counts(axes)
        from_zero(axes)
        heading(axes, TITLES[metric])
        label_ends(axes, ends)
    plots[-1].set_xlabel("environment steps over the whole life", color=INK)
    told = listed([_told(arm, courses) for arm, courses in arms.items()])
    n = max(course.n for courses in arms.values() for course in courses.values())
    caption = (
        f"What the environment paid, which is the return that counts, and what curiosity added to it: means of {n}"
        " learners and their pointwise 95 % t-intervals. A bonus that falls says that less is news."
    )
    return Drawn(
        name,
        figure,
        said_once(caption, family, first),
        f"Return and bonus over environment steps, first and last value: {told}.",
        [row for arm, own in arms.items() for course in own.values() for row in course_rows({arm: course})],
    )


def _draw(axes: Axes, course: Course, index: int, least: float) -> None:
    """``least``: below it there are no values, so intervals of means end there."""
    colour, marker, dash = look(index)
    axes.plot(course.x, course.mean, color=colour, linestyle=dash, linewidth=1.1)
    if np.all(np.isfinite(course.low)):
        axes.fill_between(course.x, np.maximum(course.low, least), course.high, color=colour, alpha=0.14, linewidth=0)
    axes.plot(course.x[-1:], course.mean[-1:], marker, color=colour, markersize=3.5)


def _tell(axes: Axes, course: Course, what: str) -> None:
    """What a reader is told at each place, or, where they are many, at the line's end."""
    many = len(course.x) > HOVERED
    x, y = (values[-1:].tolist() if many else values.tolist() for values in (course.x, course.mean))
    hover_at(axes, x, y, [f"{what} {number(value, '')} at {at:,.0f}" for at, value in zip(x, y, strict=True)])


def _told(arm: str, courses: Mapping[str, Course]) -> str:
    said = [
        f"{metric} {number(float(course.mean[0]), '')} to {number(float(course.mean[-1]), '')}"
        for metric, course in courses.items()
        if len(course.x)
    ]
    return f"{arm} {' and '.join(said) or 'nothing yet'}"
