"""The chance given to what is right after each trial, a plot for each arm, and the ideal observer's."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from devlearn.evidence.statistics import Matrix
from devlearn.evidence.text.formats import listed, number
from devlearn.report.data import courses
from devlearn.report.section import Drawn
from devlearn.report.style import INK, SMALL, TEXT, hover_at, look, plain, scale, sheet, shorten

COLUMNS = 2
ROW, ABOVE, BELOW = 1.15, 0.3, 0.4  # inches: a plot with its name, the title, the axis' name


def stories(arms: Mapping[str, Matrix], probe: str, name: str, family: str = "") -> Drawn:
    """``arms``: of each its learners' chances and the ideal's, (L, 2, T + 1)."""
    rows = -(-len(arms) // COLUMNS)
    height = ABOVE + rows * ROW + BELOW
    figure = sheet(height)
    figure.text(
        0.02, 1 - 0.04 / height, f"{probe}: chance given to the right answer (%)", va="top", color=INK, size=TEXT
    )
    ideal = next(iter(arms.values()))[:, 1].mean(0)
    for index, (arm, chances) in enumerate(arms.items()):
        (colour, _, dash), (row, column) = look(index), divmod(index, COLUMNS)
        low = height - ABOVE - (row + 1) * ROW + 0.14
        axes = plain(
            figure.add_axes((0.09 + 0.48 * column, low / height, 0.41, (ROW - 0.38) / height), facecolor="none")
        )
        for own in chances[:, 0]:
            axes.plot(own, color=colour, linewidth=0.5, alpha=0.35)
        axes.plot(ideal, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.plot(chances[:, 0].mean(0), color=colour, linestyle=dash, linewidth=1.6)
        _name(axes, {"ideal observer": ideal, arm: chances[:, 0].mean(0)})
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0.0, 0.5, 1.0])
        scale(axes, "y", "share")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_title(shorten(arm), color=INK, fontsize=SMALL, loc="left", pad=3)
        if index + COLUMNS >= len(arms):
            axes.set_xlabel("trials", color=INK)
        else:
            axes.tick_params(labelbottom=False)
        if column:
            axes.tick_params(labelleft=False)
    caption = (
        "The chance that learners give to the right answer where they are asked after so many trials, their mean bold, "
        "and, dashed, the ideal observer's, which may be told more than they are. Who gives all to what is likeliest, "
        "as rewards teach, is right more often than it can be sure, and so may end above the ideal observer."
    )
    told = [f"{arm} {_ends(chances[:, 0].mean(0))}" for arm, chances in arms.items()]
    of = f"{family}: " if family else ""
    ends = listed([*told, f"ideal observer {_ends(ideal)}"])
    alt = f"Chance of the right answer before the first and after the last trial: {ends}."
    data = [
        row
        for arm, chances in arms.items()
        for who, of_them in enumerate(("network", "ideal"))
        for row in courses(
            {"arm": arm, "who": of_them}, {"trial": range(chances.shape[2]), "chance": chances[:, who].mean(0).tolist()}
        )
    ]
    return Drawn(name, figure, f"{of}{caption}", alt, data)


def _name(axes: Axes, lines: Mapping[str, Matrix]) -> None:
    """What a reader is told who points at a line after so many trials."""
    told = [(t, value, who) for who, line in lines.items() for t, value in enumerate(line.tolist())]
    texts = [f"{who}, {number(value, 'share')} after {t} trials" for t, value, who in told]
    hover_at(axes, [t for t, *_ in told], [value for _, value, _ in told], texts)


def _ends(values: Matrix) -> str:
    return f"{number(float(values[0]), 'share')} to {number(float(values[-1]), 'share')}"
