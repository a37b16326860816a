"""The chance given to what is right after each trial, a line for each arm, and the ideal observer's."""

from collections.abc import Mapping

from matplotlib.ticker import MaxNLocator

from devlearn.evidence.statistics import Matrix
from devlearn.evidence.text.formats import listed, number
from devlearn.report.section import Drawn
from devlearn.report.style import DOUBLE, INK, SMALL, heading, look, plain, sheet, shorten

HEIGHT = 2.6  # inches


def stories(arms: Mapping[str, Matrix], probe: str, name: str, family: str = "") -> Drawn:
    """``arms``: of each its learners' chances and the ideal's, (L, 2, T + 1)."""
    figure = sheet(HEIGHT, DOUBLE)
    axes = plain(figure.add_axes((0.06, 0.17, 0.68, 0.7), facecolor="none"))
    for index, (arm, chances) in enumerate(arms.items()):
        (colour, marker, dash), mean = look(index), chances[:, 0].mean(0)
        for own in chances[:, 0]:
            axes.plot(own, color=colour, linewidth=0.5, alpha=0.3)
        axes.plot(mean, color=colour, marker=marker, markersize=3, linestyle=dash, linewidth=1.2, label=shorten(arm))
    ideal = next(iter(arms.values()))[:, 1].mean(0)
    axes.plot(ideal, color=INK, linewidth=2.0, alpha=0.6, label="ideal observer")
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trials", color=INK)
    heading(axes, f"{probe}: chance given to the right answer")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=SMALL)
    caption = (
        "The chance that learners give to the right answer where they are asked after so many trials, their mean bold, "
        "and the ideal observer's, broad, which may be told more than they are. Who gives all to what is likeliest, "
        "as rewards teach, is right more often than it can be sure, and so may end above the ideal observer."
    )
    told = [f"{arm} {_ends(chances[:, 0].mean(0))}" for arm, chances in arms.items()]
    of = f"{family}: " if family else ""
    ends = listed([*told, f"ideal observer {_ends(ideal)}"])
    alt = f"Chance of the right answer before the first and after the last trial: {ends}."
    return Drawn(name, figure, f"{of}{caption}", alt)


def _ends(values: Matrix) -> str:
    return f"{number(float(values[0]), 'share')} to {number(float(values[-1]), 'share')}"
