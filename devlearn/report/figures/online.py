"""How fast tasks are learned at every age."""

from collections.abc import Iterator, Mapping

import numpy as np

from devlearn.evidence.analysis.training import Course
from devlearn.evidence.text.formats import listed, number
from devlearn.report.data import Row, courses
from devlearn.report.figure_groups import said_once
from devlearn.report.section import Drawn
from devlearn.report.style import INK, counts, few_ticks, heading, hover, label_ends, look, one_plot, right_of


def course_rows(arms: Mapping[str, Course]) -> Iterator[Row]:
    """The numbers of some courses."""
    for arm, course in arms.items():
        columns = {course.unit: course.x, "mean": course.mean, "low": course.low, "high": course.high}
        yield from courses({"arm": arm, "metric": course.metric}, {name: one.tolist() for name, one in columns.items()})


def online(arms: Mapping[str, Course], name: str, family: str = "", first: bool = True) -> Drawn:
    """The online accuracy of every arm over its life in updates.

    ``family`` is what these arms are called, if they are some; what is shown is said under the ``first`` of several.
    """
    figure, axes = one_plot(2.6, "share", right=right_of(arms))
    ends = []
    for index, (arm, course) in enumerate(arms.items()):
        colour, marker, dash = look(index)
        axes.plot(course.x, course.mean, color=colour, linestyle=dash, linewidth=1.1)
        if np.all(np.isfinite(course.low)):
            low, high = np.clip([course.low, course.high], 0, 1)
            axes.fill_between(course.x, low, high, color=colour, alpha=0.14, linewidth=0)
        (end,) = axes.plot(course.x[-1:], course.mean[-1:], marker, color=colour, markersize=3.5)
        hover(end, f"{arm}, {number(100 * float(course.mean[-1]), '')} % at update {course.x[-1]:,.0f}")
        ends.append((float(course.mean[-1]), arm, index))
    few_ticks(axes, "y", 4)
    counts(axes)
    axes.set_xlabel("updates over the whole life", color=INK)
    heading(axes, "online accuracy (%)")
    label_ends(axes, ends)
    told = listed(
        [
            f"{arm} {number(float(c.mean[0]), 'share')} to {number(float(c.mean[-1]), 'share')}"
            for arm, c in arms.items()
        ]
    )
    caption = (
        f"How fast task after task is learned: the accuracy of minibatches before each update, means over"
        f" {max(course.n for course in arms.values())} learners and their pointwise 95 % t-intervals. A line that falls"
        " is a network that loses its plasticity."
    )
    alt = f"Online accuracy over updates, first and last value: {told}."
    return Drawn(name, figure, said_once(caption, family, first), alt, list(course_rows(arms)))
